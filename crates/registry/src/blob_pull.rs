//! Blobs down: streamed into a sink, hashed on the way, resumed where the connection broke.
//!
//! OCI distribution-spec 1.1, "Pulling blobs". A blob is accepted only whole, with its size and its digest.
//! Where a registry, its storage or a proxy doesn't give a part that was asked for, or gives another one, the
//! whole is asked for, and no part any more. `urls` of a descriptor are only looked at by
//! [`Transport::fetch_external`], which nobody calls unasked.

use std::io;

use airlift_oci::text::bounded;
use airlift_oci::{Descriptor, Digest, Event, HashedPrefix, Hasher, Repository};
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Method, StatusCode, Url};

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::call::{Call, redacted};
use crate::error::{ContentFault, Error};
use crate::http::Ask;
use crate::refusal::is_html;
use crate::retry::Retry;
use crate::transport::{Inner, Transport, place};

/// Having this much more than ever before starts the count of retries anew.
pub(crate) const MUCH: u64 = 1024 * 1024;

/// Where a blob's bytes go, in order and from its start.
pub trait BlobSink: Send {
    /// Takes the next piece. Called from an async task: it should not block for long.
    ///
    /// # Errors
    /// Whatever keeps it from being kept; the transfer ends with it.
    fn write(&mut self, piece: &[u8]) -> io::Result<()>;

    /// Forgets everything written so far: the blob comes again from its start.
    ///
    /// # Errors
    /// Whatever keeps it from starting over; the transfer ends with it.
    fn restart(&mut self) -> io::Result<()>;
}

/// A blob that came whole and is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fetched {
    /// Bytes that came over the network, those that were thrown away among them.
    pub downloaded: u64,
}

impl Transport {
    /// Fetches a blob into `sink`, which has all of it, and nothing else, when this returns.
    ///
    /// Broken connections are resumed by `Range`; where that is ignored, refused or answered wrongly, all of
    /// it is fetched again. A resumed blob with the wrong digest is fetched once more as a whole. Sends
    /// `Advanced` and `Rewound`, not `Started` and `Finished`; a failure takes back all that it told.
    ///
    /// # Errors
    /// If the blob isn't there, isn't what the descriptor says, doesn't come, or the sink fails.
    pub async fn fetch_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        sink: &mut dyn BlobSink,
    ) -> Result<Fetched, Error> {
        self.resume_blob(repository, descriptor, None, sink).await
    }

    /// The same for a blob of which `sink` has a start already: from an earlier run, unproven. If the digest
    /// turns out to be another one in the end, the sink is told to start over, and all of it is fetched.
    /// `Found` is sent for the start.
    ///
    /// # Errors
    /// As [`fetch_blob`](Self::fetch_blob).
    pub async fn resume_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        begun: Option<HashedPrefix>,
        sink: &mut dyn BlobSink,
    ) -> Result<Fetched, Error> {
        let retry = self.inner.retry(format!("{repository} blob {}", descriptor.digest));
        let mut download = Download::new(&self.inner, descriptor, sink);
        if let Some(begun) = begun {
            download.go_on_from(begun)?;
        }
        download.whole(&Place::Registry(repository), retry).await
    }

    /// The same from one of the `urls` of a foreign layer, which an image of `repository` names: by https
    /// only, without credentials.
    ///
    /// # Errors
    /// As [`fetch_blob`](Self::fetch_blob); also if the address is none that a registry may send us to.
    pub async fn fetch_external(
        &self,
        repository: &Repository,
        url: &str,
        descriptor: &Descriptor,
        sink: &mut dyn BlobSink,
    ) -> Result<Fetched, Error> {
        let registry = self.inner.registry(repository.host()).await?;
        let call = Call::new(&Method::GET, &registry.base);
        let refuse = |target: String, reason| Error::Redirect { call: call.clone(), target, reason };
        let target = Url::parse(url).map_err(|_| refuse(bounded(url), "it is no address"))?;
        let shown = || redacted(&target);
        if target.scheme() != "https" {
            return Err(refuse(shown(), "layers from outside are fetched by https only"));
        }
        let allowed = self.inner.http.declared.check(&registry.base, &target);
        allowed.map_err(|reason| refuse(shown(), reason))?;
        let retry = self.inner.retry(shown());
        Download::new(&self.inner, descriptor, sink).whole(&Place::Outside(&target), retry).await
    }
}

