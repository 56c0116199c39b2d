//! Where a registry may send us: redirects, upload locations and token services.
//!
//! The rules are here, as functions of URLs and options; `client` and `auth` ask them before each step.

use airlift_oci::Host;
use airlift_oci::reference::{is_loopback, is_machine_local};
use reqwest::Url;

/// The hosts that the user made exceptions for, and the rules for all others.
#[derive(Clone, Debug, Default)]
pub(crate) struct RedirectPolicy {
    pub(crate) plain_http: Vec<Host>,
    pub(crate) skip_tls_verify: Vec<Host>,
}

impl RedirectPolicy {
    /// Whether the user allows http to `url`.
    pub(crate) fn allows_plain_http(&self, url: &Url) -> bool {
        self.plain_http.iter().any(|host| host.names_url(url))
    }

    /// Whether the certificate of `url`'s host shall not be checked.
    pub(crate) fn skips_tls_verify(&self, url: &Url) -> bool {
        self.skip_tls_verify.iter().any(|host| host.names_url(url))
    }

    /// Whether `to` may be followed from `from`, and if not, why.
    pub(crate) fn check(&self, from: &Url, to: &Url) -> Result<(), &'static str> {
        let host = |url: &Url| url.host_str().unwrap_or_default().to_owned();
        let (there, here) = (host(to), host(from));
        if there.is_empty() || !matches!(to.scheme(), "http" | "https") {
            return Err("it is neither http nor https");
        }
        if !to.username().is_empty() || to.password().is_some() {
            return Err("it carries a user name or password");
        }
        let declared = self.allows_plain_http(to) || self.skips_tls_verify(to);
        let both_here = is_loopback(&there) && is_loopback(&here);
        if from.scheme() == "https" && to.scheme() == "http" && !declared && !both_here {
            return Err(
                "it leaves https for http; if a proxy in front of the registry ends TLS, it must pass on X-Forwarded-Proto",
            );
        }
        if is_machine_local(&there) && !is_machine_local(&here) && !declared {
            return Err("another machine can't send us to an address of this one");
        }
        Ok(())
    }

    /// The token service that `registry` (whose API is at `base`) names, if it is one that may see
    /// credentials.
    pub(crate) fn realm(&self, base: &Url, realm: &str) -> Result<Url, &'static str> {
        // A path is one at the registry itself, which may have its own credentials.
        let url = if realm.starts_with('/') { base.join(realm) } else { Url::parse(realm) };
        let url = url.map_err(|_| "it is not a URL")?;
        // A registry that was reached by http was declared so, or is this machine.
        if url.scheme() == "http" && base.scheme() != "http" && !self.allows_plain_http(&url) {
            return Err("credentials only go out by https");
        }
        self.check(base, &url)?;
        Ok(url)
    }
}

/// Whether two URLs have scheme, host and port in common, so that what may see the one's credentials may see
/// the other's.
pub(crate) fn same_origin(a: &Url, b: &Url) -> bool {
    a.scheme() == b.scheme()
        && a.host_str() == b.host_str()
        && a.port_or_known_default() == b.port_or_known_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).unwrap()
    }

    fn policy() -> RedirectPolicy {
        RedirectPolicy {
            plain_http: vec!["plain.example".parse().unwrap()],
            skip_tls_verify: vec!["odd.example:8443".parse().unwrap()],
        }
    }

    #[test]
    fn redirects() {
        for (from, to, allowed) in [
            ("https://r.example/", "https://cdn.example/x?sig=1", true),
            ("https://r.example/", "http://cdn.example/x", false),
            ("https://r.example/", "http://r.example/x", false),
            ("https://r.example/", "http://plain.example/x", true),
            ("https://r.example/", "http://odd.example:8443/x", true),
            ("https://r.example/", "http://odd.example/x", false),
            ("http://plain.example/", "http://other.example/x", true),
            ("https://r.example/", "file:///etc/passwd", false),
            ("https://r.example/", "https://u:p@cdn.example/", false),
            ("https://r.example/", "https://127.0.0.1/x", false),
            ("https://r.example/", "https://169.254.169.254/latest", false),
            ("https://r.example/", "https://[::ffff:127.0.0.1]/x", false),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:6000/x", true),
            ("https://127.0.0.1:5000/", "http://localhost:6000/x", true),
            ("http://127.0.0.1:5000/", "https://cdn.example/x", true),
        ] {
            assert_eq!(policy().check(&url(from), &url(to)).is_ok(), allowed, "{from} → {to}");
        }
    }

    #[test]
    fn realms() {
        for (base, realm, allowed) in [
            ("https://r.example/", "https://auth.example/token", true),
            ("https://r.example/", "http://auth.example/token", false),
            ("https://r.example/", "http://odd.example:8443/token", false),
            ("https://r.example/", "http://plain.example/token", true),
            ("https://r.example/", "https://127.0.0.1/token", false),
            ("https://r.example/", "https://localhost/token", false),
            ("https://r.example/", "https://[fe80::1]/token", false),
            ("https://r.example/", "https://u@auth.example/token", false),
            ("https://r.example/", "ftp://auth.example/", false),
            ("https://r.example/", "/token", true),
            ("https://r.example/", "//auth.example/token", true),
            ("https://r.example/", "//127.0.0.1/token", false),
            ("https://r.example/", "token", false),
            ("https://r.example/", "", false),
            ("http://127.0.0.1:5000/", "http://127.0.0.1:5001/token", true),
            ("http://plain.example:5000/", "http://auth.example/token", true),
            ("http://plain.example:5000/", "http://127.0.0.1/token", false),
        ] {
            assert_eq!(policy().realm(&url(base), realm).is_ok(), allowed, "{base} → {realm}");
        }
    }

    #[test]
    fn origins() {
        assert!(same_origin(&url("https://a/x"), &url("https://a:443/y")));
        assert!(!same_origin(&url("https://a/x"), &url("http://a/x")));
        assert!(!same_origin(&url("https://a/x"), &url("https://a:444/x")));
        assert!(!same_origin(&url("https://a/x"), &url("https://b/x")));
    }
}
