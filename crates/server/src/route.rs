//! From a request's path to what it is about.
//!
//! Paths are matched as they came: the grammar of names leaves nothing that needs percent-encoding, so a `%`
//! is refused like any other character outside it, and no two spellings of one name exist.

use airlift_oci::Digest;

use crate::failure::{Code, Failure};
use crate::names::Repository;

/// An endpoint and the names in its path.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Route<'a> {
    /// `/v2/`
    Base,
    /// `/v2/NAME/manifests/REFERENCE`; the reference is parsed by method, which decides how a malformed one
    /// is answered.
    Manifest(Repository, &'a str),
    /// `/v2/NAME/blobs/DIGEST`
    Blob(Repository, Digest),
    /// `/v2/NAME/blobs/uploads/`
    Uploads(Repository),
    /// `/v2/NAME/blobs/uploads/SESSION`
    Upload(Repository, &'a str),
    /// `/v2/NAME/tags/list`
    Tags(Repository),
    /// `/v2/NAME/referrers/DIGEST`
    Referrers(Repository, Digest),
}

impl<'a> Route<'a> {
    /// The route of `path`, or the answer that says why there is none.
    pub(crate) fn parse(path: &'a str) -> Result<Self, Failure> {
        if path == "/v2" {
            return Ok(Route::Base);
        }
        let rest = path.strip_prefix("/v2/").ok_or_else(no_endpoint)?;
        if rest.is_empty() {
            return Ok(Route::Base);
        }
        if let Some(name) = rest.strip_suffix("/tags/list") {
            return Ok(Route::Tags(repository(name)?));
        }
        let start = rest.strip_suffix("/blobs/uploads/").or_else(|| rest.strip_suffix("/blobs/uploads"));
        if let Some(name) = start {
            return Ok(Route::Uploads(repository(name)?));
        }
        let (head, last) = rest.rsplit_once('/').ok_or_else(no_endpoint)?;
        if let Some(name) = head.strip_suffix("/blobs/uploads") {
            return Ok(Route::Upload(repository(name)?, last));
        }
        let (name, endpoint) = head.rsplit_once('/').ok_or_else(no_endpoint)?;
        match endpoint {
            "manifests" => Ok(Route::Manifest(repository(name)?, last)),
            "blobs" => Ok(Route::Blob(repository(name)?, digest(last)?)),
            "referrers" => Ok(Route::Referrers(repository(name)?, digest(last)?)),
            _ => Err(no_endpoint()),
        }
    }
}

fn no_endpoint() -> Failure {
    Failure::new(Code::Unsupported, "no such endpoint").status(axum::http::StatusCode::NOT_FOUND)
}

fn repository(name: &str) -> Result<Repository, Failure> {
    let invalid =
        || Failure::new(Code::NameInvalid, format!("'{}' is not a repository name", name.escape_debug()));
    Repository::parse(name).ok_or_else(invalid)
}

/// The digest that `text` spells, or the answer that says why it spells none.
pub(crate) fn digest(text: &str) -> Result<Digest, Failure> {
    text.parse()
        .map_err(|error: airlift_oci::DigestError| Failure::new(Code::DigestInvalid, error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn routes_by_the_end_of_the_path() {
        let repository = |name| Repository::parse(name).unwrap();
        let digest = Digest::sha256(b"");
        let blob = format!("/v2/a/b/blobs/{digest}");
        let referrers = format!("/v2/a/referrers/{digest}");
        let cases = [
            ("/v2", Route::Base),
            ("/v2/", Route::Base),
            ("/v2/a/tags/list", Route::Tags(repository("a"))),
            ("/v2/a/blobs/uploads/", Route::Uploads(repository("a"))),
            ("/v2/a/blobs/uploads", Route::Uploads(repository("a"))),
            ("/v2/a/blobs/uploads/x", Route::Upload(repository("a"), "x")),
            (blob.as_str(), Route::Blob(repository("a/b"), digest)),
            (referrers.as_str(), Route::Referrers(repository("a"), digest)),
            ("/v2/a/manifests/1", Route::Manifest(repository("a"), "1")),
            ("/v2/manifests/blobs/manifests/list", Route::Manifest(repository("manifests/blobs"), "list")),
        ];
        for (path, route) in cases {
            assert_eq!(Route::parse(path).unwrap(), route, "{path}");
        }
    }

    #[test]
    fn refuses_every_other_path() {
        let bad = [
            "",
            "/",
            "/v1/",
            "/v2/a",
            "/v2/_catalog",
            "/v2/a/b/c",
            "/v2//tags/list",
            "/v2/../tags/list",
            "/v2/a/../b/manifests/1",
            "/v2/a%2fb/manifests/1",
            "/v2/%2e%2e/blobs/uploads/",
            "/v2/a/blobs/..",
            "/v2/a/blobs/sha256:00",
            "/v2/A/manifests/1",
            "/v2/manifests/1",
            "/v2/a/referrers/latest",
        ];
        for path in bad {
            assert!(Route::parse(path).is_err(), "{path}");
        }
    }
}
