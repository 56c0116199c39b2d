//! An HTTP request to be made. How it travels is in `client`.

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use reqwest::{Method, Url};

use crate::error::call::AddressSource;
use crate::limits::request_gate::RequestSize;

/// A request, before it is sent.
pub(crate) struct Request {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: HeaderMap,
    /// Sent to the URL's own origin, and to no other.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) payload: Payload,
    pub(crate) redirects: Redirects,
    /// Of the body that goes up, or of the one that is to come.
    pub(crate) size: RequestSize,
    /// Where the URL came from, if another host gave it.
    pub(crate) address_source: Option<AddressSource>,
}

/// Which redirects of a request are followed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Redirects {
    /// Those that the rules allow for any request.
    Allowed,
    /// Of those, the ones that stay at the origin of the request.
    SameOrigin,
}

/// What goes up with a request.
pub(crate) enum Payload {
    Nothing,
    Bytes(Bytes),
    /// A form with a secret in it: never sent anywhere else.
    Secret(Bytes),
    /// A body of known length that can be sent once.
    Stream {
        body: reqwest::Body,
        size: u64,
    },
}

impl Request {
    pub(crate) fn new(method: Method, url: Url) -> Self {
        Request {
            method,
            url,
            headers: HeaderMap::new(),
            authorization: None,
            payload: Payload::Nothing,
            redirects: Redirects::Allowed,
            size: RequestSize::Small,
            address_source: None,
        }
    }

    pub(crate) fn with(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.insert(name, value);
        self
    }
}
