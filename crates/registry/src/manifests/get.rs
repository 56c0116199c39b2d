//! Manifests down: asked for with every type that we read, and kept as the bytes that they are.
//!
//! OCI distribution-spec 1.1, "Pulling manifests".

use airlift_oci::{Digest, Repository, Selector, media_type};
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::html::is_html;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

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
        let retry = self.inner.retry(format!("{repository} manifest {selector}"));
        retry.run(|| async { Ok(self.get_once(repository, selector, access).await?) }).await
    }

    /// One HEAD or GET; `None` where the manifest is not there.
    pub(crate) async fn ask_for_manifest(
        &self,
        method: Method,
        repository: &Repository,
        selector: &Selector,
        access: Access,
    ) -> Result<Option<Response>, Error> {
        let accept = HeaderValue::from_str(&media_type::ACCEPTED_MANIFESTS.join(", "));
        let accept = accept.unwrap_or(HeaderValue::from_static("*/*"));
        let scope = Scope::new(repository, access);
        let make = |base: &_| {
            let url = repository_url(base, repository, &format!("manifests/{selector}"))?;
            Ok(Request::new(method.clone(), url).with(ACCEPT, accept.clone()))
        };
        let response = self.inner.send(&scope, make).await?;
        match response.status() {
            StatusCode::OK if response.is_html() => Err(Error::content(&response.call, ContentFault::Html)),
            StatusCode::OK => Ok(Some(response)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(self.inner.refused(response).await),
        }
    }

    /// One GET.
    pub(super) async fn get_once(
        &self,
        repository: &Repository,
        selector: &Selector,
        access: Access,
    ) -> Result<Option<FetchedManifest>, Error> {
        let Some(mut response) = self.ask_for_manifest(Method::GET, repository, selector, access).await?
        else {
            return Ok(None);
        };
        let read = self.read(&mut response, selector).await;
        read.map(Some).map_err(|error| error.encoded(response.encoding()))
    }

    /// The manifest in a response. Bytes with the right digest are the manifest, even if the response claims
    /// another encoding.
    async fn read(&self, response: &mut Response, selector: &Selector) -> Result<FetchedManifest, Error> {
        let call = response.call.clone();
        let announced = response.length();
        let bytes = response.whole_in_time("manifest", MAX_MANIFEST).await?;
        if let Some(expected) = announced.filter(|announced| *announced > bytes.len() as u64) {
            let received = bytes.len() as u64;
            return Err(Error::content(&call, ContentFault::Short { expected, received }));
        }
        if bytes.is_empty() {
            return Err(Error::content(&call, ContentFault::Empty));
        }
        let digest_header = response.digest();
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
        prove_header(response, digest_header, &bytes)?;
        if is_html(None, &bytes) {
            return Err(Error::content(&call, ContentFault::Html));
        }
        if matches!(selector, Selector::Tag(_)) && digest_header.is_none() {
            response.plain()?;
        }
        let (content_type, etag) =
            (response.media_type().map(str::to_owned), response.header("etag").map(str::to_owned));
        Ok(FetchedManifest { bytes, content_type, digest_header, etag })
    }
}

/// A digest that the registry names must be the bytes' own, in any algorithm.
pub(crate) fn prove_header(response: &Response, header: Option<Digest>, bytes: &[u8]) -> Result<(), Error> {
    match header.filter(|header| !header.matches(bytes)) {
        None => Ok(()),
        Some(header) => {
            let actual = Digest::of(header.algorithm(), bytes);
            Err(Error::content(&response.call, ContentFault::Header { header, actual }))
        }
    }
}
