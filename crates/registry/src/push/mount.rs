//! Blobs that are mounted from another repository of the same registry.
//!
//! OCI distribution-spec 1.1, "Mounting a blob from another repository".

use airlift_oci::{Digest, Repository};
use reqwest::{Method, StatusCode, Url};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::http::redirect_policy::same_origin;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

/// What came of a mount.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mount {
    /// The blob is in the repository now.
    Mounted,
    /// It has to be uploaded.
    NotMounted,
}

impl Transport {
    /// Asks the registry to take a blob from its repository `from`. Any answer but 201 means that it didn't;
    /// a session that it opened instead is cancelled. Only 429 and 503 ask for another attempt: after any
    /// other answer, an upload is quicker.
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
        let scope = Scope { mount_from: Some(from.path().to_owned()), ..Scope::new(target, Access::Push) };
        let make = |base: &_| {
            let mut url = repository_url(base, target, "blobs/uploads/")?;
            url.set_query(Some(&format!("mount={digest}&from={}", from.path())));
            Ok(Request::new(Method::POST, url))
        };
        let attempt = || async {
            let error = match self.inner.send(&scope, make).await {
                Ok(response) if response.status() == StatusCode::CREATED => return Ok(Mount::Mounted),
                Ok(response) if response.status() == StatusCode::ACCEPTED => {
                    self.cancel(&response).await;
                    return Ok(Mount::NotMounted);
                }
                Ok(response) => match self.inner.refused(response).await {
                    error if asks_to_wait(&error) => error,
                    _ => return Ok(Mount::NotMounted),
                },
                // A refusal to log in for both repositories is no refusal of the upload, which asks for less.
                Err(error) if error.refusal().is_some() && !asks_to_wait(&error) => {
                    return Ok(Mount::NotMounted);
                }
                Err(error) => error,
            };
            Err(error.into())
        };
        self.inner.retry(format!("{target} blob {digest}")).run(attempt).await
    }

    /// Ends a session that isn't needed. Whether that works is not looked at. One whose address is not that
    /// of an upload in this repository is left to expire: the address is the registry's word, and a DELETE of
    /// anything else would delete it.
    pub(super) async fn cancel(&self, response: &Response) {
        let http = &self.inner.http;
        let session = response.header("location").and_then(|location| response.url.join(location).ok());
        if let Some(url) = session.filter(|url| is_session(&response.url, url)) {
            let mut request = Request::new(Method::DELETE, url);
            request.authorization = response.authorization_for(&request.url);
            let _ = http.send(request, Some(http.limits.idle)).await;
        }
    }
}

/// Whether `session` is an upload that a POST to `uploads` opened: at the same origin, right below, and
/// without a login of its own.
fn is_session(uploads: &Url, session: &Url) -> bool {
    let id = session.path().strip_prefix(uploads.path()).map(|id| id.trim_start_matches('/'));
    let is_id = |id: &str| !id.is_empty() && !id.contains(['/', '%']);
    let has_user = !session.username().is_empty() || session.password().is_some();
    same_origin(uploads, session)
        && !has_user
        && uploads.path().ends_with("/blobs/uploads/")
        && id.is_some_and(is_id)
}

/// Whether a registry has too much to do at the moment.
fn asks_to_wait(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| matches!(refusal.status, 429 | 503))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_upload_of_the_repository_that_was_asked_is_a_session() {
        let uploads: Url = "https://r.example/v2/team/app/blobs/uploads/".parse().unwrap();
        let is_session = |location: &str| is_session(&uploads, &uploads.join(location).unwrap());
        for good in [
            "5a1b",
            "/v2/team/app/blobs/uploads/5a1b?_state=x/y%2F",
            "https://r.example/v2/team/app/blobs/uploads/5a1b",
            "https://r.example:443/v2/team/app/blobs/uploads/5a1b",
        ] {
            assert!(is_session(good), "{good}");
        }
        for bad in [
            "",
            "/v2/team/app/blobs/uploads/",
            "/v2/team/app/manifests/sha256:00",
            "/v2/team/other/blobs/uploads/5a1b",
            "/v2/team/app/blobs/uploads/../../manifests/latest",
            "/v2/team/app/blobs/uploads/%2e%2e/%2e%2e/manifests/latest",
            "/v2/team/app/blobs/uploads/..%2f..%2fmanifests%2flatest",
            "/v2/team/app/blobs/uploads/a/b",
            "http://r.example/v2/team/app/blobs/uploads/5a1b",
            "https://r.example:5000/v2/team/app/blobs/uploads/5a1b",
            "https://other.example/v2/team/app/blobs/uploads/5a1b",
            "https://bob:pw@r.example/v2/team/app/blobs/uploads/5a1b",
            "https://bob@r.example/v2/team/app/blobs/uploads/5a1b",
            "https://:pw@r.example/v2/team/app/blobs/uploads/5a1b",
        ] {
            assert!(!is_session(bad), "{bad}");
        }
    }
}
