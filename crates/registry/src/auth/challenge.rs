//! `WWW-Authenticate`: how a registry wants to be spoken to. RFC 9110, section 11.6.1; Distribution's "Token Authentication".

use reqwest::Url;
use reqwest::header::{HeaderMap, WWW_AUTHENTICATE};

/// What a registry asks for, as it says it: nothing is checked yet.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    Basic,
    Bearer { realm: String, service: Option<String> },
}

/// What a registry asks for, and its realm may have it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Challenge {
    /// User and password with each request.
    Basic,
    /// A token from a service.
    Bearer { realm: Url, service: Option<String> },
}

/// The best scheme among all challenges of an answer: tokens before passwords.
pub(crate) fn offer(headers: &HeaderMap) -> Option<Offer> {
    let mut best = None;
    for value in headers.get_all(WWW_AUTHENTICATE) {
        let Ok(text) = value.to_str() else { continue };
        // A broken challenge ends the parser; what came before it counts.
        for challenge in http_auth::parser::ChallengeParser::new(text).map_while(Result::ok) {
            let param = |wanted: &str| {
                let found = challenge.params.iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted));
                found.map(|(_, value)| value.to_unescaped())
            };
            if challenge.scheme.eq_ignore_ascii_case("bearer") {
                if let Some(realm) = param("realm") {
                    return Some(Offer::Bearer { realm, service: param("service") });
                }
            } else if challenge.scheme.eq_ignore_ascii_case("basic") {
                best = Some(Offer::Basic);
            }
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(values: &[&'static str]) -> Option<Offer> {
        let mut headers = HeaderMap::new();
        for value in values {
            headers.append(WWW_AUTHENTICATE, reqwest::header::HeaderValue::from_static(value));
        }
        offer(&headers)
    }

    #[test]
    fn reads_challenges() {
        let bearer = |realm: &str, service: Option<&str>| {
            Some(Offer::Bearer { realm: realm.to_owned(), service: service.map(str::to_owned) })
        };
        assert_eq!(
            read(&[r#"Bearer realm="https://a/t",service="r",scope="repository:x:pull,push""#]),
            bearer("https://a/t", Some("r"))
        );
        assert_eq!(read(&[r#"bearer REALM="https://a/t""#]), bearer("https://a/t", None));
        assert_eq!(read(&[r#"Basic realm="x""#]), Some(Offer::Basic));
        assert_eq!(
            read(&[r#"Basic realm="x""#, r#"Bearer realm="https://a/t""#]),
            bearer("https://a/t", None)
        );
        assert_eq!(read(&[r#"Basic realm="x", Bearer realm="https://a/t""#]), bearer("https://a/t", None));
        assert_eq!(read(&["Negotiate"]), None);
        assert_eq!(read(&[r#"Bearer service="no realm""#]), None);
        assert_eq!(read(&["", "\"", "Bearer realm=\"open"]), None);
        assert_eq!(read(&[]), None);
    }
}
