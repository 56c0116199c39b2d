//! Blobs that are mounted from another repository of the same registry.
//!
//! OCI distribution-spec 1.1, "Mounting a blob from another repository".

use airlift_oci::{Digest, Repository};
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
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

    /// Ends a session that isn't needed. Whether that works is not looked at.
    pub(super) async fn cancel(&self, response: &Response) {
        let http = &self.inner.http;
        if let Some(Ok(url)) = response.header("location").map(|location| http.location(response, location)) {
            let mut request = Request::new(Method::DELETE, url);
            request.authorization = response.authorization_for(&request.url);
            let _ = http.send(request, Some(http.limits.idle)).await;
        }
    }
}

/// Whether a registry has too much to do at the moment.
fn asks_to_wait(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| matches!(refusal.status, 429 | 503))
}
