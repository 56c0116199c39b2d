//! One authorization per (repository, access): fetched once however many want it, kept while it lives,
//! renewed when it is refused.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::Repository;
use reqwest::header::HeaderValue;
use tokio::time::Instant;

use crate::auth::challenge::{Challenge, merged};
use crate::auth::credentials::{Credential, Credentials, Lookup};
use crate::auth::grant::{self, Wanted};
use crate::error::Error;
use crate::http::Http;

/// What a request wants to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Access {
    /// Read.
    Pull,
    /// Read and write.
    Push,
}

/// What an authorization is for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Scope {
    pub(crate) repository: Repository,
    pub(crate) access: Access,
    /// Another repository of the same registry that is read from: a mount.
    pub(crate) beside: Option<String>,
}

impl Scope {
    pub(crate) fn new(repository: &Repository, access: Access) -> Self {
        Scope { repository: repository.clone(), access, beside: None }
    }

    fn texts(&self) -> Vec<String> {
        let actions = match self.access {
            Access::Pull => "pull",
            Access::Push => "pull,push",
        };
        let mut texts = vec![format!("repository:{}:{actions}", self.repository.path())];
        texts.extend(self.beside.iter().map(|path| format!("repository:{path}:pull")));
        texts
    }
}

/// What we came with, to be told where that wasn't enough.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Login {
    /// With credentials from a file or helper.
    Known { from: String },
    /// With nothing, since nothing was found.
    Anonymous { host: String, looked: String },
}

impl Login {
    /// In words, beside a refusal with `status`.
    pub(crate) fn told(&self, status: u16) -> String {
        match self {
            Login::Known { from } if status == 403 => format!("the credentials of {from} don't allow this"),
            Login::Known { from } => format!("wrong credentials? those of {from} were used"),
            Login::Anonymous { host, looked } => {
                format!("no credentials for {host} were found (looked in {looked})")
            }
        }
    }
}

/// What to put on a request, and where it came from.
#[derive(Clone, Debug)]
pub(crate) struct Session {
    pub(crate) header: Option<HeaderValue>,
    /// What to tell where the request is refused all the same.
    pub(crate) note: Option<Arc<Login>>,
    /// Whether it is a user and a password, which are refused always when they are refused once.
    pub(crate) is_password: bool,
    /// What its token was asked to be good for.
    pub(crate) scopes: Vec<String>,
    number: u64,
    expires: Option<Instant>,
}

impl Session {
    /// Of a registry that asks for nothing.
    pub(crate) fn none() -> Self {
        Session { header: None, note: None, is_password: false, scopes: Vec::new(), number: 0, expires: None }
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
    Refused { refused: &'a Session, challenge: Option<&'a Challenge> },
}

/// An authorization and what it was made for.
struct Kept {
    session: Session,
    /// The registry's last words for this scope: some name another token service for each repository.
    challenge: Challenge,
}

type Cell = Arc<tokio::sync::Mutex<Option<Kept>>>;

/// All authorizations of a transport.
pub(crate) struct Sessions {
    credentials: Arc<Credentials>,
    cells: Mutex<HashMap<Scope, Cell>>,
}

impl Sessions {
    pub(crate) fn new(credentials: Credentials) -> Self {
        Sessions { credentials: Arc::new(credentials), cells: Mutex::default() }
    }

    /// The authorization for `scope`; another one than was refused, if one was.
    pub(crate) async fn get(&self, http: &Http, scope: &Scope, need: Need<'_>) -> Result<Session, Error> {
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
                    None => return Ok(Session::none()),
                }
            }
        };
        if let Some(Kept { session, .. }) = slot.as_ref()
            && session.is_fresh()
            && refused != Some(session.number)
        {
            return Ok(session.clone());
        }
        let challenge = asked.clone();
        let mut session = self.log_in(http, &challenge, scope).await?;
        session.number = slot.as_ref().map_or(0, |kept| kept.session.number) + 1;
        *slot = Some(Kept { session: session.clone(), challenge });
        Ok(session)
    }

    async fn log_in(&self, http: &Http, challenge: &Challenge, scope: &Scope) -> Result<Session, Error> {
        let (credential, login) = match self.credentials.find(&scope.repository, http.idle_timeout).await {
            Lookup::Found { credential, from } => (Some(credential), Login::Known { from }),
            Lookup::Nothing { looked } => {
                (None, Login::Anonymous { host: scope.repository.host().to_string(), looked })
            }
        };
        let session = Session { note: Some(Arc::new(login.clone())), ..Session::none() };
        match challenge {
            Challenge::Basic => {
                let header = match &credential {
                    Some(Credential::Login(auth)) => grant::basic(auth),
                    _ => None,
                };
                Ok(Session { header, is_password: true, ..session })
            }
            Challenge::Bearer { realm, service, scopes } => {
                let scopes = merged(scope.texts(), scopes);
                let registry = scope.repository.host();
                let wanted = Wanted { registry, realm, service: service.as_deref(), scopes };
                let token = grant::fetch(http, &wanted, credential.as_ref()).await;
                let token = token.map_err(|error| explained(error, &login))?;
                let expires = Instant::now() + usable(token.life);
                let (header, expires) = (Some(token.header), Some(expires));
                Ok(Session { header, expires, scopes: wanted.scopes, ..session })
            }
        }
    }
}

/// A refusal of the token service, with what we brought it. Some services answer a bad login with 400.
fn explained(error: Error, login: &Login) -> Error {
    match error {
        Error::Unauthorised(mut refusal) | Error::Denied(mut refusal) | Error::Refused(mut refusal)
            if matches!(refusal.status, 400 | 401 | 403) =>
        {
            refusal.note = Some(login.told(401));
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
    fn scopes() {
        let repository: Repository = "localhost:5000/a/b".parse().unwrap();
        assert_eq!(Scope::new(&repository, Access::Pull).texts(), ["repository:a/b:pull"]);
        let mount = Scope { beside: Some("c".to_owned()), ..Scope::new(&repository, Access::Push) };
        assert_eq!(mount.texts(), ["repository:a/b:pull,push", "repository:c:pull"]);
    }

    #[test]
    fn a_token_is_not_used_to_its_last_second() {
        assert_eq!(usable(Duration::from_secs(300)), Duration::from_secs(290));
        assert_eq!(usable(Duration::from_secs(4)), Duration::from_secs(3));
        assert_eq!(usable(Duration::MAX).as_secs(), 24 * 60 * 60 - 10);
    }
}
