//! Advice on image layouts from which a build takes images.

use std::io;

use airlift_bundle::OpenError;
use airlift_oci::layout::INDEX_FILE;
use airlift_packager::{Damage, LayoutDamage, LayoutError, Several};
use airlift_verifier::ExamineError;

use super::{bundle, finding};

const WRITERS: &str = "an image layout has index.json: `docker buildx build --output type=oci,dest=FILE`, `skopeo copy … oci-archive:FILE` and `airlift build` write archives of this form";

const AGAIN: &str =
    "make or copy the layout again; a bundle or layout that has the content can be named with --reuse";

/// The next step where images can't be taken from a layout.
pub(super) fn of_error(error: &LayoutError) -> Option<String> {
    match error {
        LayoutError::Open { hub, source: ExamineError::Open(source), .. } => match (source, hub) {
            (OpenError::Read { source, .. }, Some(hub)) if source.kind() == io::ErrorKind::NotFound => {
                Some(format!("if the image at Docker Hub is meant, write {hub}"))
            }
            (OpenError::NotALayout { path }, _) => bundle::of_folder(path).or(Some(WRITERS.to_owned())),
            (other, _) => bundle::of_open(other),
        },
        LayoutError::Unreadable { finding, .. } => match finding.detail {
            Some(detail) => Some(finding::of_detail(detail)),
            None if finding.path == [INDEX_FILE] => Some(WRITERS.to_owned()),
            None => None,
        },
        LayoutError::Ambiguous { .. } => {
            Some("write the full name, or a pattern with * to take all of them".to_owned())
        }
        LayoutError::OneName { layout, .. } => {
            Some(format!("name each with a reference of its own: {layout}:REF=NAME"))
        }
        LayoutError::NamedTwice { layout, first, .. } => {
            Some(format!("choose one by its digest, and name it: {layout}:{first}=NAME"))
        }
        LayoutError::Name { layout, digest, .. } => Some(format!("name it: {layout}:{digest}=NAME")),
        LayoutError::NotAsLocked { .. } => Some("`airlift lock --update` locks what is there now".to_owned()),
        LayoutError::Damaged { .. } => Some(AGAIN.to_owned()),
        LayoutError::Open { .. } | LayoutError::Empty { .. } | LayoutError::NoMatch { .. } => None,
        LayoutError::OtherForm { .. } => None,
    }
}

/// The next step where layouts lack blobs.
pub(super) fn of_damage(damage: &Several<LayoutDamage>) -> String {
    match damage.iter().all(|one| one.damage == Damage::Missing) {
        true => format!("{AGAIN}; --platform leaves out what only other platforms need"),
        false => AGAIN.to_owned(),
    }
}
