//! The transport itself: the state that all requests of a run share. `registry` is one registry,
//! `ping` finds out how it is spoken to, and `send` makes requests that log in where they must.
//!
//! What is asked for is in `manifests`, `lookup`, `referrers`, `pull` and `push`; how one request travels is
//! in `http`.

mod ping;
pub(crate) mod product;
mod registry;
mod send;
mod shared_ping;
pub(crate) mod urls;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use airlift_oci::{Host, HostError, Observer};

use crate::auth::authorization::Authorizations;
use crate::auth::credentials::Credentials;
use crate::error::setup::{HostList, SetupError};
use crate::http::client::HttpClient;
use crate::http::redirect_policy::RedirectPolicy;
use crate::limits::bandwidth::BandwidthLimit;
use crate::limits::body_size::BodyLimits;
use crate::limits::pull_limit::{PullLimit, PullLimits};
use crate::limits::request_gate::RequestGates;
use crate::lookup::proven_heads::ProvenHeads;
use crate::options::Options;
use crate::retry::policy::{Retry, RetryPolicy};
use crate::retry::wait_until_visible::VisibilityWait;
use crate::transport::registry::Registry;
use crate::transport::shared_ping::SharedPing;

/// The way to all registries of a run. Cheap to clone; clones share connections, tokens and the rate limit.
#[derive(Clone)]
pub struct Transport {
    pub(crate) inner: Arc<Inner>,
}

pub(crate) struct Inner {
    pub(crate) http: HttpClient,
    pub(crate) bandwidth: Option<BandwidthLimit>,
    pub(crate) observer: Arc<dyn Observer>,
    retries: RetryPolicy,
    authorizations: Authorizations,
    pull_limits: PullLimits,
    pub(crate) gates: RequestGates,
    pub(crate) proven_heads: ProvenHeads,
    pub(crate) body_limits: BodyLimits,
    registries: Mutex<HashMap<Host, Arc<SharedPing<Registry>>>>,
}

impl Transport {
    /// Makes a transport. Nothing is connected to yet.
    ///
    /// # Errors
    /// If a host, the CA file or the auth file of the options can't be used.
    pub fn new(options: Options, observer: Arc<dyn Observer>) -> Result<Self, SetupError> {
        let policy = RedirectPolicy {
            plain_http: hosts(HostList::PlainHttp, &options.plain_http)?,
            skip_tls_verify: hosts(HostList::Unchecked, &options.insecure_skip_tls_verify)?,
        };
        if options.limit_rate == Some(0) {
            return Err(SetupError::NoRate);
        }
        let credentials = Credentials::new(options.auth_file.as_deref())?;
        let inner = Inner {
            http: HttpClient::new(&options, policy)?,
            bandwidth: options.limit_rate.map(BandwidthLimit::new),
            retries: RetryPolicy::new(&options, Arc::clone(&observer)),
            observer,
            authorizations: Authorizations::new(credentials),
            pull_limits: PullLimits::default(),
            gates: RequestGates::default(),
            proven_heads: ProvenHeads::default(),
            body_limits: BodyLimits::default(),
            registries: Mutex::default(),
        };
        Ok(Transport { inner: Arc::new(inner) })
    }

    /// What the registry of `host` said last of how many pulls it allows. `None`: nothing; most have no such
    /// limit.
    ///
    /// Docker Hub says it with each manifest, asked for by HEAD (which doesn't count as a pull) or by GET.
    pub fn pull_limit(&self, host: &Host) -> Option<PullLimit> {
        self.inner.pull_limits.get(host)
    }

    /// A wait for what a registry has accepted and doesn't show yet. The observer sees it as `what`.
    pub fn wait_for_visibility(&self, what: impl Into<String>) -> VisibilityWait<'_> {
        self.inner.retries.wait_for_visibility(what.into())
    }
}

impl Inner {
    /// The retries of one operation, which the observer sees as `what`.
    pub(crate) fn retry(&self, what: String) -> Retry<'_> {
        self.retries.start(what)
    }
}

fn hosts(list: HostList, texts: &[String]) -> Result<Vec<Host>, SetupError> {
    let parse = |text: &String| text.parse().map_err(|source: HostError| SetupError::Host { list, source });
    texts.iter().map(parse).collect()
}
