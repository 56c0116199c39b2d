//! What stays: all that is reached from manifests that stay.

use std::collections::HashSet;

use airlift_oci::Digest;

use crate::contents::Contents;
use crate::error::PruneError;

/// Adds all that these manifests name, directly or not, and what is attached to any of it.
///
/// # Errors
/// If something can't be looked at.
pub(crate) async fn add_all_below(
    stay: &mut HashSet<Digest>,
    roots: impl IntoIterator<Item = Digest>,
    contents: &mut Contents<'_>,
) -> Result<(), PruneError> {
    let mut level: Vec<Digest> = roots.into_iter().collect();
    let mut followed = HashSet::new();
    level.retain(|digest| followed.insert(*digest));
    while !level.is_empty() {
        stay.extend(level.iter().copied());
        let mut next = Vec::new();
        for (_, names) in contents.names(&level).await? {
            next.extend(names.children.into_iter().chain(names.attached));
        }
        next.retain(|digest| followed.insert(*digest));
        level = next;
    }
    Ok(())
}
