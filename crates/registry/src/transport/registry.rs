//! One registry: where its API is, and which login it asks for.

use std::sync::{OnceLock, PoisonError, RwLock};

use airlift_oci::Host;
use airlift_oci::text::without_password;
use reqwest::Url;

use crate::auth::challenge::{Challenge, Offer};
use crate::error::Error;
use crate::error::call::{Call, redacted};
use crate::error::refusal::Refusal;
use crate::http::redirect_policy::RedirectPolicy;
use crate::transport::product::Product;

/// A registry that has answered its ping.
pub(crate) struct Registry {
    pub(super) host: Host,
    /// Its scheme, host and port, with the path `/`.
    pub(crate) base: Url,
    /// Its response to the ping, where no registry answers so.
    pub(super) odd: Option<OddPing>,
    /// What it asks for. May be learned late: some registries only ask where something private is touched.
    pub(super) challenge: RwLock<Option<Challenge>>,
    /// What it is, once a challenge has shown that. A later one may not: Harbor asks for a password where a
    /// token was refused.
    pub(super) product: OnceLock<Product>,
}

/// Answers to the ping that registries don't give.
pub(super) enum OddPing {
    /// A refusal in other words than the specification's.
    Refusal(Box<Refusal>),
    /// A web page.
    Page(Call),
}

impl Registry {
    pub(crate) fn challenge(&self) -> Option<Challenge> {
        self.challenge.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The first of the offers whose realm may be spoken to. What it says of the whole registry is kept.
    pub(super) fn learn(
        &self,
        policy: &RedirectPolicy,
        offers: Vec<Offer>,
    ) -> Result<Option<Challenge>, Error> {
        let mut refused = None;
        for offer in offers {
            match self.checked(policy, offer) {
                Ok(challenge) => {
                    self.keep(&challenge);
                    return Ok(Some(challenge));
                }
                Err(error) => refused = refused.or(Some(error)),
            }
        }
        refused.map_or(Ok(None), Err)
    }

    pub(super) fn keep(&self, challenge: &Challenge) {
        if let Some(product) = Product::of_challenge(challenge) {
            let _ = self.product.set(product);
        }
        let general = challenge.of_registry();
        *self.challenge.write().unwrap_or_else(PoisonError::into_inner) = Some(general);
    }

    pub(super) fn checked(&self, policy: &RedirectPolicy, offer: Offer) -> Result<Challenge, Error> {
        let Offer::Bearer { realm, service, scopes } = offer else { return Ok(Challenge::Basic) };
        match policy.realm(&self.base, &realm) {
            Ok(realm) => Ok(Challenge::Bearer { realm, service, scopes }),
            Err(reason) => {
                let realm = match Url::parse(&realm) {
                    Ok(url) => redacted(&url),
                    // No URL, so there is no part of it where secrets are.
                    Err(_) => without_password(&realm),
                };
                Err(Error::Realm { registry: self.host.clone(), realm, reason })
            }
        }
    }
}
