//! Files as operating systems and file systems give them: listing, durable renames, reserved space, direct
//! reads and writes, and reading at offsets.
//!
//! What one system offers and another lacks has a portable fallback here, so that no other crate needs a
//! `cfg` or asks what it runs on. `docs/filesystems.md` has the table of what is lacking where. This crate
//! knows no archive, no image and no network.

pub mod cache;
pub mod direct;
pub mod files;
pub mod lacking;
pub mod names;
pub mod range;
pub mod read;
pub mod reserve;
pub mod run;

pub use direct::{AlignedBuffer, Outlet};
pub use files::{Piece, Pieces, Purpose};
pub use lacking::is_lacking;
pub use names::{names_in, settle};
pub use range::RangeReader;
pub use read::{Contiguous, ReadAt, is_damage, read_full_at};
pub use run::{Run, RunReader};
