//! The images that tag selectors and layouts stand for.

use std::collections::{BTreeMap, BTreeSet};

use airlift_lists::lock::SelectedImage;
use airlift_lists::selector::{SelectionError, SelectorParts};
use airlift_lists::{Entry, TagQuery, TagSelector, Wanted};
use airlift_oci::{Reference, Repository, SourceReference, Tag, Unobserved};
use airlift_packager::{
    ImageRequest, Resolution, ResolveError, Resolved, Source, TagLists, note, resolve_each, tag_lists,
};

use crate::asked::select_error::SelectError;
use crate::asked::wishes::{AskedEntry, chosen};
use crate::locks::names::name_in_lock;

/// So many tags are shown where none is selected.
const SHOWN: usize = 5;

/// The images of entries, by the positions of these.
pub(crate) type Selected = BTreeMap<usize, Vec<SelectedImage>>;

/// Asks for the tags of those entries among `positions` that are selectors. Each repository is asked once.
pub(crate) async fn select_tags(
    entries: &[AskedEntry],
    positions: &[usize],
    source: &Source,
    jobs: usize,
) -> (Selected, Vec<SelectError>) {
    let queries = || {
        positions.iter().filter_map(|position| match &entries.get(*position)?.entry.wanted {
            Wanted::Tags(query) => Some((*position, query)),
            Wanted::Image(_) | Wanted::Locked(_) => None,
        })
    };
    let repositories: BTreeSet<Repository> = queries().map(|(_, query)| query.repository.clone()).collect();
    let mut lists = tag_lists(source, repositories, jobs).await;
    let (mut selected, mut errors) = (Selected::new(), Vec::new());
    for (position, query) in queries() {
        let mirror = source.mirror_of_tags(&query.repository).map(Box::new);
        match images_of(query, &mut lists, mirror, entries[position].place.clone()) {
            Ok(Some(images)) => drop(selected.insert(position, images)),
            Ok(None) => {}
            Err(error) => errors.push(error),
        }
    }
    (selected, errors)
}

/// Looks for the images of those entries among `positions` that are layouts. `asked` has their places.
pub(crate) async fn select_layouts(
    entries: &[Entry],
    positions: &[usize],
    asked: &[AskedEntry],
    source: &Source,
) -> (Selected, Vec<ResolveError>) {
    let (mut selected, mut errors) = (Selected::new(), Vec::new());
    for position in positions {
        let Some(entry) = entries.get(*position) else { continue };
        let Wanted::Image(SourceReference::Layout(layout)) = &entry.wanted else { continue };
        let request = ImageRequest {
            source: SourceReference::Layout(layout.clone()),
            locked: None,
            choice: chosen(&entry.choice),
            place: asked.get(*position).and_then(|asked| asked.place.clone()),
        };
        let Resolution { images, failed } = resolve_each(source, &[request], 1, &Unobserved).await;
        failed.into_iter().for_each(|error| note(&mut errors, error));
        let image = |image: &Resolved| {
            let (name, digest) = (image.root.reference.as_deref(), image.root.descriptor.digest);
            let reference = name_in_lock(layout.form, &layout.path, name, &digest);
            let platforms = image.layout_platforms.clone();
            SelectedImage { reference, digest: Some(digest), platforms }
        };
        selected.insert(*position, images.iter().map(image).collect());
    }
    (selected, errors)
}

/// The images of one selector; `None` if an earlier one has the error that is about its repository.
fn images_of(
    query: &TagQuery,
    lists: &mut TagLists,
    mirror: Option<Box<Repository>>,
    place: Option<String>,
) -> Result<Option<Vec<SelectedImage>>, SelectError> {
    let TagQuery { repository, selector } = query;
    let tags = match lists.get(repository) {
        None => return Ok(None),
        Some(Ok(tags)) => tags,
        Some(Err(_)) => {
            let Some(Err(source)) = lists.remove(repository) else { return Ok(None) };
            let (repository, selector) = (repository.clone(), selector.canonical().to_owned());
            return Err(SelectError::Tags { repository, mirror, selector, place, source });
        }
    };
    let found = selector.select(tags.iter().map(Tag::as_str)).map_err(|reason| {
        let some =
            if matches!(reason, SelectionError::Nothing { .. }) { some_of(tags) } else { String::new() };
        SelectError::Selection { repository: repository.clone(), mirror, place, reason, some }
    })?;
    let image = |tag: Tag| {
        let reference = Reference::tagged(repository.clone(), tag);
        SelectedImage::whole(SourceReference::Registry(reference), None)
    };
    Ok(Some(found.into_iter().filter_map(|tag| tag.parse().ok()).map(image).collect()))
}

/// Some of the tags: the newest versions, else the first ones.
fn some_of(tags: &[Tag]) -> String {
    let parts = SelectorParts { newest: Some(SHOWN), prerelease: true, ..SelectorParts::default() };
    let all = || tags.iter().map(Tag::as_str);
    let newest = TagSelector::new(&parts).ok().and_then(|newest| newest.select(all()).ok());
    let some: Vec<&str> = newest.unwrap_or_else(|| all().take(SHOWN).collect());
    match some.len() {
        0 => String::new(),
        shown if shown < tags.len() => {
            format!(", but there are {} and {} more", some.join(", "), tags.len() - shown)
        }
        _ => format!(", but there are {}", some.join(", ")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn some_tags_are_shown_the_newest_versions_first() {
        let tags = |texts: &[&str]| texts.iter().map(|text| text.parse().unwrap()).collect::<Vec<Tag>>();
        assert_eq!(some_of(&tags(&["1.2", "latest", "1.10"])), ", but there are 1.10, 1.2 and 1 more");
        assert_eq!(some_of(&tags(&["edge", "main"])), ", but there are edge, main");
        assert_eq!(some_of(&[]), "");
    }
}
