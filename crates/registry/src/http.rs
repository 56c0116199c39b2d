//! One HTTP request: which client speaks to which host, redirects, time limits. Its answer is in `answer`.
//!
//! Knows nothing of registries, tokens or retries. Bodies come as they are: no decompression, no automatic
//! redirects, no cookies, no `Referer`, HTTP/1.1. Loopback addresses never go through a proxy.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::reference::is_loopback;
use bytes::Bytes;
use reqwest::header::{self, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, StatusCode, Url};

use crate::answer::Answer;
use crate::call::{Call, Contact, Effort, Given, redacted};
use crate::error::{ContentFault, Error, Obstacle};
use crate::hop::{Declared, same_origin};
use crate::options::{Options, SetupError};
use crate::pace::Pace;
use crate::proxy::Proxies;
use crate::tls::TlsFault;
use crate::{names, tls, trust};

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;
/// The User-Agent of every request.
const USER_AGENT: &str = concat!("airlift/", env!("CARGO_PKG_VERSION"));

/// What to ask for.
pub(crate) struct Ask {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Sent to the URL's own origin, and to no other.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) payload: Payload,
    /// Who gave the URL, where it leads away from them.
    pub(crate) given: Option<Given>,
}

/// What goes up with a request.
pub(crate) enum Payload {
    Nothing,
    Bytes(Bytes),
    /// A form with a secret in it: never sent anywhere else.
    Secret(Bytes),
    /// A body of known length that can be sent once.
    Stream {
        body: reqwest::Body,
        size: u64,
    },
}

impl Ask {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        let (headers, payload) = (HeaderMap::new(), Payload::Nothing);
        Ask { method, url, headers, authorization: None, payload, given: None }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}

/// The clients, made when they are first needed: a machine without CA certificates still reaches http
/// registries.
pub(crate) struct Http {
    pub(crate) declared: Declared,
    trust: trust::Trust,
    clients: Mutex<HashMap<Kind, Client>>,
    connect_timeout: Duration,
    pub(crate) idle_timeout: Duration,
    pub(crate) answer_timeout: Duration,
    /// Bytes per second; 0 where any rate will do.
    minimum_rate: u64,
    proxies: Proxies,
    /// The origins that have answered in this run, other than by saying that they don't understand.
    known: Mutex<HashSet<String>>,
}

/// What requests have in common that one client can make.
#[derive(PartialEq, Eq, Hash)]
struct Kind {
    check: trust::Check,
    /// Past all proxies.
    direct: bool,
    /// For this origin only.
    origin: Option<String>,
}

impl Http {
    pub(crate) fn new(options: &Options, declared: Declared) -> Result<Self, SetupError> {
        let trust = trust::Trust::new(options.ca_file.as_deref())?;
        // Who limits the rate below the minimum has said what is slow enough.
        let unbounded = options.limit_rate.is_none_or(|limit| limit >= options.minimum_rate);
        Ok(Http {
            declared,
            trust,
            clients: Mutex::default(),
            connect_timeout: options.connect_timeout,
            idle_timeout: options.idle_timeout,
            answer_timeout: options.answer_timeout,
            minimum_rate: if unbounded { options.minimum_rate } else { 0 },
            proxies: Proxies::of_environment()?,
            known: Mutex::default(),
        })
    }

    /// Whether more certificates than the system's are trusted for the host of `url`.
    pub(crate) fn is_trust_extended(&self, url: &Url) -> Result<bool, Error> {
        let call = || Call::new(&Method::GET, url);
        self.trust.is_extended(url).map_err(|source| Error::Certificates { call: call(), source })
    }

    /// What must not be shown, should a proxy repeat it.
    pub(crate) fn proxy_secrets(&self) -> &[String] {
        self.proxies.secrets()
    }

    /// A request as messages see it.
    pub(crate) fn call(&self, ask: &Ask) -> Call {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = known.contains(&ask.url.origin().ascii_serialization());
        let contact = if is_known { Contact::Known } else { Contact::First };
        Call::new(&ask.method, &ask.url).given(ask.given.clone()).to(contact, self.proxies.of(&ask.url))
    }

    /// Remembers that a host has answered.
    fn answered(&self, url: &Url, call: Call, status: StatusCode) -> Call {
        // A server that speaks TLS answers http with 400, too.
        if status == StatusCode::BAD_REQUEST {
            return call;
        }
        let origin = url.origin().ascii_serialization();
        self.known.lock().unwrap_or_else(PoisonError::into_inner).insert(origin);
        call.to(Contact::Known, self.proxies.of(url))
    }

