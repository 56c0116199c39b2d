//! An upload session that a registry opened, and the requests to it.

use std::sync::Arc;

use airlift_oci::Digest;
use reqwest::header::HeaderValue;
use reqwest::{Method, Url};

use crate::auth::login::Login;
use crate::error::Error;
use crate::error::call::AddressSource;
use crate::error::content::ContentFault;
use crate::http::client::HttpClient;
use crate::http::redirect_policy::same_origin;
use crate::http::request::Request;
use crate::http::response::Response;

/// An upload session that a registry opened.
#[derive(Clone)]
pub(super) struct UploadSession {
    pub(super) url: Url,
    /// Only where the session is at the registry's own origin.
    pub(super) authorization: Option<HeaderValue>,
    login: Option<Arc<Login>>,
    /// The host that gave the URL, where it leads away from the registry.
    address_source: Option<AddressSource>,
    /// The blob's bytes that went out at most, from its start.
    pub(super) sent: u64,
}

impl UploadSession {
    /// The session of a POST that was accepted.
    pub(super) fn opened(http: &HttpClient, response: &Response) -> Result<Self, Error> {
        let location = response.header("location");
        let location = location.ok_or_else(|| Error::content(&response.call, ContentFault::Location))?;
        Ok(Self::at(http.location(response, location)?, response))
    }

    fn at(url: Url, response: &Response) -> Self {
        let authorization = response.authorization_for(&url);
        let address_source = match same_origin(&url, &response.url) {
            true => response.address_source(),
            false => Some(AddressSource::by(&response.url, "the Location header")),
        };
        UploadSession { url, authorization, login: response.login.clone(), address_source, sent: 0 }
    }

    /// The session as it goes on after `response`: where that says, and with the authorization that was good
    /// for it.
    pub(super) fn moved(self, http: &HttpClient, response: &Response) -> Result<Self, Error> {
        let url = match response.header("location") {
            Some(location) => http.location(response, location)?,
            None => self.url,
        };
        Ok(UploadSession { sent: self.sent, ..Self::at(url, response) })
    }

    /// The session when `sent` bytes of the blob may have got there.
    pub(super) fn after(self, sent: u64) -> Self {
        UploadSession { sent, ..self }
    }

    /// A request to the session; with a digest, the one that ends it.
    pub(super) fn request(&self, method: Method, digest: Option<&Digest>) -> Request {
        let mut url = self.url.clone();
        if let Some(digest) = digest {
            // What the registry wrote stays as it is; a digest has no character that a query can't hold.
            let query = match url.query().filter(|query| !query.is_empty()) {
                Some(query) => format!("{query}&digest={digest}"),
                None => format!("digest={digest}"),
            };
            url.set_query(Some(&query));
        }
        let mut request = Request::new(method, url);
        request.authorization = self.authorization.clone();
        request.address_source = self.address_source.clone();
        request
    }

    /// A response to such a request, with the authorization that it was sent with.
    pub(super) fn noted(&self, response: Response) -> Response {
        let same = same_origin(&response.url, &self.url);
        let authorization = self.authorization.clone().filter(|_| same);
        Response { login: self.login.clone(), authorization, ..response }
    }
}
