//! The bundle format: digests, the manifest graph, the planned archive, its writer and its strict reader.
//!
//! Everything here is synchronous and takes bytes, values and open files. There is no network, no terminal and no
//! clock in this crate; a test over `cargo metadata` holds that.

pub mod descriptor;
pub mod digest;
pub mod media_type;
pub mod observe;
pub mod platform;

pub use descriptor::Descriptor;
pub use digest::{Algorithm, Digest, DigestError, Hasher};
pub use observe::{Event, Observer, Unobserved};
pub use platform::Platform;
