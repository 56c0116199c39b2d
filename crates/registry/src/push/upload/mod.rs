//! One blob on its way up: in one request, or in pieces where one request can't carry it. What follows a
//! failure is in `recovery`.
//!
//! OCI distribution-spec 1.1, "Pushing blobs" (POST then PUT) and "Pushing a blob in chunks".

mod recovery;

use std::io;
use std::sync::Arc;

use airlift_oci::{Digest, Event, Repository};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::request::{Payload, Request};
use crate::http::response::Response;
use crate::limits::body_size::{BodyLimit, CAUTIOUS};
use crate::lookup::head_then_get::{Lookup, Settles};
use crate::push::acknowledged_range::reached;
use crate::push::blob_source::BlobSource;
use crate::push::body::BlobReader;
use crate::push::read_loop::UploadRange;
use crate::push::resume::UploadState;
use crate::push::session::UploadSession;
use crate::retry::policy::Retry;
use crate::retry::rules::Failed;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

/// How often a registry may take less of a piece than it was sent.
const MAX_SHORT: u32 = 8;

/// One blob on its way up.
pub(crate) struct Upload<'a> {
    transport: &'a Transport,
    repository: &'a Repository,
    digest: Digest,
    size: u64,
    source: &'a dyn BlobSource,
    limit: Arc<BodyLimit>,
    /// The session that broke, to go on with.
    broken: Option<UploadSession>,
    /// What the registry has acknowledged in this attempt.
    offset: u64,
    /// Bytes that were sent, those of attempts that failed among them.
    pub(crate) uploaded: u64,
    /// Bytes that were told and not taken back.
    told: u64,
    /// The most that the registry had when the count of retries began anew.
    peak: u64,
    /// Whether the last failure left open what the registry did.
    doubtful: bool,
    /// Whether going on came to nothing. Then it isn't tried again.
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
            told: 0,
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

    /// Sees it through, or gives it up and takes back all that was reported.
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
            // What was sent whole may have been stored, whatever came of the answer.
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
        let found = self.transport.look_up_blob(self.repository, blob, Access::Push, Settles::YesOrNo);
        matches!(found.await, Ok(Lookup::There(())))
    }

    async fn open(&mut self) -> Result<UploadSession, Error> {
        let scope = Scope::new(self.repository, Access::Push);
        let make = |base: &_| {
            Ok(Request::new(Method::POST, repository_url(base, self.repository, "blobs/uploads/")?))
        };
        let response = self.transport.inner.send(&scope, make).await?;
        if response.status() != StatusCode::ACCEPTED {
            return Err(self.transport.inner.refused(response).await);
        }
        self.least = response
            .header("oci-chunk-min-length")
            .and_then(|least| least.trim().parse().ok())
            .unwrap_or_default();
        UploadSession::opened(&self.transport.inner.http, &response)
    }

    /// All of the blob in one request.
    async fn at_once(&mut self, session: UploadSession) -> Result<(), Error> {
        let request = session.request(Method::PUT, Some(&self.digest));
        let reader = self.reader(0).await?;
        let (response, sent) = self.send(&session, request, &reader, (0, self.size)).await?;
        let result = self.acknowledged(session.noted(response)).await;
        self.keep(session, sent, result)
    }

    /// The blob from `offset` on in pieces of at most `piece` bytes, then the end. A registry that notices a
    /// wrong place does so at the first of them. The source is read once for all of them.
    async fn by_pieces(&mut self, mut session: UploadSession, offset: u64, piece: u64) -> Result<(), Error> {
        let piece = piece.max(self.least);
        let mut shorts = 0;
        self.offset = offset;
        let mut reader = self.reader(offset).await?;
        while self.offset < self.size {
            let end = self.offset.saturating_add(piece).min(self.size);
            let (next, taken) = self.piece(session, &reader, end).await?;
            session = next;
            self.offset = taken;
            if taken < end {
                shorts += 1;
                self.take_back_to(taken);
                reader = self.reader(taken).await?;
            }
            if shorts > MAX_SHORT {
                let request = session.request(Method::PATCH, None);
                return Err(Error::content(&self.transport.inner.http.call(&request), ContentFault::Place));
            }
        }
        let http = &self.transport.inner.http;
        let request = session.request(Method::PUT, Some(&self.digest));
        self.body = 0;
        // The registry may hash all of the blob before it answers.
        let result = match http.send(request, Some(http.limits.answer)).await {
            Ok(response) => self.acknowledged(session.noted(response)).await,
            Err(error) => Err(error),
        };
        self.keep(session, self.size, result)
    }

    /// One piece, from what the registry has up to `end`. Gives the session as it goes on, and what the
    /// registry has then.
    async fn piece(
        &mut self,
        session: UploadSession,
        reader: &BlobReader,
        end: u64,
    ) -> Result<(UploadSession, u64), Error> {
        let start = self.offset;
        let mut request = session.request(Method::PATCH, None);
        if let Ok(range) = HeaderValue::from_str(&format!("{start}-{}", end.saturating_sub(1))) {
            request = request.with(CONTENT_RANGE, range);
        }
        let (response, sent) = self.send(&session, request, reader, (start, end - start)).await?;
        let response = session.noted(response);
        if !matches!(response.status().as_u16(), 200 | 201 | 202 | 204) {
            let refused = self.transport.inner.refused(response).await;
            return self.keep(session, sent, Err(refused));
        }
        let Some(taken) = reached(&response, start, end) else {
            return Err(Error::content(&response.call, ContentFault::Place));
        };
        Ok((session.after(end).moved(&self.transport.inner.http, &response)?, taken))
    }

    /// The source, read from `offset` on.
    async fn reader(&self, offset: u64) -> Result<BlobReader, Error> {
        let range = UploadRange { digest: self.digest, offset, size: self.size };
        let reader = BlobReader::open(&self.transport.inner, range, self.source).await;
        reader.map_err(|error| self.unread(error))
    }

    fn unread(&self, source: io::Error) -> Error {
        Error::Source { digest: self.digest, source }
    }

    /// Sends the next `length` bytes, which begin at `offset` of the blob, with `ask`, and watches over it.
    /// Gives the answer, and where in the blob sending ended.
    async fn send(
        &mut self,
        session: &UploadSession,
        mut request: Request,
        reader: &BlobReader,
        (offset, length): (u64, u64),
    ) -> Result<(Response, u64), Error> {
        let (body, timer) = reader.body(length);
        let http = &self.transport.inner.http;
        let call = http.call(&request);
        request = request.with(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        request.payload = Payload::Stream { body, size: length };
        self.body = length;
        let result = tokio::select! {
            result = http.send(request, None) => result,
            (waiting_for, after) = timer.stalled(http.limits) => {
                Err(Error::timed_out(&call, waiting_for, after))
            }
        };
        let sent = timer.sent();
        self.uploaded += sent;
        self.told += sent;
        // What the source says comes first: the broken request is only its consequence.
        if let Some(error) = reader.failure() {
            return Err(self.unread(error));
        }
        match result {
            // The source has proven itself only with its last byte.
            Ok(response) if response.status().is_success() && sent < length => {
                Err(Error::content(&response.call, ContentFault::Hasty))
            }
            Ok(response) => Ok((response, offset + sent)),
            Err(error) => self.keep(session.clone(), offset + sent, Err(error)),
        }
    }

    /// Keeps the session of a failure, to go on with.
    fn keep<T>(&mut self, session: UploadSession, sent: u64, result: Result<T, Error>) -> Result<T, Error> {
        if result.is_err() {
            self.broken = Some(session.after(sent));
        }
        result
    }

    async fn acknowledged(&self, response: Response) -> Result<(), Error> {
        if !matches!(response.status(), StatusCode::CREATED | StatusCode::OK | StatusCode::NO_CONTENT) {
            return Err(self.transport.inner.refused(response).await);
        }
        if response.is_html() {
            return Err(Error::content(&response.call, ContentFault::Html));
        }
        // Registries answer with the algorithm of their own liking; only the same one can be compared.
        let header = response.digest();
        match header.filter(|header| header.algorithm() == self.digest.algorithm() && *header != self.digest)
        {
            None => Ok(()),
            Some(header) => {
                Err(Error::content(&response.call, ContentFault::Header { header, actual: self.digest }))
            }
        }
    }

    /// What was told beyond `offset` doesn't count any more.
    fn take_back_to(&mut self, offset: u64) {
        let bytes = self.told.saturating_sub(offset);
        if bytes > 0 {
            self.transport.inner.observer.notice(Event::Rewound { digest: self.digest, bytes });
            self.told = offset;
        }
    }
}
