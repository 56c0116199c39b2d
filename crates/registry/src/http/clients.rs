//! The `reqwest` clients: one for each way to check certificates and to go past proxies.
//!
//! They are made when they are first needed: a machine without CA certificates still reaches http registries.
//! Bodies come as they are: no decompression, no automatic redirects, no cookies, no `Referer`, HTTP/1.1.
//! HTTP/2 saves connections for small requests, but blobs then open theirs later (docs/performance.md).
//! Loopback addresses never go through a proxy.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::reference::is_loopback;
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Client, ClientBuilder, Method, Url};

use crate::error::Error;
use crate::error::call::Call;
use crate::http::dns;
use crate::http::redirect_policy::RedirectPolicy;
use crate::tls::trust::{CertificateCheck, Trust};

/// The User-Agent of every request.
const USER_AGENT: &str = concat!("airlift/", env!("CARGO_PKG_VERSION"));

/// The clients of a transport.
pub(crate) struct Clients {
    trust: Trust,
    made: Mutex<HashMap<ClientKind, Client>>,
    connect_timeout: Duration,
}

/// What requests have in common that one client can make.
#[derive(PartialEq, Eq, Hash)]
struct ClientKind {
    check: CertificateCheck,
    /// Past all proxies.
    direct: bool,
    /// For this origin only.
    origin: Option<String>,
}

impl Clients {
    pub(crate) fn new(trust: Trust, connect_timeout: Duration) -> Self {
        Clients { trust, made: Mutex::default(), connect_timeout }
    }

    /// Whether more certificates than the system's are trusted for the host of `url`.
    pub(crate) fn is_trust_extended(&self, url: &Url) -> Result<bool, Error> {
        let call = || Call::new(&Method::GET, url);
        self.trust.is_extended(url).map_err(|source| Error::Certificates { call: call(), source })
    }

    /// The client for a request to `url`.
    pub(crate) fn get(&self, url: &Url, policy: &RedirectPolicy, call: &Call) -> Result<Client, Error> {
        let direct = url.host_str().is_some_and(is_loopback);
        let check = match url.scheme() {
            "http" => CertificateCheck::Nothing,
            _ if policy.skips_tls_verify(url) => CertificateCheck::Skipped,
            _ => CertificateCheck::Certificates,
        };
        let beside = match check {
            CertificateCheck::Certificates => self.trust.of_host(url),
            _ => Ok(Arc::default()),
        };
        let beside = beside.map_err(|source| Error::Certificates { call: call.clone(), source })?;
        // Registries with certificates of their own have clients of their own.
        let origin = (!beside.is_empty()).then(|| url.origin().ascii_serialization());
        let mut made = self.made.lock().unwrap_or_else(PoisonError::into_inner);
        let kind = ClientKind { check, direct, origin };
        if let Some(client) = made.get(&kind) {
            return Ok(client.clone());
        }
        let build = |builder: ClientBuilder| self.configure(builder, direct).build();
        let client = self.trust.client(check, &beside, build);
        let client = client.map_err(|source| Error::NoTrust { call: call.clone(), source })?;
        made.insert(kind, client.clone());
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
            .dns_resolver(Arc::new(dns::Resolver))
            .connect_timeout(self.connect_timeout);
        if direct { builder.no_proxy() } else { builder }
    }
}
