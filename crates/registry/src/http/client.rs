//! Sending one request: the redirects that may be followed, the time limits, and the proxy as messages name
//! it.
//!
//! Knows nothing of registries, tokens or retries.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use reqwest::{Method, StatusCode, Url, header};

use crate::error::Error;
use crate::error::call::{AddressSource, Call, Contact};
use crate::error::content::ContentFault;
use crate::error::setup::SetupError;
use crate::http::clients::Clients;
use crate::http::network_error;
use crate::http::proxy::Proxies;
use crate::http::redirect_policy::{RedirectPolicy, same_origin};
use crate::http::request::{Payload, Redirects, Request};
use crate::http::response::Response;
use crate::http::time_limits::TimeLimits;
use crate::limits::minimum_rate::MinimumRate;
use crate::options::Options;
use crate::tls::trust::Trust;

/// How many redirects are followed.
const MAX_REDIRECTS: usize = 10;
/// How much longer an answer is waited for than a connection. So a connection that isn't made in the same
/// time is said to be that.
const GRACE: Duration = Duration::from_millis(100);

/// Sends requests, for a whole transport.
pub(crate) struct HttpClient {
    pub(crate) policy: RedirectPolicy,
    pub(crate) limits: TimeLimits,
    clients: Clients,
    /// Bytes per second; 0 where any rate will do.
    minimum_rate: u64,
    proxies: Proxies,
    /// The origins that have answered in this run, other than by saying that they don't understand.
    known: Mutex<HashSet<String>>,
}

impl HttpClient {
    pub(crate) fn new(options: &Options, policy: RedirectPolicy) -> Result<Self, SetupError> {
        let trust = Trust::new(options.ca_file.as_deref())?;
        let limits = TimeLimits {
            connect: options.connect_timeout,
            idle: options.idle_timeout,
            answer: options.answer_timeout,
        };
        // A user who limits the rate below the minimum accepts that it is slow.
        let unbounded = options.limit_rate.is_none_or(|limit| limit >= options.minimum_rate);
        Ok(HttpClient {
            policy,
            limits,
            clients: Clients::new(trust, options.connect_timeout),
            minimum_rate: if unbounded { options.minimum_rate } else { 0 },
            proxies: Proxies::of_environment()?,
            known: Mutex::default(),
        })
    }

    /// Whether more certificates than the system's are trusted for the host of `url`.
    pub(crate) fn is_trust_extended(&self, url: &Url) -> Result<bool, Error> {
        self.clients.is_trust_extended(url)
    }

    /// A request as messages see it.
    pub(crate) fn call(&self, request: &Request) -> Call {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = known.contains(&request.url.origin().ascii_serialization());
        let contact = if is_known { Contact::Known } else { Contact::First };
        Call::new(&request.method, &request.url)
            .with_source(request.address_source.clone())
            .to(contact, self.proxies.of(&request.url))
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

    /// Sends `request` and follows redirects until there is a response with any other status.
    ///
    /// `head_limit` bounds the wait for each response's head, connection included. Without it, the caller
    /// watches over the wait.
    pub(crate) async fn send(
        &self,
        mut request: Request,
        head_limit: Option<Duration>,
    ) -> Result<Response, Error> {
        let origin = request.url.clone();
        for _ in 0..=MAX_REDIRECTS {
            let (response, retained) = self.send_once(&mut request, &origin, head_limit).await?;
            let Some(location) = response.redirect(&request.method) else { return Ok(response) };
            let target = self.location(&response, location)?;
            if request.redirects == Redirects::SameOrigin && !same_origin(&origin, &target) {
                let reason = "this request is for the registry itself, and another host can't answer for it";
                return Err(Error::redirect(&response.call, &target, reason));
            }
            request.payload = retained.ok_or_else(|| {
                Error::redirect(&response.call, &target, "what was sent can't be sent there again")
            })?;
            if response.status() == StatusCode::SEE_OTHER && request.method != Method::HEAD {
                request.method = Method::GET;
            }
            if !same_origin(&request.url, &target) {
                request.address_source = Some(AddressSource::by(&request.url, "a redirect"));
            }
            request.url = target;
        }
        Err(Error::redirect(&self.call(&request), &request.url, "there were ten redirects before it"))
    }

    /// One request without redirects, for a caller that began at `origin`. Gives back the payload too, if it
    /// can be sent again.
    async fn send_once(
        &self,
        request: &mut Request,
        origin: &Url,
        head_limit: Option<Duration>,
    ) -> Result<(Response, Option<Payload>), Error> {
        let call = self.call(request);
        let (retained, prepared) = self.prepare(request, origin, &call)?;
        let received = self.exchange(prepared, &call, &request.url, head_limit).await?;
        tracing::debug!(%call, status = received.status().as_u16(), "answered");
        let response = Response {
            call: self.answered(&request.url, call, received.status()),
            url: request.url.clone(),
            received,
            login: None,
            authorization: None,
            host: None,
            permit: None,
            rate: MinimumRate::new(self.minimum_rate, self.limits.idle),
            limits: self.limits,
            proxy_secrets: Arc::clone(self.proxies.secrets()),
        };
        Ok((response, retained))
    }

    /// The URL that a response's `Location` names, if we may go there.
    pub(crate) fn location(&self, response: &Response, location: &str) -> Result<Url, Error> {
        let call = &response.call;
        let target = response.url.join(location).map_err(|_| Error::content(call, ContentFault::Location))?;
        let allowed = self.policy.check(&response.url, &target);
        allowed.map_err(|reason| Error::redirect(call, &target, reason))?;
        Ok(target)
    }

    /// Makes the request; gives back the payload for a redirect, if it can be sent again.
    fn prepare(
        &self,
        request: &mut Request,
        origin: &Url,
        call: &Call,
    ) -> Result<(Option<Payload>, reqwest::RequestBuilder), Error> {
        let client = self.clients.get(&request.url, &self.policy, call)?;
        let mut builder =
            client.request(request.method.clone(), request.url.clone()).headers(request.headers.clone());
        let authorization = request.authorization.as_ref().filter(|_| same_origin(origin, &request.url));
        if let Some(authorization) = authorization {
            builder = builder.header(header::AUTHORIZATION, authorization.clone());
        }
        Ok(match std::mem::replace(&mut request.payload, Payload::Nothing) {
            Payload::Nothing => {
                if request.method != Method::GET && request.method != Method::HEAD {
                    builder = builder.header(header::CONTENT_LENGTH, 0);
                }
                (Some(Payload::Nothing), builder)
            }
            Payload::Bytes(bytes) => (Some(Payload::Bytes(bytes.clone())), builder.body(bytes)),
            Payload::Secret(bytes) => (None, builder.body(bytes)),
            Payload::Stream { body, size } => (None, builder.header(header::CONTENT_LENGTH, size).body(body)),
        })
    }

    async fn exchange(
        &self,
        request: reqwest::RequestBuilder,
        call: &Call,
        url: &Url,
        head_limit: Option<Duration>,
    ) -> Result<reqwest::Response, Error> {
        let sent = request.send();
        let result = match head_limit {
            Some(limit) => tokio::time::timeout(limit.saturating_add(GRACE), sent).await,
            None => Ok(sent.await),
        };
        match result {
            Err(_) => Err(Error::timed_out(call, "no answer", head_limit.unwrap_or_default())),
            Ok(result) => {
                result.map_err(|error| network_error::classify(call, url, error, self.limits.connect))
            }
        }
    }
}
