//! A strict read view of manifest and index JSON.
//!
//! Parsing here only ever reads: nothing in Airlift turns a [`Document`] back into bytes that leave the
//! machine. Two readers must not see two different images in the same bytes, so this view refuses what
//! parsers disagree on (see the fault list in `docs/guarantees.md`): duplicate members, members that differ
//! from a known one only by case (Go's decoder matches without case, and folds `ſ` to `s` and the Kelvin sign
//! to `k`), trailing content, a byte order mark, and nesting without end. Only members that Airlift reads are
//! held to this; the rest is carried as it lies.

mod error;
mod oddities;
pub(crate) mod places;
mod strict;
mod values;
mod view;

pub use error::DocumentError;
pub use oddities::oddities;
pub(crate) use strict::{parse_with, read_members};
pub(crate) use view::read_descriptor;
pub use view::{Document, platform_of_config};
