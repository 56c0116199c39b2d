//! Blobs down: streamed into a sink, hashed on the way, resumed where the connection broke.
//!
//! OCI distribution-spec 1.1, "Pulling blobs". A blob is accepted only whole, with its size and its digest.
//! Where a registry, its storage or a proxy doesn't give a part that was asked for, or gives another one, the
//! whole is asked for, and no part any more. `urls` of a descriptor are only looked at by
//! `external`, which is only called when the user asks for it.

use airlift_oci::{Descriptor, Digest, Event, HashedPrefix, Hasher};
use reqwest::StatusCode;

use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::response::Response;
use crate::pull::blob_sink::BlobSink;
use crate::pull::location::BlobLocation;
use crate::pull::part::{check_length, check_range, explained};
use crate::retry::policy::{MUCH, Retry};
use crate::retry::rules::Failed;
use crate::transport::Inner;

/// Whether a part of a blob can be asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
enum RangeRequests {
    Possible,
    /// It was tried, and refused or answered by something else.
    Refused,
}

/// A blob that came whole and is proven.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FetchedBlob {
    /// Bytes that came over the network, those that were thrown away among them.
    pub downloaded: u64,
}

/// One blob on its way.
pub(super) struct Download<'a> {
    inner: &'a Inner,
    location: BlobLocation<'a>,
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
    range_requests: RangeRequests,
}

impl<'a> Download<'a> {
    pub(super) fn new(
        inner: &'a Inner,
        location: BlobLocation<'a>,
        descriptor: &Descriptor,
        sink: &'a mut dyn BlobSink,
    ) -> Self {
        let (digest, size) = (descriptor.digest, descriptor.size);
        let hasher = Hasher::new(digest.algorithm());
        Download {
            inner,
            location,
            digest,
            size,
            sink,
            hasher,
            received: 0,
            downloaded: 0,
            peak: 0,
            resumed: false,
            started_over: false,
            range_requests: RangeRequests::Possible,
        }
    }

    /// Takes over what the sink has of an earlier run.
    pub(super) fn go_on_from(&mut self, begun: HashedPrefix) -> Result<(), Error> {
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

    /// Fetches all of the blob.
    pub(super) async fn run(mut self, retry: Retry<'_>) -> Result<FetchedBlob, Error> {
        let result = retry.run_on(&mut self, |download| Box::pin(download.attempt())).await;
        if result.is_err() {
            self.take_back();
        }
        result.map(|()| FetchedBlob { downloaded: self.downloaded })
    }

    async fn attempt(&mut self) -> Result<(), Failed> {
        self.fetch().await.map_err(|error| self.failed(error))
    }

    /// Prepares for what follows a failure.
    fn failed(&mut self, error: Error) -> Failed {
        // Measured by what is there, not by what came: a registry that always breaks off and always begins
        // anew would never end.
        let progressed = self.received >= self.peak + MUCH;
        if progressed {
            self.peak = self.received;
        }
        let failed = match self.may_start_over(&error) {
            true => match self.start_over(&error) {
                Ok(()) => Failed::other_way(error),
                Err(of_sink) => Failed::for_good(of_sink),
            },
            false => error.into(),
        };
        failed.after(progressed)
    }

    async fn fetch(&mut self) -> Result<(), Error> {
        let mut response = self.open().await?;
        let result = self.prove(&mut response).await;
        result.map_err(|error| explained(error, &response))
    }

    /// Takes the rest of the blob. Bytes with the right size and digest are the blob, even if the response
    /// claims another encoding.
    async fn prove(&mut self, response: &mut Response) -> Result<(), Error> {
        self.stream(response).await?;
        let actual = self.hasher.clone().finish();
        if actual != self.digest {
            let html = response.is_html();
            let fault = if html {
                ContentFault::Html
            } else {
                ContentFault::Digest { expected: self.digest, actual }
            };
            return Err(Error::content(&response.call, fault));
        }
        Ok(())
    }

    /// Asks for what is still missing, and looks whether that is what comes.
    async fn open(&mut self) -> Result<Response, Error> {
        if self.range_requests == RangeRequests::Refused && self.received > 0 {
            self.rewind()?;
        }
        let start = self.received;
        let response = self.location.get(self.inner, (&self.digest, self.size), start).await?;
        match response.status() {
            StatusCode::OK => {
                check_length(&response, self.size, self.size)?;
                if start > 0 {
                    // The registry doesn't do ranges: what we have comes again.
                    self.rewind()?;
                }
            }
            StatusCode::PARTIAL_CONTENT if start > 0 => {
                check_range(&response, self.size, start).map_err(|error| explained(error, &response))?;
                check_length(&response, self.size, self.size - start)?;
                self.resumed = true;
            }
            _ => return Err(self.inner.refused(response).await),
        }
        Ok(response)
    }

    /// Hands the body on, piece by piece, and never more than the blob's size.
    async fn stream(&mut self, response: &mut Response) -> Result<(), Error> {
        loop {
            std::future::poll_fn(|context| self.sink.poll_ready(context)).await;
            let chunk = match response.chunk().await {
                Ok(Some(chunk)) => chunk,
                Ok(None) => break,
                // All that belongs there came; how the connection ended doesn't matter.
                Err(_) if self.received == self.size => break,
                Err(error) => return Err(error),
            };
            let bytes = chunk.len() as u64;
            self.downloaded += bytes;
            if bytes > self.size - self.received {
                return Err(Error::content(&response.call, ContentFault::Overlong { expected: self.size }));
            }
            self.hasher.update(&chunk);
            self.sink.write(&chunk).map_err(|source| Error::Sink { digest: self.digest, source })?;
            self.received += bytes;
            self.inner.observer.notice(Event::Advanced { digest: self.digest, bytes });
            if let Some(rate) = &self.inner.bandwidth {
                rate.pass(chunk.len()).await;
            }
        }
        if self.received < self.size {
            let fault = ContentFault::Short { expected: self.size, received: self.received };
            return Err(Error::content(&response.call, fault));
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
            Error::Refused(_) | Error::Denied(_) | Error::Server(_) => !error.is_transient(),
            _ => false,
        }
    }

    fn start_over(&mut self, error: &Error) -> Result<(), Error> {
        self.started_over = true;
        let is_proof =
            matches!(error, Error::Content { fault, .. } if matches!(**fault, ContentFault::Digest { .. }));
        if !is_proof {
            self.range_requests = RangeRequests::Refused;
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

    /// Takes back all that was reported to the observer.
    fn take_back(&mut self) {
        if self.received > 0 {
            self.inner.observer.notice(Event::Rewound { digest: self.digest, bytes: self.received });
        }
        self.received = 0;
    }
}
