//! How much a build would fetch, for a plan that is only looked at.

use std::convert::Infallible;
use std::path::PathBuf;

use airlift_bundle::resume::{ResumeState, hash_blob};
use airlift_bundle::{PlannedEntry, Section, parallel};
use airlift_oci::{Event, Observer, Phase};

use crate::fetched::Fetched;
use crate::nearest_copy::NearestCopy;
use crate::packing::Packing;

/// How many bytes of blobs a build would find in memory or on disk, and how many it would fetch. Local
/// content is hashed for that, as the build would.
pub fn forecast(packing: &Packing, observer: &dyn Observer) -> Fetched {
    let jobs = packing.plan.blobs().filter_map(|entry| packing.job(&entry, ResumeState::Missing));
    let (mut reused, mut local) = (0, Vec::new());
    for job in jobs {
        match job.nearest {
            NearestCopy::Local(places) => local.push((job.entry, places)),
            // A config that was read for its platform has been fetched; inline data has not.
            NearestCopy::Memory(_) if job.is_inline => reused += job.entry.size,
            NearestCopy::Memory(_) | NearestCopy::Prefetched { .. } | NearestCopy::Network => {}
        }
    }
    let bytes = local.iter().map(|(entry, _)| entry.size).sum();
    let phase = (bytes > 0).then(|| Phase::Check.start(observer, bytes));
    let found = parallel::map(&local, 0, |(entry, places)| held_of(entry, places, observer));
    drop(phase);
    reused += found.into_iter().sum::<u64>();
    Fetched { downloaded: packing.plan.blob_bytes() - reused, reused }
}

/// The most that any local content has of a blob, in bytes.
fn held_of(entry: &PlannedEntry, places: &[(PathBuf, Section)], observer: &dyn Observer) -> u64 {
    let digest = entry.digest;
    let mut most = 0;
    for (_, section) in places {
        match hash_blob(section, &digest, |_| Ok::<(), Infallible>(())) {
            Ok(Ok(ResumeState::Complete)) => most = entry.size,
            Ok(Ok(ResumeState::Prefix(prefix))) => most = most.max(prefix.bytes),
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
