//! The obvious next step after a failure, where there is one.

use crate::error::Error;

impl Error {
    /// What an operator would try next, as a fragment.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            // What web servers say to http where they speak TLS: in prose, and to a HEAD without any words.
            Error::Refused(refusal)
                if refusal.status == 400
                    && refusal.errors.is_empty()
                    && refusal.call.url().starts_with("http:") =>
            {
                Some(
                    "if the registry speaks https, give its certificate with --ca-file, or --insecure-skip-tls-verify HOST:PORT",
                )
            }
            Error::Unauthorised(_) => {
                Some("log in with `docker login` or `podman login`, or name the credentials with --auth-file")
            }
            Error::Unreachable { call, .. } if call.url().starts_with("https:") => Some(
                "is the host right, and is it up? A registry that speaks plain http needs --plain-http HOST:PORT",
            ),
            Error::Unreachable { .. } | Error::TimedOut { .. } => {
                Some("is the host right, and is the registry up?")
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{Method, Url};

    use crate::error::{Call, Error};
    use crate::refusal::Refusal;

    #[test]
    fn a_bare_400_to_http_may_mean_tls() {
        let hint = |url: &str, body: &[u8]| {
            let call = Call::new(&Method::GET, &Url::parse(url).unwrap());
            Error::refused(Refusal::new(call, 400).tell(None, body)).hint()
        };
        let says_https = |hint: Option<&str>| hint.is_some_and(|hint| hint.contains("https"));
        assert!(says_https(hint("http://127.0.0.1:1/v2/", b"")));
        assert!(says_https(hint(
            "http://127.0.0.1:1/v2/",
            b"Client sent an HTTP request to an HTTPS server.\n"
        )));
        assert_eq!(hint("https://r.example/v2/", b""), None);
        assert_eq!(hint("http://127.0.0.1:1/v2/", br#"{"errors":[{"code":"MANIFEST_INVALID"}]}"#), None);
    }
}