/// Where a blob comes from.
enum Place<'a> {
    /// A repository.
    Registry(&'a Repository),
    /// An address that is no registry's: nobody's credentials are for it.
    Outside(&'a Url),
}

impl Place<'_> {
    /// One request for the blob, from its byte `start` on.
    async fn ask(&self, inner: &Inner, digest: &Digest, start: u64) -> Result<Answer, Error> {
        let ask = |url| {
            let ask = Ask::new(Method::GET, url);
            match HeaderValue::from_str(&format!("bytes={start}-")) {
                Ok(range) if start > 0 => ask.with(RANGE, range),
                _ => ask,
            }
        };
        match self {
            Place::Registry(repository) => {
                let scope = Scope::new(repository, Access::Pull);
                let rest = format!("blobs/{digest}");
                inner.send(&scope, |base| place(base, repository, &rest).map(ask)).await
            }
            Place::Outside(url) => {
                let patience = Some(inner.http.idle_timeout);
                inner.http.send(ask((*url).clone()), patience).await
            }
        }
    }
}

/// Whether a part of a blob can be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Parts {
    Possible,
    /// It was tried, and refused or answered by something else.
    Refused,
}

/// One blob on its way.
struct Download<'a> {
    inner: &'a Inner,
    digest: Digest,
    size: u64,
    sink: &'a mut dyn BlobSink,
    hasher: Hasher,
    /// Bytes that the sink has.
    received: u64,
    downloaded: u64,
    /// The most that the sink had when the count of retries began anew.
    peak: u64,
    /// Whether what the sink has came by more than one answer.
    resumed: bool,
    started_over: bool,
    parts: Parts,
}

impl<'a> Download<'a> {
    fn new(inner: &'a Inner, descriptor: &Descriptor, sink: &'a mut dyn BlobSink) -> Self {
        let (digest, size) = (descriptor.digest, descriptor.size);
        let hasher = Hasher::new(digest.algorithm());
        Download {
            inner,
            digest,
            size,
            sink,
            hasher,
            received: 0,
            downloaded: 0,
            peak: 0,
            resumed: false,
            started_over: false,
            parts: Parts::Possible,
        }
    }

    /// Takes over what the sink has of an earlier run.
    fn go_on_from(&mut self, begun: HashedPrefix) -> Result<(), Error> {
        if begun.bytes >= self.size {
            return self.rewind();
        }
        self.received = begun.bytes;
        self.peak = begun.bytes;
        self.hasher = begun.hasher;
        self.resumed = true;
        self.inner.observer.notice(Event::Found { digest: self.digest, bytes: begun.bytes });
        Ok(())
    }

    async fn whole(mut self, from: &Place<'_>, mut retry: Retry<'_>) -> Result<Fetched, Error> {
        let result = self.run(from, &mut retry).await;
        if result.is_err() {
            self.take_back();
        }
        result.map(|()| Fetched { downloaded: self.downloaded })
    }

    async fn run(&mut self, from: &Place<'_>, retry: &mut Retry<'_>) -> Result<(), Error> {
        loop {
            let Err(error) = self.attempt(from).await else {
                return Ok(());
            };
            // Measured by what is there, not by what came: a registry that always breaks off and always
            // begins anew would never end.
            if self.received >= self.peak + MUCH {
                self.peak = self.received;
                retry.renew();
            }
            if self.may_start_over(&error) {
                self.start_over(&error)?;
                continue;
            }
            retry.pause_or_give_up(error).await?;
        }
    }

    async fn attempt(&mut self, from: &Place<'_>) -> Result<(), Error> {
        let mut answer = self.open(from).await?;
        let result = self.prove(&mut answer).await;
        result.map_err(|error| explained(error, &answer))
    }

    /// Takes the rest of the blob. Whatever the answer says of its encoding: what has the size and the digest
    /// is the blob.
    async fn prove(&mut self, answer: &mut Answer) -> Result<(), Error> {
        self.stream(answer).await?;
        let actual = self.hasher.clone().finish();
        if actual != self.digest {
            let html = is_html(answer.content_type(), &[]);
            let fault = if html {
                ContentFault::Html
            } else {
                ContentFault::Digest { expected: self.digest, actual }
            };
            return Err(Error::content(&answer.call, fault));
        }
        Ok(())
    }

    /// Asks for what is still missing, and looks whether that is what comes.
    async fn open(&mut self, from: &Place<'_>) -> Result<Answer, Error> {
        if self.parts == Parts::Refused && self.received > 0 {
            self.rewind()?;
        }
        let start = self.received;
        let answer = from.ask(self.inner, &self.digest, start).await?;
        match answer.status() {
            StatusCode::OK => {
                self.check_length(&answer, self.size)?;
                if start > 0 {
                    // The registry doesn't do ranges: what we have comes again.
                    self.rewind()?;
                }
            }
            StatusCode::PARTIAL_CONTENT if start > 0 => {
                self.check_range(&answer, start).map_err(|error| explained(error, &answer))?;
                self.check_length(&answer, self.size - start)?;
                self.resumed = true;
            }
            _ => return Err(self.inner.refused(answer).await),
        }
        Ok(answer)
    }

