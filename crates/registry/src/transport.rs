//! The transport itself: one state per registry (scheme, challenge), and requests that log in when they must.
//!
//! What is asked for is in `manifest`, `blob_pull` and `blob_push`; how one request travels is in `http`.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use airlift_oci::{Host, HostError, Observer, Repository};
use reqwest::header::HeaderMap;
use reqwest::{Method, StatusCode, Url};

use crate::answer::Answer;
use crate::auth::challenge::{self, Challenge, Offer};
use crate::auth::credentials::Credentials;
use crate::auth::grant;
use crate::auth::session::{Need, Scope, Session, Sessions};
use crate::call::{Call, redacted};
use crate::error::{ContentFault, Error};
use crate::hop::{Declared, same_origin};
use crate::http::{Ask, Http, Payload};
use crate::options::{HostList, Options, SetupError};
use crate::pieces::Limits;
use crate::presence::ProvenHeads;
use crate::quota::{self, Quotas, RateLimit};
use crate::rate::Rate;
use crate::refusal::{Refusal, is_html};
use crate::retry::{Patience, Policy, Retry};
use crate::silence::Once;
use crate::tls::TlsFault;

/// The way to all registries of a run. Cheap to clone; clones share connections, tokens and the rate limit.
#[derive(Clone)]
pub struct Transport {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: Http,
    pub(crate) rate: Option<Rate>,
    pub(crate) observer: Arc<dyn Observer>,
    retries: Policy,
    sessions: Sessions,
    quotas: Quotas,
    pub(crate) proven_heads: ProvenHeads,
    pub(crate) limits: Limits,
    registries: Mutex<HashMap<Host, Arc<Once<Registry>>>>,
}

/// What is known of a registry.
pub(crate) struct Registry {
    host: Host,
    /// Its scheme, host and port, with the path `/`.
    pub(crate) base: Url,
    /// Its answer to the ping, where no registry answers so.
    odd: Option<Odd>,
    /// What it asks for. May be learned late: some registries only ask where something private is touched.
    challenge: RwLock<Option<Challenge>>,
}

/// Answers to the ping that registries don't give.
enum Odd {
    /// A refusal in other words than the specification's.
    Refusal(Box<Refusal>),
    /// A web page.
    Page(Call),
}

impl Transport {
    /// Makes a transport. Nothing is connected to yet.
    ///
    /// # Errors
    /// If a host, the CA file or the auth file of the options is no good.
    pub fn new(options: Options, observer: Arc<dyn Observer>) -> Result<Self, SetupError> {
        let declared = Declared {
            plain: hosts(HostList::PlainHttp, &options.plain_http)?,
            insecure: hosts(HostList::Unchecked, &options.insecure_skip_tls_verify)?,
        };
        if options.limit_rate == Some(0) {
            return Err(SetupError::NoRate);
        }
        let credentials = Credentials::new(options.auth_file.as_deref())?;
        let inner = Inner {
            http: Http::new(&options, declared)?,
            rate: options.limit_rate.map(Rate::new),
            retries: Policy::new(&options, Arc::clone(&observer)),
            observer,
            sessions: Sessions::new(credentials),
            quotas: Quotas::default(),
            proven_heads: ProvenHeads::default(),
            limits: Limits::default(),
            registries: Mutex::default(),
        };
        Ok(Transport { inner: Arc::new(inner) })
    }

    /// Why `host` may be no registry at all: what it answered at `/v2/`, where that is no registry's answer.
    /// `None`: it may well be one.
    ///
    /// A web server says 404 to everything, and that looks like an empty registry. Asks nothing that wasn't
    /// asked before.
    pub async fn doubt(&self, host: &Host) -> Option<Error> {
        match self.inner.registry(host).await {
            Err(error) => Some(error),
            Ok(registry) => registry.odd.as_ref().map(|odd| match odd {
                Odd::Refusal(refusal) => Error::refused(refusal.as_ref().clone()),
                Odd::Page(call) => Error::content(call, ContentFault::Html),
            }),
        }
    }

    /// What the registry of `host` said last of how many pulls it allows. `None`: nothing; most have no such
    /// limit.
    ///
    /// Docker Hub says it with each manifest, asked for by HEAD (which doesn't count as a pull) or by GET.
    pub fn rate_limit(&self, host: &Host) -> Option<RateLimit> {
        self.inner.quotas.get(host)
    }

    /// How long it is waited for what a registry has accepted and doesn't show yet. `what` is named to the
    /// observer.
    pub fn patience(&self, what: impl Into<String>) -> Patience<'_> {
        self.inner.retries.patience(what.into())
    }
}

