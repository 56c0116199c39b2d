//! Proxies, as the environment names them. `reqwest` uses them; this file knows which one it uses for a
//! request, and which passwords must not be shown.
//!
//! A variable that names no proxy is an error: `reqwest` passes over it, and what should have gone by a proxy
//! would go without one.

use std::sync::Arc;

use airlift_oci::reference::is_loopback;
use airlift_oci::text::without_password;
use hyper_util::client::proxy::matcher::Matcher;
use oci_client::secrets::RegistryAuth;
use reqwest::Url;

use crate::auth::secret;
use crate::error::setup::SetupError;

/// Where proxies are named.
const VARIABLES: [&str; 6] =
    ["HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"];

/// The proxies of a run.
pub(crate) struct Proxies {
    /// Decides as `reqwest` does.
    matcher: Matcher,
    secrets: Arc<[String]>,
}

impl Proxies {
    /// Those of the environment.
    pub(crate) fn of_environment() -> Result<Self, SetupError> {
        let variable = |name: &str| std::env::var(name).ok();
        check(variable)?;
        Ok(Proxies { matcher: Matcher::from_system(), secrets: secrets(variable).into() })
    }

    /// The proxy by which `url` is reached. This machine is reached without one.
    pub(crate) fn of(&self, url: &Url) -> Option<String> {
        if url.host_str().is_none_or(is_loopback) {
            return None;
        }
        let proxy = self.matcher.intercept(&url.as_str().parse().ok()?)?;
        Some(proxy.uri().to_string().trim_end_matches('/').to_owned())
    }

    /// Passwords, in all forms in which they may be repeated.
    pub(crate) fn secrets(&self) -> &Arc<[String]> {
        &self.secrets
    }
}

/// Whether each variable that is set names a proxy.
fn check(variable: impl Fn(&str) -> Option<String>) -> Result<(), SetupError> {
    for name in VARIABLES {
        let value = variable(name).filter(|value| !value.is_empty()).unwrap_or_default();
        if let Some(reason) = defect(&value) {
            return Err(SetupError::Proxy { variable: name, value: without_password(&value), reason });
        }
    }
    Ok(())
}

/// Why a value names no proxy that can be used, if it doesn't.
fn defect(value: &str) -> Option<&'static str> {
    const FORM: &str = "write it as http://HOST:PORT";
    let (scheme, rest) = value.split_once("://").unwrap_or(("", value));
    let authority = rest.split('/').next().unwrap_or_default();
    let has_port = authority.rsplit_once(':').is_some_and(|(_, port)| port.parse::<u16>().is_ok());
    match scheme.to_ascii_lowercase().as_str() {
        _ if value.is_empty() => None,
        scheme if scheme.starts_with("socks") => Some("it speaks SOCKS, and only http proxies can be used"),
        // Without a scheme, one program takes port 80 and another 1080.
        "" if !has_port => Some(FORM),
        "" | "http" | "https" => {
            let matcher = Matcher::builder().all(value.to_owned()).build();
            let any = "http://any.example/".parse().ok();
            let used = any.and_then(|any| matcher.intercept(&any)).map(|proxy| proxy.uri().to_string());
            let is_address = used.is_some_and(|used| Url::parse(&used).is_ok_and(|url| url.has_host()));
            if is_address { None } else { Some(FORM) }
        }
        _ => Some(FORM),
    }
}

/// The passwords of the proxies that the environment names, in all forms in which they may be repeated.
fn secrets(variable: impl Fn(&str) -> Option<String>) -> Vec<String> {
    let mut secrets = Vec::new();
    for value in VARIABLES.into_iter().filter_map(variable) {
        // As curl has it, a proxy may be written without its scheme.
        let url = Url::parse(&value)
            .ok()
            .filter(Url::has_host)
            .or_else(|| Url::parse(&format!("http://{value}")).ok());
        let Some((url, password)) = url.as_ref().and_then(|url| Some((url, url.password()?))) else {
            continue;
        };
        let login = RegistryAuth::Basic(percent_decode(url.username()), percent_decode(password));
        secrets.extend(secret::basic(&login).iter().flat_map(secret::secrets));
        secrets.push(password.to_owned());
    }
    secrets
}

/// `%41` as `A`; what is no such escape stays.
fn percent_decode(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((byte, after)) = rest.split_first() {
        let escaped =
            after.get(..2).and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        match escaped.filter(|_| *byte == b'%') {
            Some(decoded) => {
                bytes.push(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*byte);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn knows_the_passwords_of_proxies() {
        let found =
            |value: &'static str| secrets(move |name| (name == "HTTPS_PROXY").then(|| value.to_owned()));
        assert_eq!(found("http://us:p%40ss@proxy:3128"), ["dXM6cEBzcw==", "p@ss", "p%40ss"]);
        assert_eq!(found("us:p4ss@proxy:3128"), ["dXM6cDRzcw==", "p4ss", "p4ss"]);
        assert!(found("http://proxy:3128").is_empty() && found("http://us@proxy").is_empty());
        assert!(found("").is_empty() && found("%%%").is_empty());
        assert_eq!(percent_decode("a%41%4g%"), "aA%4g%");
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_an_error() {
        let check = |value: &str| check(|name| (name == "https_proxy").then(|| value.to_owned()));
        for good in
            ["", "http://proxy:3128", "https://us:p%40ss@proxy.example/", "proxy:3128", "us:pw@[::1]:3128"]
        {
            check(good).unwrap();
        }
        for bad in [
            "garbage",
            "proxy.example",
            "http://",
            "http:///x",
            "://proxy:1",
            "ftp://proxy:21",
            "socks5h://proxy:1080",
            "http://proxy:port",
            "http://a b:1",
            " ",
            "%%%",
        ] {
            let error = check(bad).map_or_else(|error| error.to_string(), |()| "fine".to_owned());
            assert!(error.starts_with("the proxy in https_proxy ("), "{bad}: {error}");
        }
        let error = check("http://us:c4nary@a b").unwrap_err().to_string();
        assert!(!error.contains("c4nary"), "{error}");
    }
}
