//! The state that all images of one push share.

use std::sync::Arc;

use airlift_lists::Timestamp;
use airlift_oci::Observer;
use airlift_registry::Transport;
use tokio::sync::Semaphore;

use crate::options::{Presence, TagMoves};
use crate::referrers::ensure_listed::ReferrersLists;
use crate::request::Request;
use crate::send::blobs::Blobs;
use crate::source::ContentSource;

/// Tasks, over all images, that each bring or prove one blob. Most of them wait: for an answer, for a permit,
/// or for a blob that another one sends.
const MOST_BLOB_TASKS: usize = 256;

/// The state that all images of one push share.
pub(crate) struct Session {
    pub(crate) source: Arc<dyn ContentSource>,
    pub(crate) transport: Transport,
    pub(crate) blobs: Blobs,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) tags: TagMoves,
    pub(crate) presence: Presence,
    /// For the tasks that each bring or prove one blob.
    pub(crate) blob_tasks: Arc<Semaphore>,
    /// Tasks with small requests side by side.
    pub(crate) requests: usize,
    pub(crate) lists: ReferrersLists,
    pub(crate) clock: fn() -> Timestamp,
}

impl Session {
    pub(crate) fn new(request: &Request<'_>) -> Self {
        let Request { source, transport, options, observer, clock, .. } = *request;
        let (concurrency, source) = (request.concurrency(), Arc::clone(source));
        Session {
            blobs: Blobs::new(Arc::clone(&source), transport.clone(), Arc::clone(observer), concurrency),
            source,
            transport: transport.clone(),
            observer: Arc::clone(observer),
            tags: options.tags,
            presence: options.presence,
            blob_tasks: Arc::new(Semaphore::new(MOST_BLOB_TASKS)),
            requests: concurrency.tasks,
            lists: ReferrersLists::default(),
            clock,
        }
    }
}