    /// Sends `ask` and follows redirects until there is an answer with any other status.
    ///
    /// `patience` bounds the wait for each answer's head; none means that the caller watches over it.
    pub(crate) async fn send(&self, mut ask: Ask, patience: Option<Duration>) -> Result<Answer, Error> {
        let origin = ask.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let call = self.call(&ask);
            let (retained, request) = self.request(&mut ask, &origin, &call)?;
            let response = self.exchange(request, &call, &ask.url, patience).await?;
            tracing::debug!(%call, status = response.status().as_u16(), "answered");
            let call = self.answered(&ask.url, call, response.status());
            let pace = Pace::new(self.minimum_rate, self.idle_timeout);
            let url = ask.url.clone();
            let answer = Answer { url, call, response, note: None, authorization: None, pace, host: None };
            match answer.redirect(&ask.method) {
                None => return Ok(answer),
                Some(location) => {
                    let target = self.hop(&answer, location)?;
                    ask.payload = retained.ok_or_else(|| {
                        refuse(&answer.call, &target, "what was sent can't be sent there again")
                    })?;
                    if answer.response.status() == StatusCode::SEE_OTHER && ask.method != Method::HEAD {
                        ask.method = Method::GET;
                    }
                    if !same_origin(&ask.url, &target) {
                        ask.given = Some(Given::by(&ask.url, "a redirect"));
                    }
                    ask.url = target;
                }
            }
        }
        Err(refuse(&self.call(&ask), &ask.url, "there were ten redirects before it"))
    }

    /// The next URL, if it may be followed.
    pub(crate) fn hop(&self, answer: &Answer, location: &str) -> Result<Url, Error> {
        let target =
            answer.url.join(location).map_err(|_| Error::content(&answer.call, ContentFault::Location))?;
        self.declared.check(&answer.url, &target).map_err(|reason| refuse(&answer.call, &target, reason))?;
        Ok(target)
    }

    /// Makes the request; gives back the payload for a redirect, if it can be sent again.
    fn request(
        &self,
        ask: &mut Ask,
        origin: &Url,
        call: &Call,
    ) -> Result<(Option<Payload>, reqwest::RequestBuilder), Error> {
        let client = self.client(&ask.url, call)?;
        let mut request = client.request(ask.method.clone(), ask.url.clone()).headers(ask.headers.clone());
        if let Some(authorization) = ask.authorization.as_ref().filter(|_| same_origin(origin, &ask.url)) {
            request = request.header(header::AUTHORIZATION, authorization.clone());
        }
        let retained = match std::mem::replace(&mut ask.payload, Payload::Nothing) {
            Payload::Nothing => {
                if ask.method != Method::GET && ask.method != Method::HEAD {
                    request = request.header(header::CONTENT_LENGTH, 0);
                }
                Some(Payload::Nothing)
            }
            Payload::Bytes(bytes) => {
                request = request.body(bytes.clone());
                Some(Payload::Bytes(bytes))
            }
            Payload::Secret(bytes) => {
                request = request.body(bytes);
                None
            }
            Payload::Stream { body, size } => {
                request = request.header(header::CONTENT_LENGTH, size).body(body);
                None
            }
        };
        Ok((retained, request))
    }

    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        call: &Call,
        url: &Url,
        patience: Option<Duration>,
    ) -> Result<reqwest::Response, Error> {
        let sent = request.send();
        let result = match patience {
            // The connection has its own limit, and may be made for this request.
            Some(patience) => tokio::time::timeout(patience.saturating_add(self.connect_timeout), sent).await,
            None => Ok(sent.await),
        };
        match result {
            Err(_) => Err(timed_out(call, "no answer", patience.unwrap_or_default())),
            Ok(result) => result.map_err(|error| self.unreachable(call, url, error)),
        }
    }

    /// Tells apart what the network, TLS and time limits do to a request.
    pub(crate) fn unreachable(&self, call: &Call, url: &Url, error: reqwest::Error) -> Error {
        let call = call.clone();
        let source = error.without_url();
        match tls::fault(&source) {
            Some(fault) if fault != TlsFault::NotTls || url.scheme() == "https" => {
                Error::Untrusted { call, fault, source }
            }
            _ if source.is_timeout() => timed_out(&call, "no connection", self.connect_timeout),
            _ => {
                let what = match names::unresolved(&source) {
                    Some(name) => Obstacle::Name(name.to_owned()),
                    None if source.is_connect() => Obstacle::Connection,
                    None => Obstacle::Broken,
                };
                Error::Unreachable { call, what, effort: Effort::ONCE, source }
            }
        }
    }

    fn client(&self, url: &Url, call: &Call) -> Result<Client, Error> {
        let direct = url.host_str().is_some_and(is_loopback);
        let check = match url.scheme() {
            "http" => trust::Check::Nothing,
            _ if self.declared.insecure(url) => trust::Check::Skipped,
            _ => trust::Check::Certificates,
        };
        let beside = match check {
            trust::Check::Certificates => self.trust.of_host(url),
            _ => Ok(Arc::default()),
        };
        let beside = beside.map_err(|source| Error::Certificates { call: call.clone(), source })?;
        // Registries with certificates of their own have clients of their own.
        let origin = (!beside.is_empty()).then(|| url.origin().ascii_serialization());
        let mut clients = self.clients.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = Kind { check, direct, origin };
        if let Some(client) = clients.get(&kind) {
            return Ok(client.clone());
        }
        let build = |builder: ClientBuilder| self.configure(builder, direct).build();
        let client = self.trust.client(check, &beside, build);
        let client = client.map_err(|source| Error::NoTrust { call: call.clone(), source })?;
        clients.insert(kind, client.clone());
        Ok(client)
    }

    fn configure(&self, builder: ClientBuilder, direct: bool) -> ClientBuilder {
        let mut headers = HeaderMap::new();
        headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        let builder = builder
            .user_agent(USER_AGENT)
            .default_headers(headers)
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .retry(reqwest::retry::never())
            .http1_only()
            .dns_resolver(Arc::new(names::Resolver))
            .connect_timeout(self.connect_timeout);
        if direct { builder.no_proxy() } else { builder }
    }
}

pub(crate) fn timed_out(call: &Call, waiting_for: &'static str, after: Duration) -> Error {
    Error::TimedOut { call: call.clone(), waiting_for, after, effort: Effort::ONCE }
}

fn refuse(call: &Call, target: &Url, reason: &'static str) -> Error {
    Error::Redirect { call: call.clone(), target: redacted(target), reason }
}
