//! Manifests up: stored under a tag or their digest, as the bytes that they are. Storing under a tag moves
//! the tag.
//!
//! OCI distribution-spec 1.1, "Pushing Manifests".

use std::sync::atomic::AtomicBool;

use airlift_oci::{Digest, Repository, Selector};
use bytes::Bytes;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue, IF_MATCH};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::request::{Payload, Request};
use crate::manifests::get::prove_header;
use crate::retry::rules::Failed;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

/// What a registry answered to a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutManifest {
    /// The digest under which it was stored; proven against the bytes that were sent.
    pub digest_header: Option<Digest>,
    /// `OCI-Subject`, verbatim: the registry keeps track of referrers.
    pub subject_header: Option<String>,
}

/// What came of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It was taken.
    Done(PutManifest),
    /// Something else stands there by now: it has to be read again.
    Changed,
}

impl Transport {
    /// Stores a manifest's bytes as they are, under a tag or its digest.
    ///
    /// Where an answer leaves open whether it was stored (5xx, or none at all), that is asked before it is
    /// sent again: a tag that may not be moved would refuse it, though it stands for it. After a 500 it is
    /// sent once more only: some mean "never" by that.
    ///
    /// # Errors
    /// If the registry doesn't take it, or says that it took something else.
    pub async fn put_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
        media_type: &str,
        bytes: Bytes,
    ) -> Result<PutManifest, Error> {
        let is_first_500 = AtomicBool::new(true);
        let attempt = || async {
            let error = match self.put_once(repository, selector, media_type, &bytes, None).await {
                Ok(put) => return Ok(put),
                Err(error) => error,
            };
            if error.outcome_is_unknown() && self.holds(repository, selector, &bytes).await {
                return Ok(PutManifest { digest_header: None, subject_header: None });
            }
            Err(Failed::of_put(error, &is_first_500))
        };
        self.inner.retry(format!("{repository} manifest {selector}")).run(attempt).await
    }

    /// Stores a manifest in place of the one that came with `etag`; without one, in place of whatever there
    /// is.
    ///
    /// It is sent once and never repeated: what it was made from may be out of date by then. Few registries
    /// look at the condition, so it has to be read back.
    ///
    /// # Errors
    /// If the registry doesn't take it, or says that it took something else.
    pub async fn replace_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
        (media_type, bytes): (&str, &Bytes),
        etag: Option<&str>,
    ) -> Result<Replaced, Error> {
        match self.put_once(repository, selector, media_type, bytes, etag).await {
            Ok(put) => Ok(Replaced::Done(put)),
            Err(error) if etag.is_some() && error.refusal().is_some_and(|refusal| refusal.status == 412) => {
                Ok(Replaced::Changed)
            }
            Err(error) => Err(error),
        }
    }

    /// Whether a manifest stands there, by one GET.
    async fn holds(&self, repository: &Repository, selector: &Selector, bytes: &Bytes) -> bool {
        let found = self.get_once(repository, selector, Access::Push).await;
        matches!(found, Ok(Some(found)) if found.bytes == *bytes)
    }

    /// One PUT; with an `ETag`, only over what has it.
    async fn put_once(
        &self,
        repository: &Repository,
        selector: &Selector,
        media_type: &str,
        bytes: &Bytes,
        over: Option<&str>,
    ) -> Result<PutManifest, Error> {
        let scope = Scope::new(repository, Access::Push);
        let make = |base: &_| {
            let url = repository_url(base, repository, &format!("manifests/{selector}"))?;
            let mut request = Request::new(Method::PUT, url);
            // A media type that is no header value is left for the registry to refuse.
            if let Ok(content_type) = HeaderValue::from_str(media_type) {
                request = request.with(CONTENT_TYPE, content_type);
            }
            if let Some(Ok(etag)) = over.map(HeaderValue::from_str) {
                request = request.with(IF_MATCH, etag);
            }
            request.payload = Payload::Bytes(bytes.clone());
            Ok(request)
        };
        let response = self.inner.send(&scope, make).await?;
        if !response.status().is_success() {
            return Err(self.inner.refused(response).await);
        }
        if response.is_html() {
            return Err(Error::content(&response.call, ContentFault::Html));
        }
        let digest_header = response.digest();
        prove_header(&response, digest_header, bytes)?;
        let subject_header = response.header("oci-subject").map(str::to_owned);
        Ok(PutManifest { digest_header, subject_header })
    }
}
