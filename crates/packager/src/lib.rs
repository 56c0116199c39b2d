//! References to bundle: resolve, plan, fetch, publish.
//!
//! [`resolve`] turns references into roots, once; [`Packing::plan`] fetches every manifest below them and
//! lays out the archive, which can be shown before anything large moves; [`Packing::write`] fetches the blobs
//! to their places.
//!
//! What is absent here: a terminal, exit codes, and any parsed form of a manifest on its way out.

mod attached;
mod choose;
mod compressed;
mod external;
mod fetch;
mod output;
mod plan;
mod resolve;
mod reuse;
mod several;
mod shelves;
mod source;
mod stream;
mod walk;

pub use attached::AttachedError;
pub use choose::LackingPlatforms;
pub use external::ForeignLayers;
pub use fetch::{FetchError, Fetched};
pub use output::{BuildError, Built, Outcome, Output};
pub use plan::{ImagePlan, Missing, MissingManifest, PackError, Packing, PlanOptions, Referrers};
pub use resolve::{ResolveError, Resolved, resolve};
pub use several::{Kind, Several};
pub use shelves::{ReuseError, Shelves};
pub use source::Source;
pub use stream::StreamError;
