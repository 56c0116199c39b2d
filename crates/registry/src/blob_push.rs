//! Blobs up: mounted from a neighbour, or sent by POST and one PUT.
//!
//! OCI distribution-spec 1.1, "Pushing blobs" (POST then PUT) and "Mounting a blob from another repository". An upload that breaks starts over
//! in a new session: hardly a registry can do better, and the place for it is [`Upload::attempt`].

use std::io;

use airlift_bundle::{Digest, Event};
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::error::{ContentFault, Error};
use crate::http::{Ask, Payload};
use crate::reference::Repository;
use crate::refusal::is_html;
use crate::transport::{Transport, digest_header, place};
use crate::upload;

/// Where an upload's bytes come from.
pub trait BlobSource: Send + Sync {
    /// A fresh reader from the blob's start, for one attempt. It is read on a thread that may block.
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
    /// Sends `Advanced` and `Rewound`, not `Started` and `Finished`.
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
        let upload = Upload { transport: self, repository, digest: *digest, size, source };
        let mut uploaded = 0;
        let mut renewed = false;
        loop {
            let (sent, result) = upload.attempt().await;
            uploaded += sent;
            let Err(error) = result else {
                return Ok(Put { uploaded });
            };
            if sent > 0 {
                self.inner.observer.notice(Event::Rewound { digest: *digest, bytes: sent });
            }
            // The token was good for the POST: it expired while the blob went up. Opening the next session renews it.
            let expired = matches!(error, Error::Unauthorised(_)) && sent > 0 && !renewed;
            renewed |= expired;
            let passing = expired || error.is_passing();
            retry.pause_if(passing, error).await?;
        }
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
}

impl Upload<'_> {
    /// Opens a session and fills it. Gives the bytes that were sent, whatever came of them.
    async fn attempt(&self) -> (u64, Result<(), Error>) {
        let session = match self.open().await {
            Ok(session) => session,
            Err(error) => return (0, Err(error)),
        };
        let read = |source| Error::Source { digest: self.digest, source };
        let opened = upload::body(&self.transport.inner, self.digest, self.size, self.source).await;
        let (body, watch) = match opened {
            Ok(opened) => opened,
            Err(error) => return (0, Err(read(error))),
        };
        let http = &self.transport.inner.http;
        let mut ask = Ask::new(Method::PUT, session.url);
        let call = ask.call();
        ask = ask.with(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
        ask.authorization = session.answer.authorization_for(&ask.url);
        ask.payload = Payload::Stream { body, size: self.size };
        let result = tokio::select! {
            result = http.send(ask, None) => result,
            (waiting_for, after) = watch.stalled(http.idle_timeout, http.answer_timeout) => {
                Err(crate::http::timed_out(&call, waiting_for, after))
            }
        };
        // What the source says comes first: the broken request is only its consequence.
        if let Some(error) = watch.failure() {
            return (watch.sent(), Err(read(error)));
        }
        let result = match result {
            // The source has proven itself only with its last byte.
            Ok(answer) if answer.status().is_success() && watch.sent() < self.size => {
                Err(Error::content(&answer.call, ContentFault::Hasty))
            }
            Ok(answer) => self.acknowledged(Answer { note: session.answer.note.clone(), ..answer }).await,
            Err(error) => Err(error),
        };
        (watch.sent(), result)
    }

    async fn open(&self) -> Result<Session, Error> {
        let scope = Scope::new(self.repository, Access::Push);
        let make = |base: &_| Ok(Ask::new(Method::POST, place(base, self.repository, "blobs/uploads/")?));
        let answer = self.transport.inner.send(&scope, make).await?;
        if answer.status() != StatusCode::ACCEPTED {
            return Err(self.transport.inner.refused(answer).await);
        }
        let location = answer.header("location");
        let location = location.ok_or_else(|| Error::content(&answer.call, ContentFault::Location))?;
        let mut url = self.transport.inner.http.hop(&answer, location)?;
        // What the registry wrote stays as it is; a digest has no character that a query can't hold.
        let query = match url.query().filter(|query| !query.is_empty()) {
            Some(query) => format!("{query}&digest={}", self.digest),
            None => format!("digest={}", self.digest),
        };
        url.set_query(Some(&query));
        Ok(Session { url, answer })
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
}

/// An upload session that the registry opened.
struct Session {
    url: Url,
    answer: Answer,
}
