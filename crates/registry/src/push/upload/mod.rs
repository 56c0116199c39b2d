//! One blob on its way up: in one request, or in pieces where one request can't carry it. The requests are in
//! `requests`, and what follows a failure is in `recovery`.
//!
//! OCI distribution-spec 1.1, "Pushing blobs" (POST then PUT) and "Pushing a blob in chunks".

mod recovery;
mod requests;

use std::sync::Arc;

use airlift_oci::{Digest, Event, Repository};

use crate::auth::scope::Access;
use crate::error::Error;
use crate::limits::body_size::{BodyLimit, CAUTIOUS};
use crate::lookup::head_then_get::{HeadTrust, Lookup};
use crate::push::blob_source::BlobSource;
use crate::push::resume::UploadState;
use crate::push::session::UploadSession;
use crate::retry::policy::Retry;
use crate::retry::rules::Failed;
use crate::transport::Transport;

/// One blob on its way up.
pub(crate) struct Upload<'a> {
    transport: &'a Transport,
    repository: &'a Repository,
    digest: Digest,
    size: u64,
    source: &'a dyn BlobSource,
    limit: Arc<BodyLimit>,
    /// The session that broke, to be resumed.
    broken: Option<UploadSession>,
    /// What the registry has acknowledged in this attempt.
    offset: u64,
    /// Bytes that were sent, those of attempts that failed among them.
    pub(crate) uploaded: u64,
    /// Bytes that were reported to the observer and not taken back.
    reported: u64,
    /// The most that the registry had when the count of retries began anew.
    peak: u64,
    /// Whether the last failure left open what the registry did.
    doubtful: bool,
    /// Whether resuming has failed. Then it isn't tried again.
    started_over: bool,
    /// Whether an authorization was renewed that was refused in the middle of an upload.
    renewed: bool,
    /// What the last request carried.
    body: u64,
    /// The least that the registry wants a piece to have.
    least: u64,
    /// Requests for the whole blob that broke off and left nothing.
    breaks: u32,
    small_requests: SmallRequests,
}

/// Whether small requests are tried because large ones break off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum SmallRequests {
    /// There was no reason so far.
    NotYet,
    Tried,
    /// The registry takes no pieces.
    Futile,
}

impl<'a> Upload<'a> {
    pub(crate) fn new(
        transport: &'a Transport,
        repository: &'a Repository,
        (digest, size): (Digest, u64),
        source: &'a dyn BlobSource,
    ) -> Self {
        Upload {
            transport,
            repository,
            digest,
            size,
            source,
            limit: transport.inner.body_limits.of(repository.host()),
            broken: None,
            offset: 0,
            uploaded: 0,
            reported: 0,
            peak: 0,
            doubtful: false,
            started_over: false,
            renewed: false,
            body: 0,
            least: 0,
            breaks: 0,
            small_requests: SmallRequests::NotYet,
        }
    }

    /// Uploads the blob, or gives up and takes back all that was reported.
    pub(crate) async fn run(&mut self, retry: Retry<'_>) -> Result<(), Error> {
        let result = retry.run_on(self, |upload| Box::pin(upload.attempt())).await;
        if result.is_err() {
            self.take_back_to(0);
        } else if self.small_requests == SmallRequests::Tried {
            self.limit.settle_for(CAUTIOUS);
        }
        result
    }

    async fn attempt(&mut self) -> Result<(), Failed> {
        self.offset = 0;
        self.go_on_or_begin().await.map_err(|error| self.failed(error))
    }

    /// Goes on with the session that broke, or fills a new one.
    async fn go_on_or_begin(&mut self) -> Result<(), Error> {
        let piece = match self.small_requests {
            SmallRequests::Tried => self.limit.fits().min(CAUTIOUS),
            _ => self.limit.fits(),
        };
        match self.state().await? {
            UploadState::Done => Ok(()),
            UploadState::At(session, offset) => {
                self.take_back_to(offset);
                self.by_pieces(session, offset, piece).await
            }
            UploadState::Lost => {
                self.take_back_to(0);
                let session = self.open().await?;
                match self.size <= piece {
                    true => self.at_once(session).await,
                    false => self.by_pieces(session, 0, piece).await,
                }
            }
        }
    }

    async fn state(&mut self) -> Result<UploadState, Error> {
        let Some(session) = self.broken.take().filter(|_| !self.started_over) else {
            return Ok(UploadState::Lost);
        };
        let state = session.state(&self.transport.inner, self.repository, self.size).await;
        let was_answered = state.as_ref().err().is_none_or(|error| error.refusal().is_some());
        match state {
            Ok(UploadState::At(session, offset)) => Ok(UploadState::At(session, offset)),
            // A blob that was sent whole may have been stored, though its answer was lost or was an error.
            _ if was_answered && self.may_be_stored(&session) && self.is_stored().await => {
                Ok(UploadState::Done)
            }
            Err(error) => {
                self.broken = Some(session);
                Err(error)
            }
            Ok(state) => Ok(state),
        }
    }

    fn may_be_stored(&self, session: &UploadSession) -> bool {
        self.doubtful && session.sent == self.size
    }

    async fn is_stored(&self) -> bool {
        let blob = (self.digest, self.size);
        let found = self.transport.look_up_blob(self.repository, blob, Access::Push, HeadTrust::Always);
        matches!(found.await, Ok(Lookup::There(())))
    }

    /// Takes back what was reported beyond `offset`.
    fn take_back_to(&mut self, offset: u64) {
        let bytes = self.reported.saturating_sub(offset);
        if bytes > 0 {
            self.transport.inner.observer.notice(Event::Rewound { digest: self.digest, bytes });
            self.reported = offset;
        }
    }
}
