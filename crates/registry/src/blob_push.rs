//! Blobs up: mounted from a neighbour, or sent by POST and one PUT.
//!
//! OCI distribution-spec 1.1, "Pushing blobs" (POST then PUT) and "Mounting a blob from another repository". What becomes of an upload
//! that breaks is in `resume`.

use std::io;

use airlift_bundle::{Digest, Event};
use reqwest::header::{CONTENT_RANGE, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::blob_pull::MUCH;
use crate::error::{ContentFault, Error};
use crate::http::{Ask, Payload};
use crate::presence::{Lookup, Settles};
use crate::reference::Repository;
use crate::refusal::is_html;
use crate::resume::{Session, Standing, covers};
use crate::retry::Retry;
use crate::transport::{Transport, digest_header, place};
use crate::upload::{self, Part};

/// Where an upload's bytes come from.
pub trait BlobSource: Send + Sync {
    /// A fresh reader from the blob's start, for one attempt. It is read on a thread that may block. An attempt that goes on with a broken
    /// upload reads from the start, too, and sends only what the registry lacks.
    ///
    /// A read error ends the upload before its last byte is sent, so a reader that hashes can prove its content at the end. It isn't retried
    /// and comes back as [`Error::Source`].
    ///
    /// # Errors
    /// If the content can't be read.
    fn open(&self) -> io::Result<Box<dyn io::Read + Send>>;
}

/// What came of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// The blob is in the repository now.
    Mounted,
    /// It has to be uploaded.
    NotMounted,
}

/// An upload that the registry acknowledged.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Put {
    /// Bytes that were sent, those of attempts that failed among them.
    pub uploaded: u64,
}

impl Transport {
    /// Asks the registry to take a blob from its repository `from`. Any answer but 201 means that it didn't; a session that it opened
    /// instead is cancelled.
    ///
    /// # Errors
    /// If there is no answer.
    pub async fn mount_blob(
        &self,
        target: &Repository,
        digest: &Digest,
        from: &Repository,
    ) -> Result<Mount, Error> {
        if target.host() != from.host() || target == from {
            return Ok(Mount::NotMounted);
        }
        let scope = Scope { beside: Some(from.path().to_owned()), ..Scope::new(target, Access::Push) };
        let make = |base: &_| {
            let mut url = place(base, target, "blobs/uploads/")?;
            url.set_query(Some(&format!("mount={digest}&from={}", from.path())));
            Ok(Ask::new(Method::POST, url))
        };
        let mut retry = self.inner.retry(format!("{target} blob {digest}"));
        loop {
            let error = match self.inner.send(&scope, make).await {
                Ok(answer) => match answer.status() {
                    StatusCode::CREATED => return Ok(Mount::Mounted),
                    StatusCode::ACCEPTED => {
                        self.cancel(&answer).await;
                        return Ok(Mount::NotMounted);
                    }
                    _ => match self.inner.refused(answer).await {
                        error if error.is_passing() => error,
                        _ => return Ok(Mount::NotMounted),
                    },
                },
                // A refusal to log in for both repositories is no refusal of the upload, which asks for less.
                Err(error) if error.refusal().is_some() && !error.is_passing() => {
                    return Ok(Mount::NotMounted);
                }
                Err(error) => error,
            };
            retry.pause_or_give_up(error).await?;
        }
    }

    /// Uploads a blob of `size` bytes.
    ///
    /// An upload that breaks goes on where the registry says that it is, and starts over in a new session where the registry can't say, or
    /// where that came to nothing. Sends `Advanced` and `Rewound`, not `Started` and `Finished`; a failure takes back all that it told.
    ///
    /// # Errors
    /// If the registry doesn't take it, or the source doesn't give it.
    pub async fn put_blob(
        &self,
        repository: &Repository,
        digest: &Digest,
        size: u64,
        source: &dyn BlobSource,
    ) -> Result<Put, Error> {
        let mut retry = self.inner.retry(format!("{repository} blob {digest}"));
        let mut upload = Upload {
            transport: self,
            repository,
            digest: *digest,
            size,
            source,
            broken: None,
            offset: 0,
            uploaded: 0,
            told: 0,
            peak: 0,
            started_over: false,
            renewed: false,
        };
        let result = upload.run(&mut retry).await;
        if result.is_err() {
            upload.take_back_to(0);
        }
        result.map(|()| Put { uploaded: upload.uploaded })
    }

    /// Ends a session that isn't needed. Nobody waits for it to work.
    async fn cancel(&self, answer: &Answer) {
        let http = &self.inner.http;
        if let Some(Ok(url)) = answer.header("location").map(|location| http.hop(answer, location)) {
            let mut ask = Ask::new(Method::DELETE, url);
            ask.authorization = answer.authorization_for(&ask.url);
            let _ = http.send(ask, Some(http.idle_timeout)).await;
        }
    }
}

/// One blob on its way up.
struct Upload<'a> {
    transport: &'a Transport,
    repository: &'a Repository,
    digest: Digest,
    size: u64,
    source: &'a dyn BlobSource,
    /// The session that broke, to go on with.
    broken: Option<Session>,
    /// Where this attempt began.
    offset: u64,
    /// Bytes that were sent, those of attempts that failed among them.
    uploaded: u64,
    /// Bytes that were told and not taken back.
    told: u64,
    /// The most that the registry had when the count of retries began anew.
    peak: u64,
    /// Whether going on came to nothing. Then it isn't tried again.
    started_over: bool,
    /// Whether an authorization was renewed that was refused in the middle of an upload.
    renewed: bool,
}

