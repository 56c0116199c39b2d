//! The name of an image at the target.

use airlift_oci::{Digest, Reference, ReferenceError, Repository, Root, Tag};

use crate::options::{Options, Untagged};
use crate::plan::destination::{Destination, target_path};
use crate::plan::error::PlanError;

/// An image's name at the target, and the position of the rule that gave it.
///
/// # Errors
/// If the image has no repository name, or the name at the target would not be valid.
pub(crate) fn target_name(
    root: &Root,
    destination: &Destination,
    options: &Options,
) -> Result<(Reference, Option<usize>), PlanError> {
    let name = || root.name();
    let bad_name = |source| PlanError::Name { name: name(), source };
    let reference = root.reference.as_deref().unwrap_or_default();
    let digest = root.descriptor.digest;
    // Image-spec 1.1 lets ref.name be a bare tag, and most tools write one; then only the user knows the
    // repository.
    if !reference.contains(['/', ':', '@']) {
        if destination.prefix().is_empty() {
            return Err(PlanError::Unnamed { name: name(), destination: destination.clone() });
        }
        let repository = destination.repository("").map_err(bad_name)?;
        let tag = Some(reference).filter(|tag| !tag.is_empty());
        return Ok((place(repository, tag, digest, options.untagged).map_err(bad_name)?, None));
    }
    let source: Reference = reference.parse().map_err(bad_name)?;
    let (path, rule) = target_path(&source, options.keep_host, &options.rules);
    let repository = destination.repository(&path).map_err(bad_name)?;
    Ok((place(repository, source.tag(), digest, options.untagged).map_err(bad_name)?, rule))
}

/// `repository:tag`. An image without a tag gets one made of its digest, because registries collect images
/// that have none.
fn place(
    repository: Repository,
    tag: Option<&str>,
    digest: Digest,
    untagged: Untagged,
) -> Result<Reference, ReferenceError> {
    match (tag, untagged) {
        (Some(tag), _) => Ok(Reference::tagged(repository, tag.parse::<Tag>()?)),
        (None, Untagged::Tag) => {
            Ok(Reference::tagged(repository, format!("airlift-{}", digest.short()).parse::<Tag>()?))
        }
        (None, Untagged::DigestOnly) => Ok(Reference::pinned(repository, digest)),
    }
}
