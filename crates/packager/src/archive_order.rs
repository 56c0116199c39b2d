//! Writes blobs in archive order, one after the other; small ones that come later are fetched meanwhile.

use std::collections::VecDeque;

use airlift_bundle::write::output::Leftovers;
use airlift_oci::Phase;
use airlift_registry::Concurrency;

use crate::blob_job::BlobJob;
use crate::error::BuildError;
use crate::fetched::Fetched;
use crate::prefetch::Prefetch;
use crate::remaining_blobs::RemainingBlobs;

/// Writes all missing blobs. Unfinished files of other plans may be needed to the end.
pub(crate) async fn write(remaining: RemainingBlobs<'_>) -> Result<(Fetched, Leftovers), BuildError> {
    let (mut total, jobs) = remaining.missing();
    let RemainingBlobs { writer, leftovers, jobs: limit, observer, .. } = remaining;
    let mut queue: VecDeque<BlobJob> = jobs.into();
    let _phase = Phase::Fetch.start(&**observer, queue.iter().map(|job| job.entry.size).sum());
    let mut prefetch = Prefetch::new(Concurrency::new(limit));
    loop {
        prefetch.go_on(&queue, &**observer);
        let Some(mut job) = queue.pop_front() else { break };
        prefetch.supply(&mut job, &queue, &**observer).await?;
        total.add(job.deliver(&*writer, &**observer).await?);
    }
    Ok((total, leftovers))
}
