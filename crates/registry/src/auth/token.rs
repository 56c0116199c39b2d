//! The exchange with a token service: Distribution's "Token Authentication" (GET) and "OAuth2" (POST, for
//! identity tokens).
//!
//! `oci_client::Client::auth` does the GET, but asks the registry anew for its challenge and sends the
//! password to whatever realm it names *then*, reads answers of any length, follows redirects with its own
//! rules, and loses status and `Retry-After`. So the exchange is made here, with a realm that was checked;
//! the answer is read by `oci_client`'s `RegistryToken`.

use std::time::Duration;

use airlift_oci::Host;
use bytes::Bytes;
use oci_client::token_cache::RegistryToken;
use reqwest::header::{CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Url};
use serde::Deserialize;

use crate::auth::credential::Credential;
use crate::auth::secret::{Secret, basic, secrets, sensitive};
use crate::error::Error;
use crate::error::call::AddressSource;
use crate::error::content::ContentFault;
use crate::http::client::HttpClient;
use crate::http::request::{Payload, Request};

/// The largest token answer that is read.
const MAX_ANSWER: u64 = 1024 * 1024;
/// How long a token lives if its service doesn't say so (Distribution's token specification).
const DEFAULT_LIFE: Duration = Duration::from_secs(60);
/// Who we are to an OAuth2 service.
const CLIENT_ID: &str = "airlift";

/// What to request a token service for.
pub(crate) struct TokenRequest<'a> {
    /// The registry that names the service.
    pub(crate) registry: &'a Host,
    pub(crate) realm: &'a Url,
    pub(crate) service: Option<&'a str>,
    pub(crate) scopes: Vec<String>,
}

/// A token, ready for the header, and how long it may be used.
pub(crate) struct Token {
    pub(crate) header: HeaderValue,
    pub(crate) life: Duration,
}

#[derive(Deserialize)]
struct Lifetime {
    expires_in: Option<u64>,
}

/// Fetches a token. A refusal keeps the service's own words and status.
pub(crate) async fn fetch(
    http: &HttpClient,
    wanted: &TokenRequest<'_>,
    credential: Option<&Credential>,
) -> Result<Token, Error> {
    let mut request = match credential {
        Some(Credential::Identity(secret)) => refresh(wanted, secret),
        Some(Credential::Login(auth)) => Request { authorization: basic(auth), ..query(wanted) },
        None => query(wanted),
    };
    if !wanted.registry.names_url(wanted.realm) {
        request.address_source =
            Some(AddressSource { by: wanted.registry.to_string(), place: "the login challenge" });
    }
    let call = http.call(&request);
    let mut brought = request.authorization.as_ref().map(secrets).unwrap_or_default();
    if let Some(Credential::Identity(secret)) = credential {
        brought.push(secret.0.clone());
    }
    let exchange = async {
        let mut response = http.send(request, Some(http.limits.idle)).await?;
        if !response.status().is_success() {
            return Err(Error::refused(response.refusal().await.without(&brought)));
        }
        response.plain()?;
        let body = response.whole("token answer", MAX_ANSWER).await?;
        read(&body).ok_or_else(|| Error::content(&response.call, ContentFault::Token))
    };
    http.limits.bound(&call, exchange).await
}

fn query(wanted: &TokenRequest<'_>) -> Request {
    let mut url = wanted.realm.clone();
    {
        let mut pairs = url.query_pairs_mut();
        if let Some(service) = wanted.service {
            pairs.append_pair("service", service);
        }
        for scope in &wanted.scopes {
            pairs.append_pair("scope", scope);
        }
    }
    Request::new(Method::GET, url)
}

fn refresh(wanted: &TokenRequest<'_>, secret: &Secret) -> Request {
    // A URL's query has the encoding of a form.
    let mut form = wanted.realm.clone();
    form.set_query(None);
    {
        let mut pairs = form.query_pairs_mut();
        pairs.append_pair("grant_type", "refresh_token").append_pair("client_id", CLIENT_ID);
        if let Some(service) = wanted.service {
            pairs.append_pair("service", service);
        }
        pairs.append_pair("scope", &wanted.scopes.join(" ")).append_pair("refresh_token", &secret.0);
    }
    let body = Bytes::from(form.query().unwrap_or_default().to_owned());
    let form_type = HeaderValue::from_static("application/x-www-form-urlencoded");
    let mut request = Request::new(Method::POST, wanted.realm.clone()).with(CONTENT_TYPE, form_type);
    request.payload = Payload::Secret(body);
    request
}

fn read(body: &[u8]) -> Option<Token> {
    let token: RegistryToken = serde_json::from_slice(body).ok()?;
    if token.token().is_empty() {
        return None;
    }
    let header = sensitive(&token.bearer_token())?;
    let life = serde_json::from_slice::<Lifetime>(body).ok().and_then(|lifetime| lifetime.expires_in);
    let life = life.filter(|seconds| *seconds > 0).map_or(DEFAULT_LIFE, Duration::from_secs);
    Some(Token { header, life })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_both_kinds_of_answers() {
        for (body, header, life) in [
            (r#"{"token":"a","expires_in":300}"#, "Bearer a", 300),
            (r#"{"access_token":"b"}"#, "Bearer b", 60),
            (r#"{"token":"a","access_token":"b","expires_in":0}"#, "Bearer a", 60),
        ] {
            let token = read(body.as_bytes()).unwrap();
            assert_eq!((token.header.to_str().unwrap(), token.life.as_secs()), (header, life), "{body}");
            assert!(!format!("{:?}", token.header).contains("Bearer"), "the header must not show itself");
        }
        for body in ["", "{}", r#"{"token":""}"#, r#"{"token":"a\nb"}"#, "<html>", r#"{"token":7}"#] {
            assert!(read(body.as_bytes()).is_none(), "{body}");
        }
    }

    #[test]
    fn asks_for_scopes_in_the_query_and_keeps_a_refresh_token_out_of_it() {
        let realm = Url::parse("https://auth.example/token?x=1").unwrap();
        let registry = "r.example".parse().unwrap();
        let wanted = TokenRequest {
            registry: &registry,
            realm: &realm,
            service: Some("r&s"),
            scopes: vec!["repository:a/b:pull,push".to_owned()],
        };
        let url = query(&wanted).url;
        assert_eq!(url.query(), Some("x=1&service=r%26s&scope=repository%3Aa%2Fb%3Apull%2Cpush"));
        let request = refresh(&wanted, &Secret("s3cret".to_owned()));
        assert_eq!(request.url, realm);
        let Payload::Secret(body) = request.payload else { panic!("a form is expected") };
        assert!(String::from_utf8_lossy(&body).ends_with("refresh_token=s3cret"));
    }
}
