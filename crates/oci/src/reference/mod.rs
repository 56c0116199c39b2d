//! References: what people write to name an image, in Docker's grammar, and its canonical form.
//!
//! The grammar is [`oci_spec::distribution::Reference`]'s. Its gaps are closed here: IPv6 hosts, upper-case
//! hosts, tags beyond ASCII, ports out of range, digests that aren't lower-case hex, and constructors that
//! check nothing. Nothing else in Airlift parses a reference. Names in layouts of other tools need not be
//! references; [`repository_of`], [`tag_of`] and [`familiar`] take those apart as texts.

mod error;
mod grammar;
mod host;
mod loose;
mod mirrors;
mod repository;
mod source;
mod tag;
mod tidied;

pub use error::ReferenceError;
pub use grammar::{Reference, Selector};
pub use host::{HUB, HUB_API, Host, HostError, is_loopback, is_machine_local};
pub use loose::{familiar, repository_of, tag_of};
pub use mirrors::{AskedBy, MirrorError, MirrorFallback, MirrorRule, MirrorUse, Mirrors, RepositoryPrefix};
pub use repository::{Repository, is_repository_path};
pub use source::{LayoutForm, LayoutName, LayoutReference, SourceReference, SourceReferenceError};
pub use tag::Tag;
pub use tidied::Tidied;

#[cfg(test)]
mod tests;
