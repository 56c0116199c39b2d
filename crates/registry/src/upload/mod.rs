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

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::blob_pull::MUCH;
use crate::blob_push::BlobSource;
use crate::error::{ContentFault, Error};
use crate::feed::{Feed, Part};
use crate::http::{Ask, Payload};
use crate::pieces::{BodyLimit, CAUTIOUS};
use crate::presence::{Lookup, Settles};
use crate::refusal::is_html;
use crate::resume::{Session, Standing, reached};
use crate::retry::Retry;
use crate::transport::{Transport, digest_header, place};

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
    broken: Option<Session>,
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
    caution: Caution,
}

/// Whether small requests are tried because large ones break off.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Caution {
    /// There was no reason so far.
    NotYet,
    Small,
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
            limit: transport.inner.limits.of(repository.host()),
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
            caution: Caution::NotYet,
        }
    }

    /// Sees it through, or gives it up and takes back all that was told.
    pub(crate) async fn run(&mut self, mut retry: Retry<'_>) -> Result<(), Error> {
        loop {
            self.offset = 0;
            let Err(error) = self.attempt().await else { break };
            if self.offset >= self.peak + MUCH {
                self.peak = self.offset;
                retry.renew();
            }
            if let Err(error) = self.recover(error, &mut retry).await {
                self.take_back_to(0);
                return Err(error);
            }
        }
        if self.caution == Caution::Small {
            self.limit.settle_for(CAUTIOUS);
        }
        Ok(())
    }

    /// Goes on with the session that broke, or fills a new one.
    async fn attempt(&mut self) -> Result<(), Error> {
        let piece = match self.caution {
            Caution::Small => self.limit.fits().min(CAUTIOUS),
            _ => self.limit.fits(),
        };
        match self.standing().await? {
            Standing::Done => Ok(()),
            Standing::At(session, offset) => {
                self.take_back_to(offset);
                self.by_pieces(session, offset, piece).await
            }
            Standing::Lost => {
                self.take_back_to(0);
                let session = self.open().await?;
                match self.size <= piece {
                    true => self.at_once(session).await,
                    false => self.by_pieces(session, 0, piece).await,
                }
            }
        }
    }

    async fn standing(&mut self) -> Result<Standing, Error> {
        let Some(session) = self.broken.take().filter(|_| !self.started_over) else {
            return Ok(Standing::Lost);
        };
        let standing = session.ask(&self.transport.inner, self.repository, self.size).await;
        let was_answered = standing.as_ref().err().is_none_or(|error| error.refusal().is_some());
        match standing {
            Ok(Standing::At(session, offset)) => Ok(Standing::At(session, offset)),
            // What was sent whole may have been stored, whatever came of the answer.
            _ if was_answered && self.may_be_stored(&session) && self.is_stored().await => Ok(Standing::Done),
            Err(error) => {
                self.broken = Some(session);
                Err(error)
            }
            Ok(standing) => Ok(standing),
        }
    }

    fn may_be_stored(&self, session: &Session) -> bool {
        self.doubtful && session.sent == self.size
    }

    async fn is_stored(&self) -> bool {
        let blob = (self.digest, self.size);
        let found = self.transport.look_up_blob(self.repository, blob, Access::Push, Settles::YesOrNo);
        matches!(found.await, Ok(Lookup::There(())))
    }

    async fn open(&mut self) -> Result<Session, Error> {
        let scope = Scope::new(self.repository, Access::Push);
        let make = |base: &_| Ok(Ask::new(Method::POST, place(base, self.repository, "blobs/uploads/")?));
        let answer = self.transport.inner.send(&scope, make).await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.transport.inner.refused(answer).await);
        }
        self.least = answer
            .header("oci-chunk-min-length")
            .and_then(|least| least.trim().parse().ok())
            .unwrap_or_default();
        Session::opened(&self.transport.inner.http, &answer)
    }

    /// All of the blob in one request.
    async fn at_once(&mut self, session: Session) -> Result<(), Error> {
        let ask = session.request(Method::PUT, Some(&self.digest));
        let feed = self.feed(0).await?;
        let (answer, sent) = self.send(&session, ask, &feed, (0, self.size)).await?;
        let result = self.acknowledged(session.noted(answer)).await;
        self.keep(session, sent, result)
    }

    /// The blob from `offset` on in pieces of at most `piece` bytes, then the end. A registry that notices a
    /// wrong place does so at the first of them. The source is read once for all of them.
    async fn by_pieces(&mut self, mut session: Session, offset: u64, piece: u64) -> Result<(), Error> {
        let piece = piece.max(self.least);
        let mut shorts = 0;
        self.offset = offset;
        let mut feed = self.feed(offset).await?;
        while self.offset < self.size {
            let end = self.offset.saturating_add(piece).min(self.size);
            let (next, taken) = self.piece(session, &feed, end).await?;
            session = next;
            self.offset = taken;
            if taken < end {
                shorts += 1;
                self.take_back_to(taken);
                feed = self.feed(taken).await?;
            }
            if shorts > MAX_SHORT {
                let ask = session.request(Method::PATCH, None);
                return Err(Error::content(&self.transport.inner.http.call(&ask), ContentFault::Place));
            }
        }
        let http = &self.transport.inner.http;
        let ask = session.request(Method::PUT, Some(&self.digest));
        self.body = 0;
        // The registry may hash all of the blob before it answers.
        let result = match http.send(ask, Some(http.answer_timeout)).await {
            Ok(answer) => self.acknowledged(session.noted(answer)).await,
            Err(error) => Err(error),
        };
        self.keep(session, self.size, result)
    }

    /// One piece, from what the registry has up to `end`. Gives the session as it goes on, and what the
    /// registry has then.
    async fn piece(&mut self, session: Session, feed: &Feed, end: u64) -> Result<(Session, u64), Error> {
        let start = self.offset;
        let mut ask = session.request(Method::PATCH, None);
        if let Ok(range) = HeaderValue::from_str(&format!("{start}-{}", end.saturating_sub(1))) {
            ask = ask.with(CONTENT_RANGE, range);
        }
        let (answer, sent) = self.send(&session, ask, feed, (start, end - start)).await?;
        let answer = session.noted(answer);
        if !matches!(answer.status().as_u16(), 200 | 201 | 202 | 204) {
            let refused = self.transport.inner.refused(answer).await;
            return self.keep(session, sent, Err(refused));
        }
        let Some(taken) = reached(&answer, start, end) else {
            return Err(Error::content(&answer.call, ContentFault::Place));
        };
        Ok((session.after(end).moved(&self.transport.inner.http, &answer)?, taken))
    }

    /// The source, read from `offset` on.
    async fn feed(&self, offset: u64) -> Result<Feed, Error> {
        let part = Part { digest: self.digest, offset, size: self.size };
        let feed = Feed::open(&self.transport.inner, part, self.source).await;
        feed.map_err(|error| self.unread(error))
    }

    fn unread(&self, source: io::Error) -> Error {
        Error::Source { digest: self.digest, source }
    }

    /// Sends the next `length` bytes, which begin at `offset` of the blob, with `ask`, and watches over it.
    /// Gives the answer, and where in the blob sending ended.
    async fn send(
        &mut self,
        session: &Session,
        mut ask: Ask,
        feed: &Feed,
        (offset, length): (u64, u64),
    ) -> Result<(Answer, u64), Error> {
        let (body, watch) = feed.body(length);
        let http = &self.transport.inner.http;
        let call = http.call(&ask);
        ask = ask.with(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        ask.payload = Payload::Stream { body, size: length };
        self.body = length;
        let result = tokio::select! {
            result = http.send(ask, None) => result,
            (waiting_for, after) = watch.stalled(http.idle_timeout, http.answer_timeout) => {
                Err(crate::http::timed_out(&call, waiting_for, after))
            }
        };
        let sent = watch.sent();
        self.uploaded += sent;
        self.told += sent;
        // What the source says comes first: the broken request is only its consequence.
        if let Some(error) = feed.failure() {
            return Err(self.unread(error));
        }
        match result {
            // The source has proven itself only with its last byte.
            Ok(answer) if answer.status().is_success() && sent < length => {
                Err(Error::content(&answer.call, ContentFault::Hasty))
            }
            Ok(answer) => Ok((answer, offset + sent)),
            Err(error) => self.keep(session.clone(), offset + sent, Err(error)),
        }
    }

    /// Keeps the session of a failure, to go on with.
    fn keep<T>(&mut self, session: Session, sent: u64, result: Result<T, Error>) -> Result<T, Error> {
        if result.is_err() {
            self.broken = Some(session.after(sent));
        }
        result
    }

    async fn acknowledged(&self, answer: Answer) -> Result<(), Error> {
        if !matches!(answer.status(), StatusCode::CREATED | StatusCode::OK | StatusCode::NO_CONTENT) {
            return Err(self.transport.inner.refused(answer).await);
        }
        if is_html(answer.content_type(), &[]) {
            return Err(Error::content(&answer.call, ContentFault::Html));
        }
        // Registries answer with the algorithm of their own liking; only the same one can be compared.
        let header = digest_header(answer.response.headers());
        match header.filter(|header| header.algorithm() == self.digest.algorithm() && *header != self.digest)
        {
            None => Ok(()),
            Some(header) => {
                Err(Error::content(&answer.call, ContentFault::Header { header, actual: self.digest }))
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
