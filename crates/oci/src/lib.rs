//! The field's types: digests, descriptors, references, platforms, manifests, and the graph that they form.
//!
//! Everything here takes bytes and values. There is no file, no network, no archive, no terminal and no clock
//! in this crate; a test over `cargo metadata` and the sources holds that. What a type does not know: where
//! its bytes came from, and where they go.

pub mod annotations;
pub mod carried;
pub mod claimed_platforms;
pub mod contents;
pub mod descriptor;
pub mod digest;
pub mod digest_map;
pub mod document;
pub mod event;
pub mod graph;
pub mod image_config;
pub mod layout;
pub mod listed;
pub mod manifest;
pub mod media_type;
pub mod multi_buffer;
pub mod pattern;
pub mod platform;
pub mod position;
pub mod reference;
pub mod referrers;
pub mod selection;

pub mod text;

pub use carried::Carried;
pub use descriptor::{BareDescriptor, Descriptor};
pub use digest::{Algorithm, Digest, DigestError, HashedPrefix, Hasher};
pub use digest_map::{DigestMap, DigestSet};
pub use event::{Event, Observer, Phase, Remedy, RunningPhase, Unobserved};
pub use graph::{Graph, GraphBuilder, GraphError, Limits};
pub use image_config::{BuildStep, ImageConfig};
pub use layout::Root;
pub use listed::{Descriptors, ListedDescriptor};
pub use manifest::{ManifestError, Node, RawManifest};
pub use multi_buffer::MultiBuffer;
pub use pattern::{Pattern, Unmatched};
pub use platform::Platform;
pub use position::Position;
pub use reference::{
    Host, HostError, LayoutForm, LayoutName, LayoutReference, Reference, ReferenceError, Repository,
    Selector, SourceReference, SourceReferenceError, Tag, Tidied,
};
pub use referrers::Referrers;
pub use selection::Selection;