impl Inner {
    /// The retries of one operation, told to the observer as `what`.
    pub(crate) fn retry(&self, what: String) -> Retry<'_> {
        self.retries.start(what)
    }

    /// The registry of `host`, pinged once.
    pub(crate) async fn registry(&self, host: &Host) -> Result<Arc<Registry>, Error> {
        let cell = Arc::clone(
            self.registries.lock().unwrap_or_else(PoisonError::into_inner).entry(host.clone()).or_default(),
        );
        // On the heap: all requests wait here, and their futures would all have room for it.
        cell.get(Box::pin(self.ping(host))).await
    }

    /// Finds out how a registry is spoken to.
    ///
    /// http: where a flag says so, and on loopback. A loopback registry may speak TLS, too: if there are
    /// certificates for it beside the system's, or the flag that skips the check names it, https is tried
    /// first, and http only where what answers doesn't speak TLS at all. All others: https, never less.
    async fn ping(&self, host: &Host) -> Result<Registry, Error> {
        let http = base(host, "http")?;
        let https = base(host, "https")?;
        if self.http.declared.plain(&http) {
            return self.ping_at(host, http).await;
        }
        if !host.is_loopback() {
            return self.ping_at(host, https).await;
        }
        if !self.http.is_trust_extended(&https)? && !self.http.declared.insecure(&https) {
            return self.ping_at(host, http).await;
        }
        match self.ping_at(host, https).await {
            Err(Error::Untrusted { fault: TlsFault::NotTls, .. }) => self.ping_at(host, http).await,
            other => other,
        }
    }

    async fn ping_at(&self, host: &Host, base: Url) -> Result<Registry, Error> {
        let url = join(&base, "v2/")?;
        let answer = self.http.send(Ask::new(Method::GET, url), Some(self.http.idle_timeout)).await?;
        let status = answer.status();
        // Anything but a challenge doesn't matter here: the request that follows gets an answer of its own.
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(Error::refused(answer.refusal(&self.http).await));
        }
        let offers = match status {
            StatusCode::UNAUTHORIZED => challenge::offers(answer.response.headers()),
            _ => Vec::new(),
        };
        let odd = self.odd(answer).await;
        let registry = Registry { host: host.clone(), base, odd, challenge: RwLock::default() };
        registry.learn(&self.http.declared, offers)?;
        Ok(registry)
    }

    /// What is odd about an answer to the ping. A refusal to let us in is not, nor is anything that names the
    /// API.
    async fn odd(&self, answer: Answer) -> Option<Odd> {
        let status = answer.status();
        if answer.header("docker-distribution-api-version").is_some() {
            return None;
        }
        if status.is_success() {
            return is_html(answer.content_type(), &[]).then(|| Odd::Page(answer.call.clone()));
        }
        if !status.is_client_error() || matches!(status.as_u16(), 401 | 403) {
            return None;
        }
        let refusal = answer.refusal(&self.http).await;
        refusal.errors.is_empty().then(|| Odd::Refusal(Box::new(refusal)))
    }

    /// Sends what `make` makes of the registry's base URL, with an authorization for `scope` if the registry
    /// asks for one. An authorization that is refused is renewed, once.
    pub(crate) async fn send(
        &self,
        scope: &Scope,
        make: impl Fn(&Url) -> Result<Ask, Error>,
    ) -> Result<Answer, Error> {
        let registry = &*self.registry(scope.repository.host()).await?;
        let session = match registry.challenge() {
            None => Session::none(),
            Some(usual) => self.sessions.get(&self.http, scope, Need::Request(&usual)).await?,
        };
        let answer = self.send_with(registry, &session, &make).await?;
        let challenge = match self.turn(registry, &session, &answer)? {
            Turn::Final => return Ok(answer),
            Turn::Again => None,
            Turn::By(challenge) => Some(challenge),
        };
        // A password is looked up again, too: those of credential helpers expire.
        let need = Need::Refused { refused: &session, challenge: challenge.as_ref() };
        let renewed = self.sessions.get(&self.http, scope, need).await?;
        if renewed.is_password && renewed.header == session.header {
            // Nothing better was found, and where it was looked for belongs to the refusal.
            return Ok(Answer { note: renewed.note, ..answer });
        }
        drop(answer);
        self.send_with(registry, &renewed, &make).await
    }

    async fn send_with(
        &self,
        registry: &Registry,
        session: &Session,
        make: &impl Fn(&Url) -> Result<Ask, Error>,
    ) -> Result<Answer, Error> {
        let mut ask = make(&registry.base)?;
        // Before it answers, a registry looks at all that a manifest names.
        let patience = match ask.payload {
            Payload::Bytes(_) => self.http.answer_timeout,
            _ => self.http.idle_timeout,
        };
        ask.authorization = session.header.clone();
        let mut answer = self.http.send(ask, Some(patience)).await?;
        if same_origin(&answer.url, &registry.base) {
            self.quotas.learn(&registry.host, answer.response.headers());
        }
        answer.host = Some(registry.host.clone());
        // Another origin got no authorization from us, so its refusal says nothing of ours.
        if same_origin(&answer.url, &registry.base) {
            answer.note = session.note.clone();
            answer.authorization = session.header.clone();
        }
        Ok(answer)
    }

    /// Whether an answer is a refusal of the registry itself that another authorization may turn: a 401, or a
    /// 403 that names a scope which wasn't asked for.
    fn turn(&self, registry: &Registry, session: &Session, answer: &Answer) -> Result<Turn, Error> {
        let refusal = matches!(answer.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if !refusal || !same_origin(&answer.url, &registry.base) {
            return Ok(Turn::Final);
        }
        let declared = &self.http.declared;
        let offers = challenge::offers(answer.response.headers());
        if answer.status() == StatusCode::FORBIDDEN {
            let usable = offers.into_iter().filter_map(|offer| registry.checked(declared, offer).ok());
            let more = usable.into_iter().find(|challenge| challenge.names_more_than(&session.scopes));
            return Ok(more.map_or(Turn::Final, |challenge| {
                registry.keep(&challenge);
                Turn::By(challenge)
            }));
        }
        Ok(match registry.learn(declared, offers)? {
            Some(challenge) => Turn::By(challenge),
            None if session.header.is_some() => Turn::Again,
            None => Turn::Final,
        })
    }

    /// Tells a refusal with all that is known about it.
    pub(crate) async fn refused(&self, answer: Answer) -> Error {
        let (login, host) = (answer.note.clone(), answer.host.clone());
        let secrets = answer.authorization.as_ref().map(grant::secrets).unwrap_or_default();
        let challenge = (answer.status() == StatusCode::UNAUTHORIZED)
            .then(|| challenge::unusable(answer.response.headers()))
            .flatten();
        let mut refusal = answer.refusal(&self.http).await;
        refusal.challenge = challenge;
        let mut refusal = refusal.without(&secrets);
        refusal.note = match refusal.status {
            401 | 403 => login.map(|login| login.told(refusal.status)),
            429 => {
                let limit = host.and_then(|host| self.quotas.get(&host));
                refusal.exhausted = quota::is_exhausted(&refusal, limit);
                quota::told(&refusal, limit, login.as_deref())
            }
            _ => None,
        };
        Error::refused(refusal)
    }

    /// Bounds the time of an operation whose answer is small.
    pub(crate) async fn soon<T>(
        &self,
        call: &Call,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let limit = self.http.answer_timeout;
        let result = tokio::time::timeout(limit, work).await;
        result.unwrap_or_else(|_| Err(crate::http::timed_out(call, "no whole answer", limit)))
    }
}

