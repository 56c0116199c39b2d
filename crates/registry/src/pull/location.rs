//! Where a blob is asked for, and the request for it.

use airlift_oci::{Digest, Repository};
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Method, Url};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::limits::request_gate::RequestSize;
use crate::transport::Inner;
use crate::transport::urls::repository_url;

/// Where a blob comes from.
pub(super) enum BlobLocation<'a> {
    /// A repository.
    Registry(&'a Repository),
    /// An address that is no registry's: no credentials are sent there.
    External(&'a Url),
}

impl BlobLocation<'_> {
    /// One request for the blob of `size` bytes, from its byte `start` on.
    pub(super) async fn get(
        &self,
        inner: &Inner,
        (digest, size): (&Digest, u64),
        start: u64,
    ) -> Result<Response, Error> {
        let request = |url| {
            let request = Request { size: RequestSize::of(size), ..Request::new(Method::GET, url) };
            match HeaderValue::from_str(&format!("bytes={start}-")) {
                Ok(range) if start > 0 => request.with(RANGE, range),
                _ => request,
            }
        };
        match self {
            BlobLocation::Registry(repository) => {
                let scope = Scope::new(repository, Access::Pull);
                let rest = format!("blobs/{digest}");
                inner.send(&scope, |base| repository_url(base, repository, &rest).map(request)).await
            }
            BlobLocation::External(url) => {
                inner.http.send(request((*url).clone()), Some(inner.http.limits.idle)).await
            }
        }
    }
}
