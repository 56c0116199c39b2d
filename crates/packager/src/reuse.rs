//! Takes blobs from what is at hand: copied to their places on all cores, hashed as they go.

use std::path::Path;
use std::sync::Arc;

use airlift_bundle::plan::Content;
use airlift_bundle::resume::{ResumeState, hash_blob};
use airlift_bundle::{PlannedEntry, Section, WriteError, Writer, parallel};
use airlift_oci::{Event, Observer, Phase};

use crate::fetch::Fetched;
use crate::plan::Packing;
use crate::shelves::Shelves;

/// Copies to their places those blobs of the writer's plan that aren't there, as far as anything at hand has
/// them. Takes and gives how much of each blob is at its place.
pub(crate) fn copy_at_hand(
    shelves: &Shelves,
    writer: &Arc<Writer>,
    mut held: Vec<ResumeState>,
    observer: &dyn Observer,
) -> Result<Vec<ResumeState>, WriteError> {
    let plan = writer.plan();
    let places = |entry: &PlannedEntry| shelves.places(entry.digest, entry.size);
    let wanted: Vec<(usize, &PlannedEntry, ResumeState)> = plan
        .blobs()
        .zip(held.iter())
        .enumerate()
        .filter(|(_, (entry, held))| !matches!(held, ResumeState::Complete) && places(entry).next().is_some())
        .map(|(position, (entry, held))| (position, entry, held.clone()))
        .collect();
    if wanted.is_empty() {
        return Ok(held);
    }
    let bytes = wanted.iter().map(|(_, entry, _)| entry.size).sum();
    let _phase = Phase::Reuse.start(observer, bytes);
    let outcomes = parallel::map(&wanted, 0, |(_, entry, before)| {
        plan.announce(entry, observer);
        let mut now = before.clone();
        for (path, section) in places(entry) {
            now = copy(Copying { writer, entry, path, section: &section }, now, observer)?;
            if matches!(now, ResumeState::Complete) {
                break;
            }
        }
        observer.notice(Event::Finished { digest: entry.digest });
        if !matches!(now, ResumeState::Complete) {
            // It is fetched, and counted there.
            observer.notice(Event::Shortened { bytes: entry.size });
        }
        Ok::<ResumeState, WriteError>(now)
    });
    for ((position, ..), outcome) in wanted.into_iter().zip(outcomes) {
        held[position] = outcome?;
    }
    Ok(held)
}

impl Packing {
    /// How many bytes of blobs a build would find at hand, and how many it would fetch. What is at hand is
    /// hashed for that, as the build would.
    pub fn foresee(&self, observer: &dyn Observer) -> Fetched {
        let shelves = &self.source.shelves;
        let is_there = |entry: &&PlannedEntry| shelves.places(entry.digest, entry.size).next().is_some();
        let blobs: Vec<&PlannedEntry> = self.plan.blobs().filter(is_there).collect();
        let bytes = blobs.iter().map(|entry| entry.size).sum();
        let phase = (bytes > 0).then(|| Phase::Check.start(observer, bytes));
        let found: u64 =
            parallel::map(&blobs, 0, |entry| held_at_hand(shelves, entry, observer)).into_iter().sum();
        drop(phase);
        let others = self.plan.blobs().filter(|entry| !is_there(entry));
        let reused =
            found + others.filter(|entry| self.is_inline(entry)).map(|entry| entry.size).sum::<u64>();
        let all: u64 = self.plan.blobs().map(|entry| entry.size).sum();
        Fetched { downloaded: all - reused, reused }
    }

    /// Whether a descriptor carries the blob itself.
    fn is_inline(&self, entry: &PlannedEntry) -> bool {
        let Content::Blob(position) = entry.content else { return false };
        self.plan.graph().blobs.get(position).is_some_and(|blob| blob.descriptor.data.is_some())
    }

    /// The place of a blob that is at hand, proven by hashing it.
    pub(crate) fn proven_at_hand(&self, entry: &PlannedEntry) -> Option<Section> {
        let mut places = self.source.shelves.places(entry.digest, entry.size);
        places.find_map(|(_, section)| {
            let found = section.digest(entry.digest.algorithm(), |_| ()).ok()?;
            (found == entry.digest).then_some(section)
        })
    }
}

/// The most that anything at hand has of a blob, in bytes.
fn held_at_hand(shelves: &Shelves, entry: &PlannedEntry, observer: &dyn Observer) -> u64 {
    let digest = entry.digest;
    let mut most = 0;
    for (_, section) in shelves.places(digest, entry.size) {
        let hashed = hash_blob(&section, &digest, |_| Ok::<(), std::convert::Infallible>(()));
        match hashed {
            Ok(Ok(ResumeState::Complete)) => most = entry.size,
            Ok(Ok(ResumeState::Prefix(begun))) => most = most.max(begun.bytes),
            Ok(Ok(ResumeState::Missing)) | Err(_) => {}
            Ok(Err(never)) => match never {},
        }
        if most == entry.size {
            break;
        }
    }
    observer.notice(Event::Advanced { digest, bytes: entry.size });
    most
}

/// What is copied from where to where.
struct Copying<'a> {
    writer: &'a Arc<Writer>,
    entry: &'a PlannedEntry,
    path: &'a Path,
    section: &'a Section,
}

/// Copies one blob; says how much of it is at its place then. A source that can't be read is passed over.
fn copy(
    copying: Copying<'_>,
    before: ResumeState,
    observer: &dyn Observer,
) -> Result<ResumeState, WriteError> {
    let Copying { writer, entry, path, section } = copying;
    let digest = entry.digest;
    let unreadable = |error: std::io::Error| {
        let message = format!("{}: what it holds of {digest} can't be read: {error}", path.display());
        observer.notice(Event::Warning { message });
    };
    if matches!(before, ResumeState::Prefix(_)) {
        // A start that is at its place is overwritten only by something better.
        match section.digest(digest.algorithm(), |_| ()) {
            Ok(found) if found == digest => {}
            Ok(_) => return Ok(before),
            Err(error) => {
                unreadable(error);
                return Ok(before);
            }
        }
    }
    let mut blob = writer.blob(entry);
    let mut told = 0;
    let outcome = hash_blob(section, &digest, |piece| {
        blob.write(piece)?;
        told += piece.len() as u64;
        observer.notice(Event::Advanced { digest, bytes: piece.len() as u64 });
        Ok::<(), WriteError>(())
    });
    match outcome {
        Ok(Ok(ResumeState::Complete)) => {
            blob.finish()?;
            return Ok(ResumeState::Complete);
        }
        Ok(Ok(held)) => {
            observer.notice(Event::Rewound { digest, bytes: told });
            if let ResumeState::Prefix(begun) = &held {
                blob.go_on_behind(begun.bytes)?;
            }
            return Ok(held);
        }
        Ok(Err(error)) => return Err(error),
        Err(error) => unreadable(error),
    }
    observer.notice(Event::Rewound { digest, bytes: told });
    Ok(ResumeState::Missing)
}
