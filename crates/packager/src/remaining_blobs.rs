//! What there is to write, for whichever order the writer takes blobs in.

use std::sync::Arc;

use airlift_bundle::BundleWriter;
use airlift_bundle::resume::ResumeState;
use airlift_bundle::write::output::Leftovers;
use airlift_oci::Observer;

use crate::blob_job::BlobJob;
use crate::fetched::Fetched;
use crate::packing::Packing;

/// Blobs to be written, and the writer that takes them.
pub(crate) struct RemainingBlobs<'a> {
    pub(crate) packing: &'a Packing,
    pub(crate) writer: Arc<dyn BundleWriter>,
    /// How much the output has of each blob, in archive order.
    pub(crate) states: Vec<ResumeState>,
    pub(crate) leftovers: Leftovers,
    /// Transfers side by side.
    pub(crate) jobs: usize,
    pub(crate) observer: &'a Arc<dyn Observer>,
}

impl RemainingBlobs<'_> {
    /// A job for each blob that is not complete, in archive order, and the sum of the complete ones.
    pub(crate) fn missing(&self) -> (Fetched, Vec<BlobJob>) {
        let (mut there, mut jobs) = (Fetched::default(), Vec::new());
        for (entry, state) in self.packing.plan.blobs().zip(&self.states) {
            match state {
                ResumeState::Complete => there.reused += entry.size,
                state => jobs.extend(self.packing.job(&entry, state.clone())),
            }
        }
        (there, jobs)
    }
}
