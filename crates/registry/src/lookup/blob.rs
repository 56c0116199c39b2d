//! Whether a blob is in a repository.

use airlift_oci::{Digest, Repository};
use bytes::Bytes;
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::lookup::head_then_get::{HeadTrust, Lookup, decide};
use crate::transport::Transport;
use crate::transport::urls::repository_url;

impl Transport {
    /// Looks for a blob of that digest and size: by a HEAD, and by a GET of its first byte if that doesn't
    /// settle it.
    ///
    /// # Errors
    /// If there is no answer, or one that says nothing: neither a blob nor a refusal.
    pub async fn look_up_blob(
        &self,
        repository: &Repository,
        (digest, size): (Digest, u64),
        access: Access,
        trust: HeadTrust,
    ) -> Result<Lookup<()>, Error> {
        let what = || format!("{repository} blob {digest}");
        let head = async {
            if matches!(trust, HeadTrust::Never(_)) {
                return Ok(None);
            }
            let request = || self.ask_for_blob(Method::HEAD, repository, &digest, access);
            Ok(self.head(what(), request).await?.map(|response| response.size()))
        };
        let get = self.inner.retry(what()).run(|| async {
            match self.ask_for_blob(Method::GET, repository, &digest, access).await? {
                Some(response) => Ok(whole_size(response).await?),
                None => Ok(None),
            }
        });
        let fits = |found: &Option<u64>| found.is_none_or(|found| found == size);
        let is_settled = |found: Option<&Option<u64>>| found.map_or(trust == HeadTrust::Always, fits);
        Ok(match decide(head, is_settled, get).await? {
            Lookup::There(found) if fits(&found) => Lookup::There(()),
            // What has another size is something else.
            Lookup::There(_) | Lookup::Absent => Lookup::Absent,
            Lookup::Hidden(refusal) => Lookup::Hidden(refusal),
        })
    }

    /// One HEAD, or one GET of the first byte; `None` where the blob is not there.
    async fn ask_for_blob(
        &self,
        method: Method,
        repository: &Repository,
        digest: &Digest,
        access: Access,
    ) -> Result<Option<Response>, Error> {
        let scope = Scope::new(repository, access);
        let make = |base: &_| {
            let request =
                Request::new(method.clone(), repository_url(base, repository, &format!("blobs/{digest}"))?);
            Ok(match method {
                Method::GET => request.with(RANGE, HeaderValue::from_static("bytes=0-0")),
                _ => request,
            })
        };
        let response = self.inner.send(&scope, make).await?;
        match response.status() {
            StatusCode::OK if response.is_html() => Err(Error::content(&response.call, ContentFault::Html)),
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                Ok(Some(response))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(self.inner.refused(response).await),
        }
    }
}

/// What an answer to a question for the first byte says of the whole blob: its size, where it says that.
/// `None`: it is no such answer, although it says yes.
async fn whole_size(mut response: Response) -> Result<Option<Option<u64>>, Error> {
    match response.status() {
        StatusCode::OK => Ok(Some(response.size())),
        // There is no first byte, because the blob is empty.
        StatusCode::RANGE_NOT_SATISFIABLE => Ok(Some(Some(0))),
        _ => {
            let range = response.header("content-range").and_then(|range| range.trim().strip_prefix("bytes"));
            let total = range.and_then(|range| range.trim().strip_prefix("0-")?.split_once('/'));
            let Some(total) = total.map(|(_, total)| total.trim().parse().ok()) else { return Ok(None) };
            Ok(first_bytes(&mut response).await?.map(|_| total))
        }
    }
}

/// The first piece of a body that has any bytes.
async fn first_bytes(response: &mut Response) -> Result<Option<Bytes>, Error> {
    while let Some(piece) = response.chunk().await? {
        if !piece.is_empty() {
            return Ok(Some(piece));
        }
    }
    Ok(None)
}
