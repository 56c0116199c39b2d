//! Asks a repository whether it may be written to, by an upload that is opened and cancelled.

use airlift_oci::Repository;
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::http::request::Request;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

impl Transport {
    /// Opens an upload in a repository, sends nothing, and cancels it. A registry that can't cancel an upload
    /// lets it expire. It is tried once: what a registry answers when it is busy says nothing of rights.
    ///
    /// # Errors
    /// If the registry doesn't open an upload, or there is no answer.
    pub async fn try_upload(&self, repository: &Repository) -> Result<(), Error> {
        let scope = Scope::new(repository, Access::Push);
        let make =
            |base: &_| Ok(Request::new(Method::POST, repository_url(base, repository, "blobs/uploads/")?));
        let response = self.inner.send(&scope, make).await?;
        match response.status() {
            StatusCode::ACCEPTED => self.cancel(&response).await,
            status if status.is_success() => {}
            _ => return Err(self.inner.refused(response).await),
        }
        Ok(())
    }
}
