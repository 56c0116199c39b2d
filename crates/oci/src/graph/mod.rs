//! The graph below a bundle's roots, walked level by level without doing any I/O.
//!
//! A [`GraphBuilder`] says which manifests it wants next; the caller gets them, from a registry or an
//! archive, and supplies them. Walks iterate and never recurse, visit a digest once, and stop at [`Limits`].

mod absent;
mod attachments;
mod builder;
mod entries;
mod find_attachments;
mod labels;
mod leaves;
mod limits;
mod lookup;
mod select_blobs;
mod upload_order;

pub use attachments::{Attachments, COSIGN_SUFFIXES, attached_to, fallback_tag};
pub use builder::GraphBuilder;
pub use entries::{BlobEntry, BlobRole, ManifestEntry};
pub use leaves::{Leaf, leaves};
pub use limits::{GraphError, Limit, Limits};
pub use lookup::Graph;
