//! The images of references, lists, images files and locks.

use std::sync::Arc;

use airlift_lists::lock::SelectedImage;
use airlift_lists::{Choice, Wanted};
use airlift_oci::reference::Mirrors;
use airlift_oci::{Observer, SourceReference};
use airlift_packager::{Layouts, LocalContents, Registries, Source};
use airlift_registry::Transport;

use super::subject::Subject;
use crate::asked::references::{Asked, gather};
use crate::asked::select_error::SelectError;
use crate::asked::selection::{Selected, select_tags};
use crate::asked::wishes::{AskedEntry, Wishes, chosen};
use crate::failure::Failure;
use crate::usage_error::UsageError;

/// All that references and sets ask for; nothing if there are none.
pub(super) fn wishes(asked: &Asked<'_>) -> Result<Wishes, Failure> {
    if asked.references.is_empty() && asked.sets.is_empty() {
        if !asked.groups.is_empty() {
            let why = "--group chooses from images files and locks, and none is given";
            return Err(UsageError::Combination(why).into());
        }
        return Ok(Wishes::default());
    }
    let wishes = gather(asked)?;
    wishes.check_digests()?;
    Ok(wishes)
}

/// The way to the registries of selectors.
pub(super) struct ToRegistries<'a> {
    pub(super) transport: &'a Transport,
    pub(super) mirrors: &'a Mirrors,
    pub(super) observer: &'a Arc<dyn Observer>,
    pub(super) jobs: usize,
}

/// The images of the entries. Tags are selected as the registries list them now.
pub(super) async fn subjects(
    wishes: &Wishes,
    registries: &ToRegistries<'_>,
) -> Result<(Vec<Subject>, Vec<SelectError>), Failure> {
    let is_query = |asked: &AskedEntry| matches!(asked.entry.wanted, Wanted::Tags(_));
    let positions = wishes.entries.iter().enumerate().filter(|(_, asked)| is_query(asked));
    let positions: Vec<usize> = positions.map(|(position, _)| position).collect();
    let (selected, failed) = match positions.is_empty() {
        true => (Selected::new(), Vec::new()),
        false => {
            let ToRegistries { transport, mirrors, observer, jobs } = *registries;
            let ways = Registries::new(transport.clone(), mirrors.clone(), Arc::clone(observer));
            let source = Source::new(ways, LocalContents::look(None, &[])?, Layouts::default());
            select_tags(&wishes.entries, &positions, &source, jobs).await
        }
    };
    let mut subjects = Vec::new();
    for (position, asked) in wishes.entries.iter().enumerate() {
        let choice = chosen(&asked.entry.choice);
        match &asked.entry.wanted {
            Wanted::Image(SourceReference::Registry(reference)) => {
                subjects.push(Subject::named(reference, &choice));
            }
            Wanted::Image(SourceReference::Layout(layout)) => {
                return Err(UsageError::LayoutReference(layout.to_string()).into());
            }
            Wanted::Locked(image) => subjects.push(Subject::locked(image, &choice)),
            Wanted::Tags(_) => {
                let images = selected.get(&position).into_iter().flatten();
                subjects.extend(images.filter_map(|image| of_selected(image, &asked.entry.choice)));
            }
        }
    }
    Ok((subjects, failed))
}

fn of_selected(image: &SelectedImage, choice: &Choice) -> Option<Subject> {
    match &image.reference {
        SourceReference::Registry(reference) => Some(Subject::named(reference, &chosen(choice))),
        SourceReference::Layout(_) => None,
    }
}
