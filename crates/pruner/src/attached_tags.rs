//! Tags of what is attached to manifests. They go with their subject; every other tag keeps what it stands
//! for, whatever its name.

use std::collections::HashSet;

use airlift_oci::graph::{COSIGN_SUFFIXES, fallback_tag};
use airlift_oci::{Digest, Tag};

use crate::contents::Contents;
use crate::error::PruneError;

/// Those tags that name what is attached to one of `subjects`, and stand for such a thing: a list of its
/// referrers, or what cosign attached.
///
/// # Errors
/// If something can't be looked at.
pub(crate) async fn attached_tags(
    subjects: &[Digest],
    contents: &mut Contents<'_>,
) -> Result<HashSet<Tag>, PruneError> {
    let mut found = HashSet::new();
    for (tag, digest) in contents.tags.clone() {
        let Some((subject, suffix)) = subjects.iter().find_map(|subject| named_by(&tag, subject)) else {
            continue;
        };
        let is_attached = match suffix {
            None => lists_referrers(digest, subject, contents).await?,
            // An index is an image of its own.
            Some(_) => digest != subject && !is_index(digest, contents).await?,
        };
        if is_attached {
            found.insert(tag);
        }
    }
    Ok(found)
}

/// The subject of a tag that is made of its digest, with cosign's suffix if there is one.
fn named_by<'a>(tag: &'a Tag, subject: &Digest) -> Option<(Digest, Option<&'a str>)> {
    let rest = tag.as_str().strip_prefix(&fallback_tag(subject))?;
    match rest.strip_prefix('.') {
        None if rest.is_empty() => Some((*subject, None)),
        Some(suffix) if COSIGN_SUFFIXES.contains(&suffix) => Some((*subject, Some(suffix))),
        _ => None,
    }
}

/// Whether it is an index of manifests that are attached to `subject`, as far as they are there.
async fn lists_referrers(
    digest: Digest,
    subject: Digest,
    contents: &mut Contents<'_>,
) -> Result<bool, PruneError> {
    let names = contents.names(&[digest]).await?;
    let Some((_, list)) = names.into_iter().next().filter(|(_, list)| list.is_index) else {
        return Ok(false);
    };
    let children = contents.names(&list.children).await?;
    let is_attached = children.iter().all(|(_, child)| !child.is_there || child.subject == Some(subject));
    Ok(digest != subject && is_attached)
}

async fn is_index(digest: Digest, contents: &mut Contents<'_>) -> Result<bool, PruneError> {
    Ok(contents.names(&[digest]).await?.iter().any(|(_, names)| names.is_index))
}
