//! The tags of repositories, for selectors.

use std::collections::{BTreeMap, BTreeSet};

use airlift_oci::{Repository, Tag};
use airlift_registry::{Concurrency, Error};
use futures::StreamExt;

use crate::source::Source;

/// What each registry says.
pub type TagLists = BTreeMap<Repository, Result<Vec<Tag>, Error>>;

/// All tags of each of these repositories, many lists at a time unless `jobs` is one.
pub async fn tag_lists(source: &Source, repositories: BTreeSet<Repository>, jobs: usize) -> TagLists {
    let lists = futures::stream::iter(repositories).map(|repository| async {
        let tags = source.registries.tags(&repository).await;
        (repository, tags)
    });
    lists.buffered(Concurrency::new(jobs).tasks).collect().await
}
