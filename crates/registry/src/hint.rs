//! The obvious next step after a failure, where there is one.

use crate::call::{Call, Contact};
use crate::error::{Error, Obstacle};

impl Error {
    /// What an operator would try next, as a fragment. How a registry is spoken to is only doubted as long as
    /// it has not answered.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            // What web servers say to http where they speak TLS: in prose, and to a HEAD without any words.
            Error::Refused(refusal)
                if refusal.status == 400
                    && refusal.errors.is_empty()
                    && refusal.call.contact() == Contact::First
                    && refusal.call.url().starts_with("http:") =>
            {
                Some(
                    "if the registry speaks https, give its certificate with --ca-file, or --insecure-skip-tls-verify HOST:PORT",
                )
            }
            Error::Unauthorised(refusal) if refusal.challenge.is_some() => Some(
                "only Basic, and Bearer with a realm, can be answered; a proxy in front of the registry may ask for more",
            ),
            Error::Unauthorised(_) => {
                Some("log in with `docker login` or `podman login`, or name the credentials with --auth-file")
            }
            Error::Unreachable { call, what, .. } => Some(unreachable(call, what)),
            Error::TimedOut { call, .. } if call.who_gave().is_some() || call.contact() == Contact::First => {
                Some(unreachable(call, &Obstacle::Connection))
            }
            Error::TimedOut { .. } => Some("is the registry still up?"),
            _ => None,
        }
    }
}

fn unreachable(call: &Call, what: &Obstacle) -> &'static str {
    match what {
        _ if call.is_by_proxy() => {
            "is the proxy right, and is it up? HTTPS_PROXY, HTTP_PROXY and ALL_PROXY name it; NO_PROXY lists what is reached without it"
        }
        _ if call.who_gave().is_some() => {
            "the registry, or a proxy in front of it, gives this address: it must be one that can be reached from here (a proxy must pass on Host and X-Forwarded-Proto)"
        }
        Obstacle::Name(_) => {
            "is the name right, and does this machine's DNS know it? If only a proxy does, name that with HTTPS_PROXY"
        }
        _ if call.contact() == Contact::Known => "is the registry still up?",
        _ if call.url().starts_with("https:") => {
            "is the host right, and is it up? A registry that speaks plain http needs --plain-http HOST:PORT"
        }
        _ => "is the host right, and is the registry up?",
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{Method, Url};

    use super::*;
    use crate::refusal::Refusal;

    fn call(url: &str, contact: Contact) -> Call {
        Call::new(&Method::GET, &Url::parse(url).unwrap()).to(contact, None)
    }

    #[test]
    fn a_bare_400_to_http_may_mean_tls() {
        let hint = |contact: Contact, url: &str, body: &[u8]| {
            Error::refused(Refusal::new(call(url, contact), 400).tell(None, body)).hint()
        };
        let says_https = |hint: Option<&str>| hint.is_some_and(|hint| hint.contains("https"));
        assert!(says_https(hint(Contact::First, "http://127.0.0.1:1/v2/", b"")));
        let prose = b"Client sent an HTTP request to an HTTPS server.\n";
        assert!(says_https(hint(Contact::First, "http://127.0.0.1:1/v2/", prose)));
        assert_eq!(hint(Contact::First, "https://r.example/v2/", b""), None);
        let json = br#"{"errors":[{"code":"MANIFEST_INVALID"}]}"#;
        assert_eq!(hint(Contact::First, "http://127.0.0.1:1/v2/", json), None);
        // What has answered to http speaks it.
        assert_eq!(hint(Contact::Known, "http://127.0.0.1:1/v2/", b""), None);
    }

    #[test]
    fn advice_on_a_host_depends_on_what_is_known_of_it() {
        let url = "https://r.example/v2/";
        let hint = |call: &Call, what: Obstacle| unreachable(call, &what);
        let first = call(url, Contact::First);
        assert!(hint(&first, Obstacle::Connection).contains("--plain-http"));
        assert!(!hint(&call(url, Contact::Known), Obstacle::Broken).contains("--plain-http"));
        let unknown = hint(&first, Obstacle::Name("r.example".to_owned()));
        assert!(unknown.contains("DNS") && !unknown.contains("--plain-http"), "{unknown}");
        let proxied = first.clone().to(Contact::First, Some("http://proxy:1".to_owned()));
        assert!(hint(&proxied, Obstacle::Connection).contains("NO_PROXY"));
        let given = crate::call::Given { by: "r.example".to_owned(), place: "a redirect" };
        assert!(hint(&first.given(Some(given)), Obstacle::Connection).starts_with("the registry"));
    }
}
