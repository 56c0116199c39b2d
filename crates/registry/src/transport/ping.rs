//! The ping of a registry: by which scheme it is spoken to, and whether it answers as registries do.

use std::sync::{Arc, OnceLock, PoisonError, RwLock};

use airlift_oci::Host;
use reqwest::{Method, StatusCode, Url};

use crate::auth::challenge;
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::tls::fault::TlsFault;
use crate::transport::product::Product;
use crate::transport::registry::{OddPing, Registry};
use crate::transport::shared_ping::SharedPing;
use crate::transport::urls::{base, join};
use crate::transport::{Inner, Transport};

impl Transport {
    /// Why `host` may be no registry at all: what it answered at `/v2/`, where that is no registry's answer.
    /// `None`: it may well be one.
    ///
    /// A web server says 404 to everything, and that looks like an empty registry. Asks nothing that wasn't
    /// asked before.
    pub async fn why_no_registry(&self, host: &Host) -> Option<Error> {
        match self.inner.registry(host).await {
            Err(error) => Some(error),
            Ok(registry) => registry.odd.as_ref().map(|odd| match odd {
                OddPing::Refusal(refusal) => Error::refused(refusal.as_ref().clone()),
                OddPing::Page(call) => Error::content(call, ContentFault::Html),
            }),
        }
    }

    /// The product that answers at a host, if it is one that Airlift knows and shows itself. Asks nothing
    /// that wasn't asked before.
    pub async fn product(&self, host: &Host) -> Option<Product> {
        let registry = self.inner.registry(host).await.ok()?;
        Product::of_host(host).or_else(|| registry.product.get().copied())
    }

    /// Waits until `host` has answered a request. Asks nothing: it never returns if no one else asks.
    pub async fn answered(&self, host: &Host) {
        self.inner.shared_ping(host).answered().await;
    }
}

impl Inner {
    /// The registry of `host`, pinged once.
    pub(crate) async fn registry(&self, host: &Host) -> Result<Arc<Registry>, Error> {
        // On the heap: all requests wait here, and their futures would all have room for it.
        self.shared_ping(host).get(Box::pin(self.ping(host))).await
    }

    fn shared_ping(&self, host: &Host) -> Arc<SharedPing<Registry>> {
        let mut registries = self.registries.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(registries.entry(host.clone()).or_default())
    }

    /// Finds out how a registry is spoken to.
    ///
    /// http: where a flag says so, and on loopback. A loopback registry may speak TLS, too: if there are
    /// certificates for it beside the system's, or the flag that skips the check names it, https is tried
    /// first, and http only where what answers doesn't speak TLS at all. All others: https, never less.
    async fn ping(&self, host: &Host) -> Result<Registry, Error> {
        let http = base(host, "http")?;
        let https = base(host, "https")?;
        if self.http.policy.allows_plain_http(&http) {
            return self.ping_at(host, http).await;
        }
        if !host.is_loopback() {
            return self.ping_at(host, https).await;
        }
        if !self.http.is_trust_extended(&https)? && !self.http.policy.skips_tls_verify(&https) {
            return self.ping_at(host, http).await;
        }
        match self.ping_at(host, https).await {
            Err(Error::Untrusted { fault: TlsFault::NotTls, .. }) => self.ping_at(host, http).await,
            other => other,
        }
    }

    async fn ping_at(&self, host: &Host, base: Url) -> Result<Registry, Error> {
        let url = join(&base, "v2/")?;
        let response = self.http.send(Request::new(Method::GET, url), Some(self.http.limits.idle)).await?;
        let status = response.status();
        // Anything but a challenge doesn't matter here: the request that follows gets a response of its own.
        if status == StatusCode::TOO_MANY_REQUESTS || status.is_server_error() {
            return Err(Error::refused(response.refusal().await));
        }
        let offers = match status {
            StatusCode::UNAUTHORIZED => challenge::offers(response.headers()),
            _ => Vec::new(),
        };
        let odd = self.odd(response).await;
        let registry = Registry {
            host: host.clone(),
            base,
            odd,
            challenge: RwLock::default(),
            product: OnceLock::new(),
        };
        registry.learn(&self.http.policy, offers)?;
        Ok(registry)
    }

    /// Why a response to the ping is none of a registry, if so. A refusal to let us in is an ordinary one,
    /// and so is any that names the API.
    async fn odd(&self, response: Response) -> Option<OddPing> {
        let status = response.status();
        if response.header("docker-distribution-api-version").is_some() {
            return None;
        }
        if status.is_success() {
            return response.is_html().then(|| OddPing::Page(response.call.clone()));
        }
        if !status.is_client_error() || matches!(status.as_u16(), 401 | 403) {
            return None;
        }
        let refusal = response.refusal().await;
        refusal.errors.is_empty().then(|| OddPing::Refusal(Box::new(refusal)))
    }
}
