//! Tries a login at a registry before it is stored.

use std::sync::Arc;

use airlift_oci::Host;
use reqwest::Method;
use reqwest::header::HeaderValue;

use crate::auth::authorization::explained;
use crate::auth::challenge::Challenge;
use crate::auth::credential::Credential;
use crate::auth::login::Login;
use crate::auth::secret;
use crate::auth::token::{self, TokenRequest};
use crate::auth::user_login::UserLogin;
use crate::error::Error;
use crate::http::request::Request;
use crate::transport::Transport;
use crate::transport::urls::join;

/// What came of a login that was tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoginTrial {
    /// The registry accepts it.
    Accepted,
    /// The registry asks for no login, so it could not be tried.
    NotAsked,
}

impl Transport {
    /// Tries a user and a password at a registry, as `docker login` does: by its token service if it names
    /// one, and then at `/v2/`.
    ///
    /// # Errors
    /// If the registry or its token service doesn't accept the login, what answers is no registry, or there
    /// is no answer.
    pub async fn try_login(&self, host: &Host, login: &UserLogin) -> Result<LoginTrial, Error> {
        if let Some(error) = self.why_no_registry(host).await {
            return Err(error);
        }
        let given = Login::Given { user: login.user().to_owned() };
        let attempt = || async { Ok(self.try_once(host, &login.credential(), &given).await?) };
        self.inner.retry(format!("login at {host}")).run(attempt).await
    }

    async fn try_once(
        &self,
        host: &Host,
        credential: &Credential,
        given: &Login,
    ) -> Result<LoginTrial, Error> {
        let registry = self.inner.registry(host).await?;
        let challenge = registry.challenge();
        let header = match &challenge {
            // It may all the same ask for something that can't be answered.
            None => None,
            Some(Challenge::Basic) => basic(credential),
            Some(Challenge::Bearer { realm, service, scopes }) => {
                let (service, scopes) = (service.as_deref(), scopes.clone());
                let wanted = TokenRequest { registry: host, realm, service, scopes };
                let token = token::fetch(&self.inner.http, &wanted, Some(credential)).await;
                Some(token.map_err(|error| explained(error, given))?.header)
            }
        };
        let mut request = Request::new(Method::GET, join(&registry.base, "v2/")?);
        request.authorization = header.clone();
        let mut response = self.inner.http.send(request, Some(self.inner.http.limits.idle)).await?;
        if response.status().is_success() {
            return Ok(challenge.map_or(LoginTrial::NotAsked, |_| LoginTrial::Accepted));
        }
        (response.login, response.authorization) = (Some(Arc::new(given.clone())), header);
        Err(self.inner.refused(response).await)
    }
}

fn basic(credential: &Credential) -> Option<HeaderValue> {
    match credential {
        Credential::Login(auth) => secret::basic(auth),
        Credential::Identity(_) => None,
    }
}
