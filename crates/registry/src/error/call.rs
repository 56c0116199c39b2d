//! One request, as messages show it: the method, the URL, where the URL came from, and how often it was sent.

use std::fmt;
use std::time::Duration;

use reqwest::{Method, Url};

/// One request, fit for messages.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call(Box<Parts>);

/// The parts of a call. In a box, since errors carry it everywhere.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Parts {
    method: String,
    url: String,
    source: Option<AddressSource>,
    contact: Contact,
    proxy: Option<String>,
}

/// Whether a host has answered a request in this run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Contact {
    /// Not yet: it may be the wrong host, or be spoken to in the wrong way.
    First,
    /// It has.
    Known,
}

/// The host that gave an address that isn't the registry's own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct AddressSource {
    /// `HOST[:PORT]`.
    pub(crate) by: String,
    /// Where in its answer the address was: "the Location header".
    pub(crate) place: &'static str,
}

impl AddressSource {
    /// The host of `url` gave an address, in `place`.
    pub(crate) fn by(url: &Url, place: &'static str) -> Self {
        let host = url.host_str().unwrap_or_default();
        let by = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
        AddressSource { by, place }
    }
}

impl Call {
    pub(crate) fn new(method: &Method, url: &Url) -> Self {
        let (method, url) = (method.to_string(), redacted(url));
        Call(Box::new(Parts { method, url, source: None, contact: Contact::Known, proxy: None }))
    }

    /// The same of an address that a registry gave.
    pub(crate) fn with_source(mut self, source: Option<AddressSource>) -> Self {
        self.0.source = source;
        self
    }

    /// The same to a host that may be new, by a proxy.
    pub(crate) fn to(mut self, contact: Contact, proxy: Option<String>) -> Self {
        self.0.contact = contact;
        self.0.proxy = proxy;
        self
    }

    /// The HTTP method.
    pub fn method(&self) -> &str {
        &self.0.method
    }

    /// The URL without userinfo, query and fragment.
    pub fn url(&self) -> &str {
        &self.0.url
    }

    pub(crate) fn contact(&self) -> Contact {
        self.0.contact
    }

    /// Who gave the address, where it isn't the registry's own.
    pub(crate) fn source(&self) -> Option<AddressSource> {
        self.0.source.clone()
    }

    pub(crate) fn is_by_proxy(&self) -> bool {
        self.0.proxy.is_some()
    }

    /// The proxy, where there is one, as the end of "can't connect".
    pub(crate) fn through(&self) -> String {
        self.0.proxy.as_ref().map_or_else(String::new, |proxy| format!(" through the proxy {proxy}"))
    }
}

impl fmt::Display for Call {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.0.method, self.0.url)?;
        match &self.0.source {
            None => Ok(()),
            Some(AddressSource { by, place }) => write!(f, " (the address is from {place} of {by})"),
        }
    }
}

/// `url` without userinfo, query and fragment: the places where secrets are.
pub(crate) fn redacted(url: &Url) -> String {
    let mut clean = url.clone();
    let had_query = clean.query().is_some();
    clean.set_query(None);
    clean.set_fragment(None);
    // These fail only for URLs without a host, which have no userinfo.
    let _ = clean.set_username("");
    let _ = clean.set_password(None);
    if had_query { format!("{clean}?…") } else { clean.to_string() }
}

/// What was done before a failure was final.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Effort {
    /// How often the request was made.
    pub attempts: u32,
    /// How long that took in all, the pauses included.
    pub time: Duration,
}

impl Effort {
    /// Of requests that are not made again.
    pub const ONCE: Effort = Effort { attempts: 1, time: Duration::ZERO };
}

/// Nothing for a single attempt, else ` (tried 6 times in 31.0 s)`.
impl fmt::Display for Effort {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.attempts {
            0 | 1 => Ok(()),
            attempts => write!(f, " (tried {attempts} times in {:.1} s)", self.time.as_secs_f64()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_call_shows_no_secret() {
        let url = Url::parse("https://us3r:pw@r.example/v2/a/blobs/uploads/1?_state=s3cret#frag").unwrap();
        let call = Call::new(&Method::PUT, &url);
        assert_eq!(call.to_string(), "PUT https://r.example/v2/a/blobs/uploads/1?…");
        assert!(!format!("{call:?}").contains("s3cret"));
    }

    #[test]
    fn a_call_says_who_gave_its_address() {
        let url = Url::parse("http://r.example/x").unwrap();
        let source =
            AddressSource::by(&Url::parse("http://us:pw@r.example:5000/v2/").unwrap(), "the Location header");
        let call = Call::new(&Method::PUT, &url).with_source(Some(source));
        assert_eq!(
            call.to_string(),
            "PUT http://r.example/x (the address is from the Location header of r.example:5000)"
        );
    }
}
