//! References to bundle: resolve, plan, fetch, publish.
//!
//! [`resolve`] turns references into roots, once, be they of registries or of image layouts on disk; [`plan`]
//! fetches every manifest below them and lays out the archive, which can be shown before anything large
//! moves; [`Packing::write`] brings the blobs to their places, from the nearest place that has each.
//!
//! What is absent here: a terminal, exit codes, and any parsed form of a manifest on its way out.

mod any_order;
mod archive_order;
mod attached;
mod attempts;
mod blob_job;
mod blob_supply;
mod blocking;
mod check_layouts;
mod choose_platforms;
mod error;
mod error_list;
mod fetch_lanes;
mod fetched;
mod forecast;
mod foreign;
mod from_layouts;
mod image_clock;
mod image_plan;
mod layouts;
mod local;
mod location;
mod mirrored;
mod nearest_copy;
mod options;
mod origin;
mod output;
mod packing;
mod plan;
mod prefetch;
mod registries;
mod remaining_blobs;
mod remote_blob;
mod request;
mod resolve;
mod resolve_error;
mod resolved;
mod room;
mod scope;
mod sink;
mod source;
mod supplied_blob;
mod survey;
mod surveyed_image;
mod tag_lists;
mod walk;
mod write;

pub use attached::error::AttachedError;
pub use attempts::Attempted;
pub use error::{
    BuildError, FetchError, LackingPlatforms, MissingManifest, NotAsLocked, PackError, ReuseError,
};
pub use error_list::{Plural, Several};
pub use fetched::Fetched;
pub use forecast::forecast;
pub use layouts::{Damage, LayoutDamage, LayoutError, LayoutFailure, Layouts};
pub use local::LocalContents;
pub use location::{LayoutLocation, LayoutPath, Location};
pub use mirrored::from_mirror;
pub use options::{ForeignLayers, Missing, PlanOptions};
pub use output::{LockedOutput, Output};
pub use packing::{ImagePlan, Packing};
pub use plan::{plan, plan_each};
pub use registries::Registries;
pub use remote_blob::RemoteBlob;
pub use request::{ImageChoice, ImageRequest, LockedContent};
pub use resolve::{Resolution, resolve, resolve_each};
pub use resolve_error::{DigestAt, ResolveError, note};
pub use resolved::Resolved;
pub use source::Source;
pub use supplied_blob::{BlobPlace, LayoutBlob, SuppliedBlob};
pub use survey::survey;
pub use surveyed_image::SurveyedImage;
pub use tag_lists::{TagLists, tag_lists};
pub use write::{Built, Outcome};
