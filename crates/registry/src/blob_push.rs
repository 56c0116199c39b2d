//! Blobs up: mounted from a neighbour, or uploaded.
//!
//! OCI distribution-spec 1.1, "Mounting a blob from another repository". How one blob is uploaded is in
//! `upload`.

use std::io;

use airlift_oci::{Digest, Repository};
use reqwest::{Method, StatusCode};

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::error::Error;
use crate::http::Ask;
use crate::transport::{Transport, place};
use crate::upload::Upload;

/// Where an upload's bytes come from.
pub trait BlobSource: Send + Sync {
    /// A fresh reader from the blob's start, for one attempt. It is read on a thread that may block. An
    /// attempt that goes on with a broken upload reads from the start, too, and sends only what the registry
    /// lacks.
    ///
    /// A read error ends the upload before its last byte is sent, so a reader that hashes can prove its
    /// content at the end. It isn't retried and comes back as [`Error::Source`].
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
    /// Asks the registry to take a blob from its repository `from`. Any answer but 201 means that it didn't;
    /// a session that it opened instead is cancelled.
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
    /// An upload that breaks goes on where the registry says that it is, and starts over in a new session
    /// where the registry can't say, or where that came to nothing. Where a request is too large for
    /// something on the way, the blob goes in pieces. Sends `Advanced` and `Rewound`, not `Started` and
    /// `Finished`; a failure takes back all that it told.
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
        let mut upload = Upload::new(self, repository, (*digest, size), source);
        upload.run(self.inner.retry(format!("{repository} blob {digest}"))).await?;
        Ok(Put { uploaded: upload.uploaded })
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
