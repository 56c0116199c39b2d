//! One authorization per (repository, access): fetched once however many want it, kept while it lives,
//! renewed when it is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::Repository;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use crate::auth::challenge::{Challenge, merged};
use crate::auth::credential::Credential;
use crate::auth::credentials::{Credentials, SearchResult};
use crate::auth::login::Login;
use crate::auth::scope::Scope;
use crate::auth::secret;
use crate::auth::token::{self, TokenRequest};
use crate::error::Error;
use crate::http::client::HttpClient;

/// What to put on a request, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Authorization {
    pub(crate) header: Option<HeaderValue>,
    /// For the message if the request is refused all the same.
    pub(crate) login: Option<Arc<Login>>,
    /// Whether it is a user and a password, which are refused always when they are refused once.
    pub(crate) is_password: bool,
    /// What its token was asked to be good for.
    pub(crate) scopes: Vec<String>,
    number: u64,
    expires: Option<Instant>,
}

impl Authorization {
    /// Of a registry that asks for nothing.
    pub(crate) fn none() -> Self {
        Authorization {
            header: None,
            login: None,
            is_password: false,
            scopes: Vec::new(),
            number: 0,
            expires: None,
        }
    }

    fn is_fresh(&self) -> bool {
        self.expires.is_none_or(|expires| Instant::now() < expires)
    }
}

/// Why an authorization is needed.
pub(crate) enum Need<'a> {
    /// For a request to a registry that asks for this as a rule.
    Request(&'a Challenge),
    /// Since `refused` was; the refusal asked for `challenge`, if for anything that can be read.
    Refused { refused: &'a Authorization, challenge: Option<&'a Challenge> },
}

/// An authorization and what it was made for.
struct Kept {
    authorization: Authorization,
    /// The registry's last words for this scope: some name another token service for each repository.
    challenge: Challenge,
}

type Cell = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// All authorizations of a transport.
pub(crate) struct Authorizations {
    credentials: Arc<Credentials>,
    cells: Mutex<HashMap<Scope, Cell>>,
}

impl Authorizations {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Authorizations { credentials: Arc::new(credentials), cells: Mutex::default() }
    }

    /// The authorization for `scope`; another one than was refused, if one was.
    pub(crate) async fn get(
        &self,
        http: &HttpClient,
        scope: &Scope,
        need: Need<'_>,
    ) -> Result<Authorization, Error> {
        let cell = Arc::clone(
            self.cells.lock().unwrap_or_else(PoisonError::into_inner).entry(scope.clone()).or_default(),
        );
        // Held while logging in: the others wait for this one's token instead of fetching their own.
        let mut slot = cell.lock().await;
        let (refused, asked) = match need {
            Need::Request(usual) => (None, slot.as_ref().map_or(usual, |kept| &kept.challenge)),
            Need::Refused { refused, challenge } => {
                match challenge.or(slot.as_ref().map(|kept| &kept.challenge)) {
                    Some(challenge) => (Some(refused.number), challenge),
                    None => return Ok(Authorization::none()),
                }
            }
        };
        if let Some(Kept { authorization, .. }) = slot.as_ref()
            && authorization.is_fresh()
            && refused != Some(authorization.number)
        {
            return Ok(authorization.clone());
        }
        let challenge = asked.clone();
        let mut authorization = self.log_in(http, &challenge, scope).await?;
        authorization.number = slot.as_ref().map_or(0, |kept| kept.authorization.number) + 1;
        *slot = Some(Kept { authorization: authorization.clone(), challenge });
        Ok(authorization)
    }

    /// The user and the password for `scope`, whatever its registry asks for. It isn't kept: tokens are what
    /// most requests need.
    pub(crate) async fn password(&self, http: &HttpClient, scope: &Scope) -> Result<Authorization, Error> {
        self.log_in(http, &Challenge::Basic, scope).await
    }

    /// Forgets the authorizations for these repositories: what they allow was decided before something
    /// changed at the registry.
    pub(crate) fn forget(&self, is_changed: impl Fn(&Repository) -> bool) {
        let mut cells = self.cells.lock().unwrap_or_else(PoisonError::into_inner);
        cells.retain(|scope, _| !is_changed(&scope.repository));
    }

    async fn log_in(
        &self,
        http: &HttpClient,
        challenge: &Challenge,
        scope: &Scope,
    ) -> Result<Authorization, Error> {
        let (credential, login) = match self.credentials.find(&scope.repository, http.limits.idle).await {
            SearchResult::Found { credential, from } => (Some(credential), Login::Known { from }),
            SearchResult::Nothing { looked } => {
                (None, Login::Anonymous { host: scope.repository.host().to_string(), looked })
            }
        };
        let authorization = Authorization { login: Some(Arc::new(login.clone())), ..Authorization::none() };
        match challenge {
            Challenge::Basic => {
                let header = match &credential {
                    Some(Credential::Login(auth)) => secret::basic(auth),
                    _ => None,
                };
                Ok(Authorization { header, is_password: true, ..authorization })
            }
            Challenge::Bearer { realm, service, scopes } => {
                let scopes = merged(scope.texts(), scopes);
                let registry = scope.repository.host();
                let wanted = TokenRequest { registry, realm, service: service.as_deref(), scopes };
                let token = token::fetch(http, &wanted, credential.as_ref()).await;
                let token = token.map_err(|error| explained(error, &login))?;
                let expires = Instant::now() + usable(token.life);
                let (header, expires) = (Some(token.header), Some(expires));
                Ok(Authorization { header, expires, scopes: wanted.scopes, ..authorization })
            }
        }
    }
}

/// A refusal of the token service, with what we brought it. Some services answer a bad login with 400.
pub(super) fn explained(error: Error, login: &Login) -> Error {
    match error {
        Error::Unauthorised(mut refusal) | Error::Denied(mut refusal) | Error::Refused(mut refusal)
            if matches!(refusal.status, 400 | 401 | 403) =>
        {
            refusal.note = Some(login.explanation(401));
            Error::Unauthorised(refusal)
        }
        other => other,
    }
}

/// How long a token is used: not to its last seconds, which pass on the way; and for a day at most.
fn usable(life: Duration) -> Duration {
    let life = life.min(Duration::from_secs(24 * 60 * 60));
    life - (life / 4).min(Duration::from_secs(10))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_not_used_to_its_last_second() {
        assert_eq!(usable(Duration::from_secs(300)), Duration::from_secs(290));
        assert_eq!(usable(Duration::from_secs(4)), Duration::from_secs(3));
        assert_eq!(usable(Duration::MAX).as_secs(), 24 * 60 * 60 - 10);
    }
}
