//! An OCI registry small enough to live in a binary: distribution-spec 1.1 over HTTP/1.1, writable over a
//! scratch folder.
//!
//! It is the registry of `airlift demo` and of the tests: strict in what it takes, exact in what it serves.
//! Bytes are kept and served as they came; nothing is ever serialised again. It has no TLS, no
//! credentials and no garbage collection, and what it knows of names and tags lives as long as the
//! [`Server`].
//!
//! [`samples`] are deterministic images to fill it with.

mod api;
mod app;
mod blocking;
mod body;
mod failure;
mod listen;
mod manifest;
mod names;
mod options;
mod request;
mod requests;
mod response;
mod route;
pub mod samples;
mod seed;
mod server;
mod storage;

pub use options::{Indexes, Options, Referrers};
pub use requests::Requests;
pub use seed::SeedError;
pub use server::{Server, StartError};
pub use storage::StorageError;
