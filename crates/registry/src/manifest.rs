//! Manifests: asked for with every type that we read, kept and sent as the bytes that they are.
//!
//! OCI distribution-spec 1.1, "Pulling manifests" and "Pushing Manifests". Parsing is not done here.
//! The referrers API is in `referrers`.

use airlift_oci::{Digest, Repository, Selector, media_type};
use bytes::Bytes;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderValue, IF_MATCH};
use reqwest::{Method, StatusCode};

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::error::{ContentFault, Error};
use crate::http::{Ask, Payload};
use crate::refusal::is_html;
use crate::transport::{Transport, digest_header, place};

/// The largest manifest that is read: what registries accept, too.
pub const MAX_MANIFEST: u64 = 4 * 1024 * 1024;

/// A manifest as it came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedManifest {
    /// The bytes; proven, if they were asked for by digest.
    pub bytes: Bytes,
    /// The media type that the registry gives it, without parameters.
    pub content_type: Option<String>,
    /// What the registry says that its digest is; proven against the bytes.
    pub digest_header: Option<Digest>,
    /// `ETag`, verbatim: what a [replacement](Transport::replace_manifest) may be bound to.
    pub etag: Option<String>,
}

/// What a registry answered to a manifest.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PutManifest {
    /// The digest under which it was stored; proven against the bytes that were sent.
    pub digest_header: Option<Digest>,
    /// `OCI-Subject`, verbatim: the registry keeps track of referrers.
    pub subject_header: Option<String>,
}

