//! Where each image is asked for: at its registry or its mirrors, or at a target under the names that a push
//! gives.

use airlift_checker::Wanted;
use airlift_oci::reference::{AskedBy, Mirrors};
use airlift_oci::{Descriptor, Digest, Reference, Root, Tag};
use airlift_pusher::{Destination, Options, target_names};

use super::subject::Subject;
use crate::failure::Failure;
use crate::hint::CheckedAt;
use crate::usage_error::UsageError;

/// An image, and where it is asked for.
#[derive(Debug)]
pub(super) struct PlacedSubject {
    pub(super) subject: Subject,
    pub(super) wanted: Wanted,
    /// Its name where it is asked for, if that is another one.
    pub(super) target: Option<Reference>,
    pub(super) at: CheckedAt,
}

/// Asks for the images where they come from: receipts say it, and else their names and the mirrors do.
pub(super) fn at_their_places(
    subjects: Vec<Subject>,
    mirrors: &Mirrors,
) -> Result<Vec<PlacedSubject>, Failure> {
    subjects.into_iter().map(|subject| at_its_place(subject, mirrors)).collect()
}

fn at_its_place(subject: Subject, mirrors: &Mirrors) -> Result<PlacedSubject, Failure> {
    if let Some(target) = subject.target.clone() {
        return Ok(at(subject, target));
    }
    let Some(reference) = subject.reference.clone().filter(|_| !subject.is_of_layout) else {
        return Err(UsageError::NoRegistry(subject.name).into());
    };
    let candidates = |asked_by| {
        mirrors
            .candidates(reference.repository(), asked_by)
            .map_err(|error| UsageError::Mirrors(error).into())
    };
    let (places, tag_places) = match (candidates(AskedBy::Digest), candidates(AskedBy::Tag)) {
        (Ok(places), Ok(tag_places)) => (places, tag_places),
        (Err(error), _) | (_, Err(error)) => return Err(error),
    };
    let first = places.first().filter(|place| *place != reference.repository()).cloned();
    let target = first.map(|place| match tag_of(&reference) {
        Some(tag) => Reference::tagged(place, tag),
        None => Reference::pinned(place, subject.digest.unwrap_or_else(no_digest)),
    });
    // Under which tags a source has what is attached is its own matter.
    let attached_tags = Vec::new();
    let wanted = Wanted { places, tag_places, attached_tags, ..wanted(&subject, &reference) };
    Ok(PlacedSubject { subject, wanted, target, at: CheckedAt::Source })
}

/// Asks for the images at a target, under the names that a push would give them.
pub(super) fn at_target(
    subjects: Vec<Subject>,
    destination: &Destination,
    options: &Options,
) -> Result<Vec<PlacedSubject>, Failure> {
    let roots: Vec<Root> = subjects.iter().map(root).collect();
    let mut subjects: Vec<Option<Subject>> = subjects.into_iter().map(Some).collect();
    let names = target_names(&roots, destination, options)?;
    let named =
        |(position, target): (usize, Reference)| Some(at(subjects.get_mut(position)?.take()?, target));
    Ok(names.into_iter().filter_map(named).collect())
}

fn at(subject: Subject, target: Reference) -> PlacedSubject {
    let wanted = wanted(&subject, &target);
    let is_same = subject.reference.as_ref() == Some(&target);
    PlacedSubject { subject, wanted, target: (!is_same).then_some(target), at: CheckedAt::Target }
}

fn wanted(subject: &Subject, place: &Reference) -> Wanted {
    let repository = place.repository().clone();
    Wanted {
        scope: subject.scope.clone(),
        attached: subject.attached.clone(),
        attached_tags: subject.attached_tags.clone(),
        ..Wanted::whole(subject.name.clone(), repository, tag_of(place), subject.digest)
    }
}

fn tag_of(reference: &Reference) -> Option<Tag> {
    reference.tag().and_then(|tag| tag.parse().ok())
}

/// An image as a bundle would name it.
fn root(subject: &Subject) -> Root {
    let digest = subject.digest.unwrap_or_else(no_digest);
    let name = match &subject.reference {
        Some(reference) => Some(reference.to_string()),
        // A bare tag, as layouts of other tools have it.
        None => Some(subject.name.clone()).filter(|name| !name.contains(['/', ':', '@'])),
    };
    Root::new(Descriptor::new("", digest, 0), name)
}

/// Stands for the digest of what is known by its tag alone. The names of such images don't depend on it.
fn no_digest() -> Digest {
    Digest::sha256(b"")
}
