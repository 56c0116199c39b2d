//! Writes blobs in any order, many at a time: first those that local content may have, on all cores, then
//! those that have to be fetched: the large ones, the largest first, and beside them the small ones.

use std::sync::Arc;

use airlift_bundle::resume::ResumeState;
use airlift_bundle::write::output::Leftovers;
use airlift_bundle::{BundleWriter, parallel};
use airlift_oci::{Event, Observer, Phase};
use airlift_registry::Concurrency;
use tokio::task::JoinSet;

use crate::blob_job::{BlobJob, Counted};
use crate::blocking::blocking;
use crate::error::{BuildError, FetchError};
use crate::error_list::Several;
use crate::fetch_lanes::Lanes;
use crate::fetched::Fetched;
use crate::nearest_copy::NearestCopy;
use crate::remaining_blobs::RemainingBlobs;

/// Writes all that is missing. Unfinished files of other plans are removed before the first blob is fetched:
/// they take room.
pub(crate) async fn write(remaining: RemainingBlobs<'_>) -> Result<(Fetched, Leftovers), BuildError> {
    let (mut fetched, jobs) = remaining.missing();
    let RemainingBlobs { writer, mut leftovers, jobs: limit, observer, .. } = remaining;
    let (copied, jobs) = {
        let (writer, observer) = (Arc::clone(&writer), Arc::clone(observer));
        blocking(move || copy_local(jobs, &*writer, &*observer)).await??
    };
    fetched.add(copied);
    if !leftovers.is_empty() {
        // Their useful content has been copied. The copy must be on disk before the original is removed.
        writer.sync()?;
        std::mem::take(&mut leftovers).remove();
    }
    fetched.add(fetch(jobs, &writer, limit, observer).await?);
    Ok((fetched, leftovers))
}

/// Copies those blobs to their places that local content has; gives the jobs that are left.
fn copy_local(
    jobs: Vec<BlobJob>,
    writer: &dyn BundleWriter,
    observer: &dyn Observer,
) -> Result<(Fetched, Vec<BlobJob>), FetchError> {
    let is_local = |job: &BlobJob| matches!(job.nearest, NearestCopy::Local(_));
    let (local, mut rest): (Vec<BlobJob>, Vec<BlobJob>) = jobs.into_iter().partition(is_local);
    let mut reused = 0;
    if local.is_empty() {
        return Ok((Fetched::default(), rest));
    }
    let phase = Phase::Reuse.start(observer, local.iter().map(|job| job.entry.size).sum());
    let outcomes = parallel::map(&local, 0, |job| copy(job, writer, observer));
    drop(phase);
    let mut damage = Vec::new();
    for (mut job, outcome) in local.into_iter().zip(outcomes) {
        job.state = outcome?;
        if matches!(job.state, ResumeState::Complete) {
            reused += job.entry.size;
        } else if let Some(found) = job.damage() {
            damage.push(found);
        } else {
            job.nearest = NearestCopy::Network;
            rest.push(job);
        }
    }
    Several::check(damage)?;
    Ok((Fetched { downloaded: 0, reused }, rest))
}

fn copy(
    job: &BlobJob,
    writer: &dyn BundleWriter,
    observer: &dyn Observer,
) -> Result<ResumeState, FetchError> {
    let NearestCopy::Local(places) = &job.nearest else { return Ok(job.state.clone()) };
    let not_written = |source| FetchError::Write { path: job.path.clone(), source };
    job.announce(observer);
    let mut blob = writer.blob(&job.entry).map_err(not_written)?;
    let state = job.copy(places, &mut *blob, Counted::Advanced, observer)?;
    let is_complete = matches!(state, ResumeState::Complete);
    if is_complete {
        blob.finish().map_err(not_written)?;
    }
    observer.notice(Event::Finished { digest: job.entry.digest });
    if !is_complete {
        // It is fetched, and counted there.
        observer.notice(Event::Shortened { bytes: job.entry.size });
    }
    Ok(state)
}

/// Fetches blobs, or the rest of them. The first failure ends it; the bytes that were written stay.
async fn fetch(
    jobs: Vec<BlobJob>,
    writer: &Arc<dyn BundleWriter>,
    limit: usize,
    observer: &Arc<dyn Observer>,
) -> Result<Fetched, FetchError> {
    let _phase = Phase::Fetch.start(&**observer, jobs.iter().map(|job| job.entry.size).sum());
    let mut lanes = Lanes::new(jobs, Concurrency::new(limit));
    let mut total = Fetched::default();
    let mut tasks = JoinSet::new();
    let outcome = loop {
        tokio::select! {
            Some(ended) = tasks.join_next() => match ended {
                Ok(Ok(one)) => total.add(one),
                Ok(Err(error)) => break Err(error),
                Err(error) => break Err(FetchError::Task(error)),
            },
            Some((room, mut job)) = lanes.next() => {
                let (writer, observer) = (Arc::clone(writer), Arc::clone(observer));
                job.room = Some(room);
                tasks.spawn(async move { job.deliver(&*writer, &*observer).await });
            }
            else => break Ok(total),
        }
    };
    tasks.shutdown().await;
    outcome
}
