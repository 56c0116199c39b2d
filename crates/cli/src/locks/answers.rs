//! What registries and layouts say of an image, as a lock takes it.

use airlift_lists::lock::{FetchedFrom, LockedPlatform, ResolvedImage};
use airlift_oci::contents::PlatformContent;
use airlift_packager::{LayoutLocation, LayoutPath, Location, SurveyedImage};

/// The answer for an image, in the words of a lock.
pub(crate) fn answer(image: &SurveyedImage) -> ResolvedImage {
    let locked = |one: &PlatformContent| LockedPlatform {
        platform: one.platform.clone(),
        digest: one.digest,
        size: one.size,
    };
    let from = match &image.fetched_from {
        Location::Registry(place) if image.fetched_from != image.location => {
            Some(FetchedFrom::Mirror(place.clone()))
        }
        Location::Registry(_) => None,
        Location::Layout(LayoutLocation { layout: LayoutPath { form, path }, .. }) => {
            Some(FetchedFrom::Layout { form: *form, path: path.clone() })
        }
    };
    ResolvedImage {
        digest: image.digest,
        media_type: image.media_type.clone(),
        size: image.size,
        platforms: image.platforms.iter().map(locked).collect(),
        from,
    }
}
