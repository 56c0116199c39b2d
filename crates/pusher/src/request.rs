//! The input of a push.

use std::sync::Arc;

use airlift_lists::Timestamp;
use airlift_oci::Observer;
use airlift_registry::{Concurrency, Transport};

use crate::failed_source::FailedSource;
use crate::options::Options;
use crate::plan::push_plan::PushPlan;
use crate::source::ContentSource;

/// What is to be pushed, where to, and how.
pub struct Request<'a> {
    /// Where the content comes from.
    pub source: &'a Arc<dyn ContentSource>,
    /// What goes where.
    pub plan: &'a PushPlan,
    /// What was to be pushed, too, and could not be had. For the receipt.
    pub failed: &'a [FailedSource],
    /// The way there.
    pub transport: &'a Transport,
    /// How.
    pub options: &'a Options,
    /// Gets the events of the push.
    pub observer: &'a Arc<dyn Observer>,
    /// Says what time it is, for the receipt.
    pub clock: fn() -> Timestamp,
}

impl Request<'_> {
    /// How much may run side by side.
    pub(crate) fn concurrency(&self) -> Concurrency {
        Concurrency::new(self.options.jobs)
    }
}
