//! Advice on a push: names at the target, tags, and images of which only some platforms are carried.

use airlift_pusher::{Certainty, KnownCause, PlanError, Receipt};
use airlift_registry::LikelyCause;

use super::registry;

/// For tags that stand for something else at the target.
pub(super) const MOVES_TAGS: &str = "--move-tags moves such tags";

/// For images that would get the same name at the target.
pub(super) const KEEPS_APART: &str = "--keep-host or --map keep them apart, --only pushes some of them";

/// For registries that want all children of an index.
const SPARSE: &str = "build or copy with all platforms, from a source that has them (an archive of docker save \
    has those that were pulled, and one of them by itself with docker save --platform); or have the registry accept such indexes \
    (Distribution v3: validation.manifests.indexes.platforms: none; Quay: FEATURE_SPARSE_INDEX); or push the chosen platforms \
    without the index (--selected-children)";

/// The next step where there is no plan.
pub(super) fn of_plan(error: &PlanError) -> Option<&'static str> {
    match error {
        PlanError::Conflict { .. } => Some(KEEPS_APART),
        PlanError::UnusedRule { reason: airlift_pusher::UnusedRule::LeftOut, .. } => {
            Some("--only leaves these images out: leave this --map out as well, or choose more images")
        }
        PlanError::UnusedRule { .. } => Some("correct this --map FROM=TO, or leave it out"),
        _ => None,
    }
}

/// The next step where a registry wants all children of an index.
pub(super) fn of_sparse(certainty: Certainty) -> String {
    match certainty {
        Certainty::Refuses => SPARSE.to_owned(),
        Certainty::Inconclusive => format!("{SPARSE}; or push without asking (--no-probe)"),
    }
}

/// The next step where a registry doesn't show what a tag stands for.
pub(super) fn of_hidden_tag(cause: Option<LikelyCause>) -> String {
    let moved = "log in as a user with the right to pull there, or give --move-tags, which moves the tag if it stands for something else";
    match cause {
        Some(cause) => format!("{moved}; {}", registry::of_cause(cause)),
        None => moved.to_owned(),
    }
}

/// The receipt with the next step behind each reason, where there is an obvious one.
pub(crate) fn with_advice(mut receipt: Receipt) -> Receipt {
    for image in &mut receipt.images {
        add(&mut image.cause, image.error.as_mut());
        for unlisted in &mut image.unlisted {
            add(&mut unlisted.cause, Some(&mut unlisted.reason));
        }
    }
    receipt
}

/// Adds the advice, once: the cause is removed.
fn add(cause: &mut Option<KnownCause>, text: Option<&mut String>) {
    if let (Some(cause), Some(text)) = (cause.take(), text) {
        text.push_str(&format!("; {}", of_image(cause)));
    }
}

fn of_image(cause: KnownCause) -> String {
    match cause {
        KnownCause::Registry(cause) => registry::of_cause(cause).to_owned(),
        KnownCause::Sparse => SPARSE.to_owned(),
        KnownCause::TagTaken => MOVES_TAGS.to_owned(),
        KnownCause::TagHidden(cause) => of_hidden_tag(cause),
    }
}