impl Upload<'_> {
    async fn run(&mut self, retry: &mut Retry<'_>) -> Result<(), Error> {
        loop {
            self.offset = 0;
            let Err(error) = self.attempt().await else {
                return Ok(());
            };
            if self.offset >= self.peak + MUCH {
                self.peak = self.offset;
                retry.renew();
            }
            // The authorization was good for the session: it expired while the blob went up. The next request renews it.
            let sent = self.broken.as_ref().is_some_and(|session| session.sent > 0);
            let expired = matches!(error, Error::Unauthorised(_)) && sent && !self.renewed;
            self.renewed |= expired;
            let passing = expired || error.is_passing();
            if !passing && self.may_start_over(&error) {
                self.started_over = true;
                self.broken = None;
                continue;
            }
            retry.pause_if(passing, error).await?;
        }
    }

    /// Whether the fault may lie in how the parts were put together: then the whole blob is sent once more.
    fn may_start_over(&self, error: &Error) -> bool {
        self.offset > 0 && !self.started_over && !matches!(error, Error::Source { .. } | Error::Denied(_))
    }

    /// Goes on with the session that broke, or fills a new one.
    async fn attempt(&mut self) -> Result<(), Error> {
        match self.standing().await? {
            Standing::Done => Ok(()),
            Standing::At(session, offset) => {
                self.take_back_to(offset);
                self.offset = offset;
                self.go_on(session).await
            }
            Standing::Gone | Standing::Lost => {
                self.take_back_to(0);
                let session = self.open().await?;
                self.fill(session).await
            }
        }
    }

    async fn standing(&mut self) -> Result<Standing, Error> {
        let Some(session) = self.broken.take().filter(|_| !self.started_over) else {
            return Ok(Standing::Lost);
        };
        match session.ask(&self.transport.inner, self.repository, self.size).await {
            // What was sent whole may have been stored before the line broke.
            Ok(Standing::Gone) if session.sent == self.size => {
                let blob = (self.digest, self.size);
                let found =
                    self.transport.look_up_blob(self.repository, blob, Access::Push, Settles::YesOrNo);
                let stored = matches!(found.await, Ok(Lookup::There(())));
                Ok(if stored { Standing::Done } else { Standing::Lost })
            }
            Ok(standing) => Ok(standing),
            Err(error) => {
                self.broken = Some(session);
                Err(error)
            }
        }
    }

    async fn open(&self) -> Result<Session, Error> {
        let scope = Scope::new(self.repository, Access::Push);
        let make = |base: &_| Ok(Ask::new(Method::POST, place(base, self.repository, "blobs/uploads/")?));
        let answer = self.transport.inner.send(&scope, make).await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.transport.inner.refused(answer).await);
        }
        Session::opened(&self.transport.inner.http, &answer)
    }

    /// All of the blob in one request.
    async fn fill(&mut self, session: Session) -> Result<(), Error> {
        let ask = session.request(Method::PUT, Some(&self.digest));
        let (answer, sent) = self.send(&session, ask, 0).await?;
        let result = self.acknowledged(session.noted(answer)).await;
        self.keep(session, sent, result)
    }

    /// The rest of the blob, then the end. A registry that notices a wrong place does so at the first of them.
    async fn go_on(&mut self, mut session: Session) -> Result<(), Error> {
        let part = self.part(self.offset);
        if part.rest() == 0 {
            // All of it is there; the source says once more that it is what it should be.
            upload::body(&self.transport.inner, part, self.source)
                .await
                .map_err(|error| self.unread(error))?;
        } else {
            let range = format!("{}-{}", self.offset, self.size.saturating_sub(1));
            let mut ask = session.request(Method::PATCH, None);
            if let Ok(range) = HeaderValue::from_str(&range) {
                ask = ask.with(CONTENT_RANGE, range);
            }
            let (answer, sent) = self.send(&session, ask, self.offset).await?;
            let answer = session.noted(answer);
            if answer.status() != StatusCode::ACCEPTED {
                let refused = self.transport.inner.refused(answer).await;
                return self.keep(session, sent, Err(refused));
            }
            if !covers(&answer, self.size) {
                return Err(Error::content(&answer.call, ContentFault::Place));
            }
            session = session.moved(&self.transport.inner.http, &answer)?;
        }
        let http = &self.transport.inner.http;
        let ask = session.request(Method::PUT, Some(&self.digest));
        // The registry may hash all of the blob before it answers.
        let result = match http.send(ask, Some(http.answer_timeout)).await {
            Ok(answer) => self.acknowledged(session.noted(answer)).await,
            Err(error) => Err(error),
        };
        self.keep(session, self.size, result)
    }

    fn part(&self, offset: u64) -> Part {
        Part { digest: self.digest, offset, size: self.size }
    }

    fn unread(&self, source: io::Error) -> Error {
        Error::Source { digest: self.digest, source }
    }

    /// Sends the blob from `offset` on with `ask`, and watches over it. Gives the answer, and where in the blob sending ended.
    async fn send(&mut self, session: &Session, mut ask: Ask, offset: u64) -> Result<(Answer, u64), Error> {
        let part = self.part(offset);
        let opened = upload::body(&self.transport.inner, part, self.source).await;
        let (body, watch) = opened.map_err(|error| self.unread(error))?;
        let http = &self.transport.inner.http;
        let call = http.call(&ask);
        ask = ask.with(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        ask.payload = Payload::Stream { body, size: part.rest() };
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
        if let Some(error) = watch.failure() {
            return Err(self.unread(error));
        }
        match result {
            // The source has proven itself only with its last byte.
            Ok(answer) if answer.status().is_success() && sent < part.rest() => {
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
