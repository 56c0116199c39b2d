//! The bundle format: digests, the manifest graph, the planned archive, its writer and its strict reader.
//!
//! Everything here is synchronous and takes bytes, values and open files. There is no network, no terminal and no
//! clock in this crate; a test over `cargo metadata` holds that.

pub mod archive;
pub mod defect;
pub mod descriptor;
pub mod digest;
pub mod document;
mod folder;
pub mod frame;
pub mod graph;
pub mod header;
pub mod held;
pub mod layout;
mod locks;
pub mod manifest;
pub mod media_type;
pub mod observe;
mod os;
pub mod parallel;
pub mod part;
pub mod path;
mod pax;
pub mod plan;
pub mod platform;
pub mod recover;
pub mod scan;
pub mod section;
pub mod selection;
pub mod shelf;
pub mod storage;
pub mod summary;
pub mod text;
pub mod volumes;
pub mod writer;
pub mod zst;

pub use archive::{Archive, OpenError};
pub use defect::{Defect, Severity};
pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use graph::{Graph, GraphBuilder, GraphError, Limits};
pub use layout::Root;
pub use locks::Lock;
pub use manifest::{ManifestError, Node, RawManifest};
pub use observe::{Event, Observer, Unobserved};
pub use os::{names_in, settle};
pub use path::EntryPath;
pub use plan::{Plan, PlannedEntry};
pub use platform::Platform;
pub use section::Section;
pub use selection::Selection;
pub use shelf::Shelf;
pub use storage::Storage;
pub use writer::{BlobWriter, Existing, Writer};
