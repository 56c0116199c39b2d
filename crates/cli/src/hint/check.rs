//! Advice on images that are not at a registry as they should be.

use airlift_checker::{CheckError, CheckedImage, State};

use super::registry;

/// The next step for an image.
pub(crate) fn of_checked(image: &CheckedImage) -> Option<String> {
    let advice = match image.state {
        State::Ok => return None,
        State::Drift => {
            "`airlift lock --update` takes what the tag stands for now; `airlift push --move-tags` moves a target's tag back"
        }
        State::Lost => "push or copy it again; a source that deleted it has to publish it again",
        State::Incomplete | State::Damaged => {
            "at a target, `airlift push --recheck` sends again what is not there; at a source, it has to be published again"
        }
        State::Unreachable => return of_error(image.error.as_ref()?),
    };
    Some(advice.to_owned())
}

fn of_error(error: &CheckError) -> Option<String> {
    match error {
        CheckError::SaysYes(_) => Some("--deep reads the blobs".to_owned()),
        error => error.registry().and_then(registry::of_error),
    }
}
