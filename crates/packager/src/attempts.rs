//! Plans of images of which some fail: an attempt with all of them, and again with those that are left.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use airlift_oci::manifest::Node;
use airlift_oci::{Digest, Event, Host, Observer, Repository};

use crate::attached::error::AttachedError;
use crate::error::PackError;
use crate::resolved::Resolved;

/// What an attempt gave, and what failed before.
#[derive(Debug)]
pub struct Attempted<T> {
    /// The result; `None` if nothing is left of the images, or an error is not that of single images.
    pub done: Option<T>,
    /// The images that the result is of.
    pub images: Vec<Resolved>,
    /// All errors, each with the names of the images that can't be had for that reason.
    pub failed: Vec<(PackError, Vec<String>)>,
}

/// Tries with all images, and after each error again without the images that it is about.
pub(crate) async fn attempt<T>(
    mut images: Vec<Resolved>,
    attempt: impl AsyncFn(Vec<Resolved>) -> Result<T, PackError>,
) -> Attempted<T> {
    let mut failed = Vec::new();
    while !images.is_empty() {
        match attempt(images.clone()).await {
            Ok(done) => return Attempted { done: Some(done), images, failed },
            Err(error) => {
                let names: HashSet<String> = images_of(&error, &images).into_iter().collect();
                let (gone, left): (Vec<_>, Vec<_>) =
                    images.into_iter().partition(|image| names.contains(&image.root.name()));
                images = left;
                let names: Vec<String> = gone.iter().map(|image| image.root.name()).collect();
                let is_of_none = names.is_empty();
                failed.push((error, names));
                if is_of_none {
                    break;
                }
            }
        }
    }
    Attempted { done: None, images: Vec::new(), failed }
}

/// The names of those images that an error is about. None: it is about all of them together.
fn images_of(error: &PackError, all: &[Resolved]) -> Vec<String> {
    let first = |path: &[String]| path.first().cloned().into_iter().collect::<Vec<String>>();
    let named = match error {
        PackError::Registry { path, .. }
        | PackError::Manifest { path, .. }
        | PackError::TimeUp { path, .. } => first(path),
        PackError::Missing(errors) => errors.iter().flat_map(|error| first(&error.path)).collect(),
        PackError::NoSuchPlatform(errors) => errors.iter().map(|error| error.image.clone()).collect(),
        PackError::NotAsLocked(errors) => errors.iter().map(|error| error.image.clone()).collect(),
        PackError::Attached(
            AttachedError::Registry { repository, subject, .. }
            | AttachedError::Manifest { repository, subject, .. }
            | AttachedError::OtherSubject { repository, subject, .. },
        ) => with_subject(repository, subject, all),
        PackError::Layout(errors) => errors.iter().flat_map(|error| first(&error.path)).collect(),
        PackError::Attached(AttachedError::Limit { location, .. }) => {
            all.iter().filter(|image| image.location == *location).map(name_of).collect()
        }
        PackError::Attached(AttachedError::Layout(_)) => Vec::new(),
        PackError::Several(errors) => {
            return errors.iter().flat_map(|error| images_of(error, all)).collect();
        }
        PackError::NothingLeft | PackError::Graph(_) | PackError::Plan(_) => Vec::new(),
    };
    if error.is_of_one_image() { named } else { of_same_registries(&named, all) }
}

fn name_of(image: &Resolved) -> String {
    image.root.name()
}

/// The images of a repository to which something is attached at this manifest; all of the repository's where
/// that is attached to an attachment.
fn with_subject(repository: &Repository, subject: &Digest, all: &[Resolved]) -> Vec<String> {
    let of_repository = || all.iter().filter(|image| image.location.repository() == Some(repository));
    let has_it = |image: &&Resolved| {
        image.manifest.digest() == *subject
            || matches!(image.manifest.node(), Node::Index(children) if children.iter().any(|child| child.digest == *subject))
    };
    let named: Vec<String> = of_repository().filter(has_it).map(name_of).collect();
    if named.is_empty() { of_repository().map(name_of).collect() } else { named }
}

/// The names of all images of the registries that these images are of.
fn of_same_registries(named: &[String], all: &[Resolved]) -> Vec<String> {
    let of = |image: &&Resolved| named.contains(&image.root.name());
    let host = |image: &Resolved| image.location.repository().map(|repository| repository.host().clone());
    let hosts: Vec<Host> = all.iter().filter(of).filter_map(host).collect();
    let is_of_them = |image: &&Resolved| host(image).is_some_and(|host| hosts.contains(&host));
    all.iter().filter(is_of_them).map(name_of).collect()
}

/// Passes on each warning once, for however many attempts.
pub(crate) struct EachOnce<'a> {
    observer: &'a dyn Observer,
    given: Mutex<HashSet<String>>,
}

impl<'a> EachOnce<'a> {
    pub(crate) fn new(observer: &'a dyn Observer) -> Self {
        EachOnce { observer, given: Mutex::default() }
    }
}

impl Observer for EachOnce<'_> {
    fn notice(&self, event: Event) {
        if let Event::Warning { message, .. } = &event
            && !self.given.lock().unwrap_or_else(PoisonError::into_inner).insert(message.clone())
        {
            return;
        }
        self.observer.notice(event);
    }
}
