//! From plan to bundle, in any form: existing content is proven and kept, the rest is written, and the
//! complete bundle is published in one step.

use std::sync::Arc;

use airlift_bundle::Existing;
use airlift_bundle::write::output::{Order, Published};
use airlift_oci::Observer;

use crate::blocking::blocking;
use crate::error::BuildError;
use crate::fetched::Fetched;
use crate::output::{LockedOutput, Output};
use crate::packing::Packing;
use crate::remaining_blobs::RemainingBlobs;
use crate::{any_order, archive_order};

/// How a build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bundle was written.
    Written,
    /// The output was that very bundle before; nothing was fetched or changed.
    AlreadyComplete,
}

/// What a build did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// How it ended.
    pub outcome: Outcome,
    /// What moved.
    pub fetched: Fetched,
    /// The bundle that is at the output now.
    pub published: Published,
}

impl Packing {
    /// Writes the bundle, going on from what an earlier run left.
    ///
    /// # Errors
    /// If another file has the output's name, a blob can't be had, or writing fails. The next run goes on
    /// from the bytes that were written, unless the output is a stream.
    pub async fn write(
        &self,
        output: LockedOutput,
        jobs: usize,
        observer: &Arc<dyn Observer>,
    ) -> Result<Built, BuildError> {
        let LockedOutput { output, open } = output;
        if let Some(published) = self.complete_at(&output, observer).await? {
            let fetched = Fetched { downloaded: 0, reused: self.plan.blob_bytes() };
            return Ok(Built { outcome: Outcome::AlreadyComplete, fetched, published });
        }
        if output.existing == Existing::Keep
            && let Some(path) = output.form.output().taken(&output.path, &self.plan)?
        {
            return Err(BuildError::Exists { path });
        }
        let (writer, leftovers) = open.writer(&self.plan)?;
        output.warn_of(writer.lock(), &**observer);
        let states = {
            let (writer, observer) = (Arc::clone(&writer), Arc::clone(observer));
            blocking(move || writer.resume(&*observer)).await??
        };
        writer.write_known()?;
        let remaining =
            RemainingBlobs { packing: self, writer: Arc::clone(&writer), states, leftovers, jobs, observer };
        let (fetched, leftovers) = match writer.order() {
            Order::Any => any_order::write(remaining).await,
            Order::Archive => archive_order::write(remaining).await,
        }
        .map_err(|error| self.with_all_images(error))?;
        let (existing, observer) = (output.existing, Arc::clone(observer));
        let published = blocking(move || writer.publish(existing, &*observer)).await??;
        leftovers.remove();
        Ok(Built { outcome: Outcome::Written, fetched, published })
    }

    /// The bundle at the output, if it is this plan's already.
    async fn complete_at(
        &self,
        output: &Output,
        observer: &Arc<dyn Observer>,
    ) -> Result<Option<Published>, BuildError> {
        let (path, form) = (output.path.clone(), output.form);
        let (plan, observer) = (Arc::clone(&self.plan), Arc::clone(observer));
        let found = blocking(move || form.output().complete_at(&path, &plan, &*observer)).await?;
        found.map_err(|source| BuildError::Read { path: output.shown(), source })
    }
}
