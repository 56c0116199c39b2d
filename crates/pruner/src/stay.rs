//! What stays: all that is reached from manifests that stay.

use std::collections::HashSet;

use airlift_oci::Digest;

use crate::contents::{Contents, Leaves, Named};
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
    let mut level: Vec<Named> = roots.into_iter().map(Named::by_digest).collect();
    let mut followed = HashSet::new();
    level.retain(|named| followed.insert(named.digest));
    while !level.is_empty() {
        stay.extend(level.iter().map(|named| named.digest));
        let mut next = Vec::new();
        for (_, names) in contents.names(&level, Leaves::Skip).await? {
            next.extend(names.children.into_iter().chain(names.attached));
        }
        next.retain(|named| followed.insert(named.digest));
        level = next;
    }
    Ok(())
}
