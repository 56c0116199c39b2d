//! Registry to registry without a file: what a build would pack, as the source of a push.
//!
//! The packager resolves references and makes a plan, with all manifests in memory. [`copied_content`] makes
//! a source of a push of that plan: its blobs are streamed from where the plan finds them, each attempt to
//! send one by a new download. The pusher hashes them on their way, as it does all that it sends.
//!
//! What is absent here: files, a terminal, and any rule of how to fetch or how to push.

mod content;
mod observer;
mod pipe;

pub use content::copied_content;
pub use observer::download_observer;
