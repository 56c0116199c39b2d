//! Writes blobs in archive order, one after the other; small ones that come later are fetched meanwhile.

use std::collections::VecDeque;

use airlift_bundle::write::output::Leftovers;
use airlift_oci::Phase;

use crate::error::BuildError;
use crate::fetched::Fetched;
use crate::job::BlobJob;
use crate::prefetch::Prefetch;
use crate::work::Work;

/// Writes all missing blobs. Unfinished files of other plans may be needed to the end.
pub(crate) async fn write(work: Work<'_>) -> Result<(Fetched, Leftovers), BuildError> {
    let (mut total, jobs) = work.missing();
    let Work { writer, leftovers, jobs: limit, observer, .. } = work;
    let mut queue: VecDeque<BlobJob> = jobs.into();
    let _phase = Phase::Fetch.start(&**observer, queue.iter().map(|job| job.entry.size).sum());
    let mut prefetch = Prefetch::new(limit);
    loop {
        prefetch.go_on(&queue, &**observer);
        let Some(mut job) = queue.pop_front() else { break };
        prefetch.supply(&mut job).await?;
        total.add(job.deliver(&*writer, &**observer).await?);
    }
    Ok((total, leftovers))
}