impl Transport {
    /// Fetches a manifest's exact bytes. `None`: it is not there.
    ///
    /// By digest, the bytes are proven to have it; by tag, a digest that the registry names is.
    ///
    /// # Errors
    /// If there is no answer, one that is neither a manifest nor 404 or 410, or bytes that aren't what was
    /// asked for.
    pub async fn get_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
        access: Access,
    ) -> Result<Option<FetchedManifest>, Error> {
        let mut retry = self.inner.retry(format!("{repository} manifest {selector}"));
        loop {
            match self.get_once(repository, selector, access).await {
                Ok(manifest) => return Ok(manifest),
                Err(error) => retry.pause_or_give_up(error).await?,
            }
        }
    }

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
        let mut retry = self.inner.retry(format!("{repository} manifest {selector}"));
        let mut once_more = true;
        loop {
            let error = match self.put_once(repository, selector, media_type, &bytes, None).await {
                Ok(put) => return Ok(put),
                Err(error) => error,
            };
            if error.leaves_doubt() && self.holds(repository, selector, &bytes).await {
                return Ok(PutManifest { digest_header: None, subject_header: None });
            }
            let is_500 = error.refusal().is_some_and(|refusal| refusal.status == 500);
            let passing = error.is_passing() && (!is_500 || std::mem::take(&mut once_more));
            retry.pause_if(passing, error).await?;
        }
    }

    /// Whether a manifest stands there, by one GET.
    async fn holds(&self, repository: &Repository, selector: &Selector, bytes: &Bytes) -> bool {
        let found = self.get_once(repository, selector, Access::Push).await;
        matches!(found, Ok(Some(found)) if found.bytes == *bytes)
    }

    /// One HEAD or GET; `None` where the manifest is not there.
    pub(crate) async fn ask_for_manifest(
        &self,
        method: Method,
        repository: &Repository,
        selector: &Selector,
        access: Access,
    ) -> Result<Option<Answer>, Error> {
        let accept = HeaderValue::from_str(&media_type::ACCEPTED_MANIFESTS.join(", "));
        let accept = accept.unwrap_or(HeaderValue::from_static("*/*"));
        let scope = Scope::new(repository, access);
        let make = |base: &_| {
            let url = place(base, repository, &format!("manifests/{selector}"))?;
            Ok(Ask::new(method.clone(), url).with(ACCEPT, accept.clone()))
        };
        let answer = self.inner.send(&scope, make).await?;
        match answer.status() {
            StatusCode::OK if is_html(answer.content_type(), &[]) => {
                Err(Error::content(&answer.call, ContentFault::Html))
            }
            StatusCode::OK => Ok(Some(answer)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(self.inner.refused(answer).await),
        }
    }

    async fn get_once(
        &self,
        repository: &Repository,
        selector: &Selector,
        access: Access,
    ) -> Result<Option<FetchedManifest>, Error> {
        let Some(mut answer) = self.ask_for_manifest(Method::GET, repository, selector, access).await? else {
            return Ok(None);
        };
        let read = self.read(&mut answer, selector).await;
        read.map(Some).map_err(|error| error.encoded(answer.encoding()))
    }

    /// The manifest in an answer. Whatever that says of its encoding: bytes that have the digest are the
    /// manifest.
    async fn read(&self, answer: &mut Answer, selector: &Selector) -> Result<FetchedManifest, Error> {
        let call = answer.call.clone();
        let announced = answer.length();
        let bytes = self.inner.soon(&call, answer.whole(&self.inner.http, "manifest", MAX_MANIFEST)).await?;
        if let Some(expected) = announced.filter(|announced| *announced > bytes.len() as u64) {
            let received = bytes.len() as u64;
            return Err(Error::content(&call, ContentFault::Short { expected, received }));
        }
        if bytes.is_empty() {
            return Err(Error::content(&call, ContentFault::Empty));
        }
        let digest_header = digest_header(answer.response.headers());
        if let Selector::Digest(expected) = selector {
            let actual = Digest::of(expected.algorithm(), &bytes);
            if actual != *expected {
                let html = is_html(None, &bytes);
                let fault = if html {
                    ContentFault::Html
                } else {
                    ContentFault::Digest { expected: *expected, actual }
                };
                return Err(Error::content(&call, fault));
            }
        }
        prove_header(answer, digest_header, &bytes)?;
        if is_html(None, &bytes) {
            return Err(Error::content(&call, ContentFault::Html));
        }
        if matches!(selector, Selector::Tag(_)) && digest_header.is_none() {
            answer.plain()?;
        }
        let (content_type, etag) = (media_type_of(answer), answer.header("etag").map(str::to_owned));
        Ok(FetchedManifest { bytes, content_type, digest_header, etag })
    }

    /// One PUT; with an `ETag`, only over what has it.
    pub(crate) async fn put_once(
        &self,
        repository: &Repository,
        selector: &Selector,
        media_type: &str,
        bytes: &Bytes,
        over: Option<&str>,
    ) -> Result<PutManifest, Error> {
        let scope = Scope::new(repository, Access::Push);
        let make = |base: &_| {
            let url = place(base, repository, &format!("manifests/{selector}"))?;
            let mut ask = Ask::new(Method::PUT, url);
            // A media type that is no header value is left for the registry to refuse.
            if let Ok(content_type) = HeaderValue::from_str(media_type) {
                ask = ask.with(CONTENT_TYPE, content_type);
            }
            if let Some(Ok(etag)) = over.map(HeaderValue::from_str) {
                ask = ask.with(IF_MATCH, etag);
            }
            ask.payload = Payload::Bytes(bytes.clone());
            Ok(ask)
        };
        let answer = self.inner.send(&scope, make).await?;
        if !answer.status().is_success() {
            return Err(self.inner.refused(answer).await);
        }
        if is_html(answer.content_type(), &[]) {
            return Err(Error::content(&answer.call, ContentFault::Html));
        }
        let digest_header = digest_header(answer.response.headers());
        prove_header(&answer, digest_header, bytes)?;
        let subject_header = answer.header("oci-subject").map(str::to_owned);
        Ok(PutManifest { digest_header, subject_header })
    }
}

/// A digest that the registry names must be the bytes' own, whatever its algorithm.
fn prove_header(answer: &Answer, header: Option<Digest>, bytes: &[u8]) -> Result<(), Error> {
    match header.filter(|header| !header.matches(bytes)) {
        None => Ok(()),
        Some(header) => {
            let actual = Digest::of(header.algorithm(), bytes);
            Err(Error::content(&answer.call, ContentFault::Header { header, actual }))
        }
    }
}

/// The media type of an answer, without parameters.
pub(crate) fn media_type_of(answer: &Answer) -> Option<String> {
    let media_type = answer.content_type()?.split(';').next()?.trim();
    (!media_type.is_empty()).then(|| media_type.to_owned())
}
