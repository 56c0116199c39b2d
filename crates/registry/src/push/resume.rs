//! Resuming an upload that broke: what the registry has of it.
//!
//! OCI distribution-spec 1.1, "Pushing a blob in chunks": a GET of the session's location is answered by 204
//! with `Range: 0-N` and, for what comes next, `Location`; some say 200 or 202. Many registries drop a
//! session with its connection, some write `bytes=0-N`, some leave out the location. An answer that makes no
//! sense means that the session is lost. That costs an upload from the start and nothing else: the digest is
//! proven at the end.

use airlift_oci::Repository;
use reqwest::Method;

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::push::acknowledged_range::range_of;
use crate::push::session::UploadSession;
use crate::transport::Inner;

/// What became of an upload that broke.
pub(super) enum UploadState {
    /// The blob is there.
    Done,
    /// The registry has this many bytes of it.
    At(UploadSession, u64),
    /// There is no such session (any more), or it can't be resumed.
    Lost,
}

impl UploadSession {
    /// Asks the registry how much it has of a blob of `size` bytes. An error is one that passes.
    pub(super) async fn state(
        &self,
        inner: &Inner,
        repository: &Repository,
        size: u64,
    ) -> Result<UploadState, Error> {
        let response = match self.ask(inner, repository).await {
            Ok(response) if matches!(response.status().as_u16(), 200 | 202 | 204) => response,
            Ok(response) => return lost_unless_passing(inner.refused(response).await),
            Err(error) => return lost_unless_passing(error),
        };
        let offset =
            response.header("range").and_then(range_of).filter(|(first, _)| *first == 0).map(|(_, end)| end);
        // `0-0` is one byte, or none: registries differ, and there is nothing to gain.
        match offset.filter(|offset| *offset > 1 && *offset <= self.sent.min(size)) {
            Some(offset) => match self.clone().moved(&inner.http, &response) {
                Ok(session) => Ok(UploadState::At(session, offset)),
                Err(_) => Ok(UploadState::Lost),
            },
            None => Ok(UploadState::Lost),
        }
    }

    async fn ask(&self, inner: &Inner, repository: &Repository) -> Result<Response, Error> {
        if self.authorization.is_none() {
            let request = self.request(Method::GET, None);
            return inner
                .http
                .send(request, Some(inner.http.limits.idle))
                .await
                .map(|response| self.noted(response));
        }
        // At the registry itself, where an authorization that expired meanwhile is renewed.
        let scope = Scope::new(repository, Access::Push);
        inner.send(&scope, |_| Ok(Request::new(Method::GET, self.url.clone()))).await
    }
}

fn lost_unless_passing(error: Error) -> Result<UploadState, Error> {
    match error {
        error if error.is_transient() => Err(error),
        _ => Ok(UploadState::Lost),
    }
}
