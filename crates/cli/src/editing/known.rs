//! The images of a lock or a bundle, by the names under which manifests may have them.

use std::collections::HashMap;

use airlift_lists::ImageSet;
use airlift_lists::image_set::{ImageName, SetImage};
use airlift_oci::{Digest, Reference, Repository};
use airlift_workloads::{Change, DigestChange, Place};

use super::error::NamingError;
use super::plan::Decision;
use super::renaming::Renaming;

/// The images of a lock or a bundle.
#[derive(Default)]
pub(crate) struct KnownImages {
    /// By `repository:tag`.
    tagged: HashMap<String, KnownImage>,
    /// By `repository@digest`, of images and of their platforms.
    pinned: HashMap<String, KnownImage>,
}

#[derive(Clone, PartialEq, Eq)]
struct KnownImage {
    digest: Digest,
    /// The digests of its platforms.
    platforms: Vec<Digest>,
    /// Where it is from now on; `None` if its name stays.
    target: Option<Repository>,
}

impl KnownImages {
    /// The images of a set, with their new names. They are found by both names.
    ///
    /// # Errors
    /// If a name has two digests, or an image has no possible new name.
    pub(crate) fn new(set: &ImageSet, renaming: &Renaming) -> Result<Self, NamingError> {
        let mut known = KnownImages::default();
        for image in &set.images {
            if let ImageName::Full(reference) = &image.name {
                known.add(reference, image, renaming.of(reference)?)?;
            }
        }
        Ok(known)
    }

    fn add(
        &mut self,
        name: &Reference,
        image: &SetImage,
        target: Option<Repository>,
    ) -> Result<(), NamingError> {
        let platforms = image.platforms.iter().flatten().map(|platform| platform.digest).collect();
        let known = KnownImage { digest: image.digest, platforms, target };
        let repositories = std::iter::once(name.repository()).chain(&known.target);
        for repository in repositories {
            for digest in std::iter::once(&known.digest).chain(&known.platforms) {
                self.pinned.insert(format!("{repository}@{digest}"), known.clone());
            }
            let Some(tag) = name.tag() else { continue };
            let key = format!("{repository}:{tag}");
            match self.tagged.get(&key) {
                Some(other) if other.digest != known.digest => {
                    let digests = [other.digest, known.digest];
                    return Err(NamingError::TwoDigests { name: key, digests });
                }
                _ => self.tagged.insert(key, known.clone()),
            };
        }
        Ok(())
    }

    /// What becomes of a reference.
    pub(crate) fn decide(&self, place: &Place) -> Decision {
        let Ok(reference) = place.reference.parse::<Reference>() else { return Decision::Stay };
        let repository = reference.repository();
        let tagged = reference.tag().and_then(|tag| self.tagged.get(&format!("{repository}:{tag}")));
        match (reference.digest(), tagged) {
            (None, Some(image)) => Decision::Change(image.change(place, DigestChange::Set(image.digest))),
            (Some(digest), Some(image)) if !image.has(digest) => Decision::Other(image.digest),
            (Some(_), Some(image)) => Decision::Change(image.change(place, DigestChange::Keep)),
            (Some(digest), None) => match self.pinned.get(&format!("{repository}@{digest}")) {
                Some(image) => Decision::Change(image.change(place, DigestChange::Keep)),
                None => Decision::Lacking,
            },
            (None, None) => Decision::Lacking,
        }
    }
}

impl KnownImage {
    fn has(&self, digest: &Digest) -> bool {
        self.digest == *digest || self.platforms.contains(digest)
    }

    /// A change to the new name, unless the place has it already.
    fn change(&self, place: &Place, digest: DigestChange) -> Change {
        let is_there = |target: &&Repository| {
            let reference = place.reference.parse::<Reference>();
            reference.is_ok_and(|reference| reference.repository() == *target)
        };
        let repository = self.target.as_ref().filter(|target| !is_there(target)).map(ToString::to_string);
        Change { repository, digest }
    }
}
