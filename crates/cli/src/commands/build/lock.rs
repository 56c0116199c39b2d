//! The lock of what was built.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use airlift_lists::lock::{
    AnsweredImage, Lock, ResolvedImage, SelectedImage, locked_reference, wanted_images,
};
use airlift_lists::{Choice, Timestamp, Wanted};
use airlift_oci::{Platform, Reference, SourceReference};
use airlift_packager::SurveyedImage;

use crate::asked::wishes::{AskedEntry, Wishes};
use crate::failure::Failure;
use crate::locks;
use crate::locks::answers::answer;
use crate::locks::file::OldLock;
use crate::locks::names::name_in_lock;
use crate::usage_error::UsageError;

/// The file that a lock is written to, with what it says until then.
pub(super) struct BuildLock {
    old: OldLock,
    at: Timestamp,
}

impl BuildLock {
    /// # Errors
    /// If there is a file of another kind, if it can't be written, or if the environment fixes a time that is
    /// none.
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let old = OldLock::open(path)?;
        old.check_writable()?;
        Ok(BuildLock { old, at: locks::time::now()? })
    }

    /// The lock of these images. `entries` has for each request the position of its entry.
    ///
    /// # Errors
    /// If one image came from several places: a lock names one.
    pub(super) fn lock(
        &self,
        wishes: &Wishes,
        entries: &[usize],
        images: &[SurveyedImage],
    ) -> Result<Lock, Failure> {
        // Entries whose images are left out have none.
        let mut selected: BTreeMap<usize, Vec<SelectedImage>> =
            (0..wishes.entries.len()).map(|position| (position, Vec::new())).collect();
        let mut surveyed: HashMap<SourceReference, &SurveyedImage> = HashMap::new();
        for image in images {
            for position in image.requests.iter().map(|request| entries[*request]) {
                let reference = reference(&wishes.entries[position], image);
                surveyed.insert(reference.clone(), image);
                let of_entry = selected.entry(position).or_default();
                let platforms = image.layout_platforms.clone();
                of_entry.push(SelectedImage { reference, digest: Some(image.digest), platforms });
            }
        }
        let asked: Vec<_> = wishes.entries.iter().map(|asked| asked.entry.clone()).collect();
        let wanted =
            wanted_images(&asked, &Lock::default(), &selected).map_err(|twice| wishes.asked_twice(twice))?;
        let answered = wanted.into_iter().map(|mut wanted| {
            let answer = surveyed.get(&wanted.reference).map(|image| answer(image));
            answer.iter().for_each(|answer| keep_built(&mut wanted.choice, answer));
            AnsweredImage { wanted, answer }
        });
        let new =
            self.old.lock.with_others(wishes.locked()).update(&answered.collect::<Vec<_>>(), self.at, None);
        Ok(new.map_err(UsageError::NotLocked)?)
    }

    /// Writes the lock of the bundle that is there now.
    ///
    /// # Errors
    /// If it can't be written, or another run changed it meanwhile.
    pub(super) fn write(&self, new: &Lock) -> Result<bool, Failure> {
        self.old.replace(new)
    }
}

/// Leaves the platforms that the image has: of those that it lacks, nothing was built.
fn keep_built(choice: &mut Choice, image: &ResolvedImage) {
    let is_of = |name: &str, chosen: &Platform| {
        name.parse().is_ok_and(|platform: Platform| platform.satisfies(chosen))
    };
    choice.platforms.retain(|chosen| {
        let mut there = image.platforms.iter().filter(|one| one.size > 0);
        there.any(|one| is_of(&one.platform, chosen))
    });
}

/// What an entry's image is called in a lock.
fn reference(asked: &AskedEntry, image: &SurveyedImage) -> SourceReference {
    let name = image.reference.as_deref();
    match &asked.entry.wanted {
        Wanted::Locked(locked) => locked.reference.clone(),
        Wanted::Image(SourceReference::Registry(reference)) => locked_reference(reference),
        Wanted::Image(SourceReference::Layout(layout)) => {
            name_in_lock(layout.form, &layout.path, name, &image.digest)
        }
        Wanted::Tags(query) => {
            let tagged = name.and_then(|name| name.parse().ok());
            let by_digest = || Reference::pinned(query.repository.clone(), image.digest);
            SourceReference::Registry(tagged.unwrap_or_else(by_digest))
        }
    }
}
