//! Advice on images that are not at a registry as they should be.

use airlift_checker::{CheckError, CheckedImage, State};

use super::registry;

/// Where an image was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum CheckedAt {
    /// Where it comes from.
    Source,
    /// Where it was pushed to.
    Target,
}

/// The next step for an image.
pub(crate) fn of_checked(image: &CheckedImage, at: CheckedAt) -> Option<String> {
    let advice = match (image.state, at) {
        (State::Ok, _) => return None,
        (State::Unreachable, _) => return of_error(image.error.as_ref()?),
        (State::Drift, CheckedAt::Source) => {
            "`airlift lock --update NAME` takes what the tag stands for now; a build from the lock takes the locked digest"
        }
        (State::Drift, CheckedAt::Target) => {
            "`airlift push BUNDLE DEST --move-tags`, or `airlift copy` with --move-tags, moves the tag back"
        }
        (State::Lost | State::Incomplete, CheckedAt::Target) => {
            "`airlift push BUNDLE DEST --recheck`, or `airlift copy` with --recheck, sends again what is not there"
        }
        (State::Damaged, CheckedAt::Target) => {
            "delete the image there, and collect its blobs; then `airlift push BUNDLE DEST --recheck` sends it again"
        }
        (State::Lost | State::Incomplete | State::Damaged, CheckedAt::Source) => {
            "a bundle that has it can be built from (--reuse) and pushed; else it has to be published again"
        }
    };
    Some(advice.to_owned())
}

fn of_error(error: &CheckError) -> Option<String> {
    match error {
        CheckError::SaysYes(_) => Some("--deep reads the blobs".to_owned()),
        CheckError::AnyManifest(_) => Some("check host and port".to_owned()),
        error => error.registry().and_then(registry::of_error),
    }
}
