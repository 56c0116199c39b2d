//! A request to a registry: it logs in where it must, and a refusal is explained with all that is known of
//! it.

use airlift_oci::Repository;
use futures::future::BoxFuture;
use reqwest::{StatusCode, Url};

use crate::auth::authorization::{Authorization, Need};
use crate::auth::challenge::{self, Challenge};
use crate::auth::scope::Scope;
use crate::auth::secret;
use crate::error::Error;
use crate::http::redirect_policy::same_origin;
use crate::http::request::{Payload, Redirects, Request};
use crate::http::response::Response;
use crate::retry::too_many_requests;
use crate::transport::Inner;
use crate::transport::registry::Registry;

/// What becomes of a request that was answered.
enum NextStep {
    /// The response is final.
    Final,
    /// It is made again, with another authorization of the same kind.
    Again,
    /// It is made again, with what the registry asks for now.
    By(Challenge),
}

impl Inner {
    /// Sends what `make` makes of the registry's base URL, with an authorization for `scope` if the registry
    /// asks for one. An authorization that is refused is renewed, once.
    pub(crate) async fn send(
        &self,
        scope: &Scope,
        make: impl Fn(&Url) -> Result<Request, Error>,
    ) -> Result<Response, Error> {
        let registry = &*self.registry(scope.repository.host()).await?;
        let authorization = match registry.challenge() {
            None => Authorization::none(),
            Some(usual) => self.authorization(scope, Need::Request(&usual)).await?,
        };
        let response = self.send_with(registry, &authorization, &make).await?;
        let challenge = match self.next_step(registry, &authorization, &response)? {
            NextStep::Final => return Ok(response),
            NextStep::Again => None,
            NextStep::By(challenge) => Some(challenge),
        };
        // A password is looked up again, too: those of credential helpers expire.
        let need = Need::Refused { refused: &authorization, challenge: challenge.as_ref() };
        let renewed = self.authorization(scope, need).await?;
        if renewed.is_password && renewed.header == authorization.header {
            // Nothing better was found, and where it was looked for belongs to the refusal.
            return Ok(Response { login: renewed.login, ..response });
        }
        drop(response);
        self.send_with(registry, &renewed, &make).await
    }

    /// Sends a request to an API that takes no token, beside the registry's own: with the user's password for
    /// `scope`, if there is one. Both reach the registry's own origin alone: a redirect to another one is an
    /// error, since what is done there is not done at the registry.
    pub(crate) async fn send_with_password(
        &self,
        scope: &Scope,
        make: impl Fn(&Url) -> Result<Request, Error>,
    ) -> Result<Response, Error> {
        let registry = &*self.registry(scope.repository.host()).await?;
        let password = Box::pin(self.authorizations.password(&self.http, scope)).await?;
        let make = |base: &_| Ok(Request { redirects: Redirects::SameOrigin, ..make(base)? });
        self.send_with(registry, &password, &make).await
    }

    /// Lets go of the authorizations for repositories in which something else is allowed now.
    pub(crate) fn forget_authorizations(&self, is_changed: impl Fn(&Repository) -> bool) {
        self.authorizations.forget(is_changed);
    }

    /// On the heap, since the futures of all operations would have room for it.
    fn authorization<'a>(
        &'a self,
        scope: &'a Scope,
        need: Need<'a>,
    ) -> BoxFuture<'a, Result<Authorization, Error>> {
        Box::pin(self.authorizations.get(&self.http, scope, need))
    }

    async fn send_with(
        &self,
        registry: &Registry,
        authorization: &Authorization,
        make: &impl Fn(&Url) -> Result<Request, Error>,
    ) -> Result<Response, Error> {
        let mut request = make(&registry.base)?;
        // Before it answers, a registry looks at all that a manifest names.
        let time_limit = match request.payload {
            Payload::Bytes(_) => self.http.limits.answer,
            _ => self.http.limits.idle,
        };
        request.authorization = authorization.header.clone();
        let permit = self.gates.of(&registry.host).enter(request.size).await;
        // On the heap, since the futures of all operations would have room for it.
        let mut response = Box::pin(self.http.send(request, Some(time_limit))).await?;
        // What another host answers says nothing of how much the registry bears.
        if same_origin(&response.url, &registry.base) {
            permit.answered(response.status());
            self.pull_limits.learn(&registry.host, response.headers());
        }
        response.permit = Some(permit);
        response.host = Some(registry.host.clone());
        // Another origin got no authorization from us, so its refusal says nothing of ours.
        if same_origin(&response.url, &registry.base) {
            response.login = authorization.login.clone();
            response.authorization = authorization.header.clone();
        }
        Ok(response)
    }

    /// Whether a response is a refusal of the registry itself that another authorization may turn: a 401, or
    /// a 403 that names a scope which wasn't asked for.
    fn next_step(
        &self,
        registry: &Registry,
        authorization: &Authorization,
        response: &Response,
    ) -> Result<NextStep, Error> {
        let refusal = matches!(response.status(), StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN);
        if !refusal || !same_origin(&response.url, &registry.base) {
            return Ok(NextStep::Final);
        }
        let policy = &self.http.policy;
        let offers = challenge::offers(response.headers());
        if response.status() == StatusCode::FORBIDDEN {
            let usable = offers.into_iter().filter_map(|offer| registry.checked(policy, offer).ok());
            let more = usable.into_iter().find(|challenge| challenge.names_more_than(&authorization.scopes));
            return Ok(more.map_or(NextStep::Final, |challenge| {
                registry.keep(&challenge);
                NextStep::By(challenge)
            }));
        }
        Ok(match registry.learn(policy, offers)? {
            Some(challenge) => NextStep::By(challenge),
            None if authorization.header.is_some() => NextStep::Again,
            None => NextStep::Final,
        })
    }

    /// The refusal in a response, with all that is known about it.
    pub(crate) async fn refused(&self, response: Response) -> Error {
        let (login, host) = (response.login.clone(), response.host.clone());
        let secrets = response.authorization.as_ref().map(secret::secrets).unwrap_or_default();
        let challenge = (response.status() == StatusCode::UNAUTHORIZED)
            .then(|| challenge::unusable(response.headers()))
            .flatten();
        let mut refusal = response.refusal().await;
        refusal.challenge = challenge;
        let mut refusal = refusal.without(&secrets);
        refusal.note = match refusal.status {
            401 | 403 => login.map(|login| login.explanation(refusal.status)),
            429 => {
                let limit = host.and_then(|host| self.pull_limits.get(&host));
                refusal.exhausted = too_many_requests::is_exhausted(&refusal, limit);
                too_many_requests::explanation(&refusal, limit, login.as_deref())
            }
            _ => None,
        };
        Error::refused(refusal)
    }
}