    /// What is announced must be what is missing.
    fn check_length(&self, answer: &Answer, missing: u64) -> Result<(), Error> {
        let Some(actual) = answer.length().filter(|actual| *actual != missing) else { return Ok(()) };
        if is_html(answer.content_type(), &[]) {
            return Err(Error::content(&answer.call, ContentFault::Html));
        }
        let (expected, actual) = (self.size, self.size - missing + actual.min(u64::MAX / 2));
        Err(explained(Error::content(&answer.call, ContentFault::Size { expected, actual }), answer))
    }

    /// A part must begin where ours ends, go to the blob's end, and be part of a blob of this size.
    fn check_range(&self, answer: &Answer, start: u64) -> Result<(), Error> {
        let got = answer.header("content-range").unwrap_or_default();
        let bare = got.trim().to_ascii_lowercase();
        let bare = bare.strip_prefix("bytes").unwrap_or_default().trim_start_matches([' ', '=']);
        let wanted = |total: &str| format!("{start}-{}/{total}", self.size.saturating_sub(1));
        if bare == wanted(&self.size.to_string()) || bare == wanted("*") {
            return Ok(());
        }
        Err(Error::content(&answer.call, ContentFault::Range { start, got: bounded(got) }))
    }

    /// Hands the body on, piece by piece, and never more than the blob's size.
    async fn stream(&mut self, answer: &mut Answer) -> Result<(), Error> {
        loop {
            let chunk = match answer.chunk(&self.inner.http).await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // All that belongs there came; how the connection ended doesn't matter.
                Err(_) if self.received == self.size => break,
                Err(error) => return Err(error),
            };
            let bytes = chunk.len() as u64;
            self.downloaded += bytes;
            if bytes > self.size - self.received {
                return Err(Error::content(&answer.call, ContentFault::Overlong { expected: self.size }));
            }
            self.hasher.update(&chunk);
            self.sink.write(&chunk).map_err(|source| Error::Sink { digest: self.digest, source })?;
            self.received += bytes;
            self.inner.observer.notice(Event::Advanced { digest: self.digest, bytes });
            if let Some(rate) = &self.inner.rate {
                rate.pass(chunk.len()).await;
            }
        }
        if self.received < self.size {
            let fault = ContentFault::Short { expected: self.size, received: self.received };
            return Err(Error::content(&answer.call, fault));
        }
        Ok(())
    }

    /// Whether the fault may lie in that a part was asked for, or in how parts were put together: then the
    /// whole blob is fetched once more.
    fn may_start_over(&self, error: &Error) -> bool {
        if self.started_over || self.received == 0 {
            return false;
        }
        match error {
            Error::Content { fault, .. } => match **fault {
                ContentFault::Digest { .. } => self.resumed,
                ContentFault::Range { .. } | ContentFault::Size { .. } => true,
                _ => false,
            },
            Error::Refused(_) | Error::Denied(_) | Error::Server(_) => !error.is_passing(),
            _ => false,
        }
    }

    fn start_over(&mut self, error: &Error) -> Result<(), Error> {
        self.started_over = true;
        let is_proof =
            matches!(error, Error::Content { fault, .. } if matches!(**fault, ContentFault::Digest { .. }));
        if !is_proof {
            self.parts = Parts::Refused;
        }
        self.rewind()
    }

    fn rewind(&mut self) -> Result<(), Error> {
        self.sink.restart().map_err(|source| Error::Sink { digest: self.digest, source })?;
        self.take_back();
        self.hasher = Hasher::new(self.digest.algorithm());
        self.resumed = false;
        Ok(())
    }

    /// Nothing of what was told counts any more.
    fn take_back(&mut self) {
        if self.received > 0 {
            self.inner.observer.notice(Event::Rewound { digest: self.digest, bytes: self.received });
        }
        self.received = 0;
    }
}

/// A fault of an answer's content, with the encoding that may be its cause.
fn explained(error: Error, answer: &Answer) -> Error {
    let encoding = answer.encoding();
    match (&error, encoding) {
        // It ended as it should: it was packed on the way, and comes packed each time.
        (Error::Content { fault, .. }, Some(encoding))
            if matches!(**fault, ContentFault::Short { .. }) && answer.is_chunked() =>
        {
            Error::content(&answer.call, ContentFault::Encoding(encoding))
        }
        (_, encoding) => error.encoded(encoding),
    }
}
