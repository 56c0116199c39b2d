//! The state that all images of one push share.

use std::sync::Arc;

use airlift_oci::Observer;
use airlift_registry::Transport;

use crate::options::{Presence, TagMoves};
use crate::referrers::ensure_listed::ReferrersLists;
use crate::request::Request;
use crate::send::blobs::Blobs;
use crate::source::ContentSource;

/// The state that all images of one push share.
pub(crate) struct Session {
    pub(crate) source: Arc<dyn ContentSource>,
    pub(crate) transport: Transport,
    pub(crate) blobs: Blobs,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) tags: TagMoves,
    pub(crate) presence: Presence,
    /// Tasks with small requests side by side.
    pub(crate) requests: usize,
    pub(crate) lists: ReferrersLists,
}

impl Session {
    pub(crate) fn new(request: &Request<'_>) -> Self {
        let Request { source, transport, options, observer, .. } = *request;
        let (concurrency, source) = (request.concurrency(), Arc::clone(source));
        Session {
            blobs: Blobs::new(Arc::clone(&source), transport.clone(), Arc::clone(observer), concurrency),
            source,
            transport: transport.clone(),
            observer: Arc::clone(observer),
            tags: options.tags,
            presence: options.presence,
            requests: concurrency.tasks,
            lists: ReferrersLists::default(),
        }
    }
}
