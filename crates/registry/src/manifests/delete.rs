//! Manifests removed.

use airlift_oci::{Repository, Selector};
use reqwest::{Method, StatusCode};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::http::request::Request;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

impl Transport {
    /// Deletes a manifest; one that isn't there is deleted.
    ///
    /// # Errors
    /// If the registry doesn't allow it.
    pub async fn delete_manifest(&self, repository: &Repository, selector: &Selector) -> Result<(), Error> {
        let scope = Scope::new(repository, Access::Push);
        let make = |base: &_| {
            Ok(Request::new(
                Method::DELETE,
                repository_url(base, repository, &format!("manifests/{selector}"))?,
            ))
        };
        let response = self.inner.send(&scope, make).await?;
        match response.status() {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(self.inner.refused(response).await),
        }
    }
}