impl Registry {
    fn challenge(&self) -> Option<Challenge> {
        self.challenge.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first of the offers whose realm may be spoken to. What it says of the whole registry is kept.
    fn learn(&self, declared: &Declared, offers: Vec<Offer>) -> Result<Option<Challenge>, Error> {
        let mut refused = None;
        for offer in offers {
            match self.checked(declared, offer) {
                Ok(challenge) => {
                    self.keep(&challenge);
                    return Ok(Some(challenge));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    fn keep(&self, challenge: &Challenge) {
        let general = challenge.of_registry();
        *self.challenge.write().unwrap_or_else(PoisonError::into_inner) = Some(general);
    }

    fn checked(&self, declared: &Declared, offer: Offer) -> Result<Challenge, Error> {
        let Offer::Bearer { realm, service, scopes } = offer else { return Ok(Challenge::Basic) };
        match declared.realm(&self.base, &realm) {
            Ok(realm) => Ok(Challenge::Bearer { realm, service, scopes }),
            Err(reason) => {
                let realm = match Url::parse(&realm) {
                    Ok(url) => redacted(&url),
                    // No URL, so there is no part of it where secrets are.
                    Err(_) => airlift_oci::text::without_password(&realm),
                };
                Err(Error::Realm { registry: self.host.clone(), realm, reason })
            }
        }
    }
}

/// What becomes of a request that was answered.
enum Turn {
    /// The answer counts.
    Final,
    /// It is made again, with another authorization of the same kind.
    Again,
    /// It is made again, with what the registry asks for now.
    By(Challenge),
}

fn hosts(list: HostList, texts: &[String]) -> Result<Vec<Host>, SetupError> {
    let parse = |text: &String| text.parse().map_err(|source: HostError| SetupError::Host { list, source });
    texts.iter().map(parse).collect()
}

fn base(host: &Host, scheme: &str) -> Result<Url, Error> {
    let text = format!("{scheme}://{}/", host.api());
    // A `Host` is made of what a URL parser accepts, so this is never an error.
    Url::parse(&text).map_err(|_| Error::Realm {
        registry: host.clone(),
        realm: text,
        reason: "it is not a URL",
    })
}

/// `path` below `base`. Paths are made of checked names, so they always fit.
pub(crate) fn join(base: &Url, path: &str) -> Result<Url, Error> {
    base.join(path).map_err(|_| Error::content(&Call::new(&Method::GET, base), ContentFault::Location))
}

/// The URL of something in a repository: `manifests/1.27`.
pub(crate) fn place(base: &Url, repository: &Repository, rest: &str) -> Result<Url, Error> {
    join(base, &format!("v2/{}/{rest}", repository.path()))
}

/// A header that holds a digest; anything else than a digest counts as absent.
pub(crate) fn digest_header(headers: &HeaderMap) -> Option<airlift_oci::Digest> {
    headers.get("docker-content-digest")?.to_str().ok()?.trim().parse().ok()
}
