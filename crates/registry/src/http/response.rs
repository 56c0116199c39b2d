//! The response to one request: its head, and its body, which is never read further than a limit says.

use std::sync::Arc;

use airlift_oci::text::bounded;
use airlift_oci::{Digest, Host};
use bytes::{Bytes, BytesMut};
use reqwest::header::{self, HeaderMap, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use tokio::time::Instant;

use crate::auth::login::Login;
use crate::error::Error;
use crate::error::call::{AddressSource, Call, Effort};
use crate::error::content::ContentFault;
use crate::error::refusal::{MAX_BODY, Refusal};
use crate::http::html::is_html;
use crate::http::network_error;
use crate::http::redirect_policy::same_origin;
use crate::http::time_limits::TimeLimits;
use crate::limits::minimum_rate::{MinimumRate, TooSlow};
use crate::limits::request_gate::GatePermit;
use crate::retry::retry_after::retry_after;

/// The head of a response, and its body to come.
pub(crate) struct Response {
    pub(crate) call: Call,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    pub(crate) received: reqwest::Response,
    /// What the request was authorized with, for the message of a refusal.
    pub(crate) login: Option<Arc<Login>>,
    /// The authorization that went with it, for requests that follow at the same origin.
    pub(crate) authorization: Option<HeaderValue>,
    /// The registry that was asked, though another host may have answered.
    pub(crate) host: Option<Host>,
    pub(crate) rate: MinimumRate,
    pub(crate) limits: TimeLimits,
    /// Held until the body was read.
    pub(crate) permit: Option<GatePermit>,
    /// What must not be shown, should a proxy repeat it.
    pub(crate) proxy_secrets: Arc<[String]>,
}

impl Response {
    pub(crate) fn status(&self) -> StatusCode {
        self.received.status()
    }

    pub(crate) fn headers(&self) -> &HeaderMap {
        self.received.headers()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers().get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// The media type, without parameters.
    pub(crate) fn media_type(&self) -> Option<&str> {
        let media_type = self.content_type()?.split(';').next()?.trim();
        (!media_type.is_empty()).then_some(media_type)
    }

    /// Whether it says that it is a web page.
    pub(crate) fn is_html(&self) -> bool {
        is_html(self.content_type(), &[])
    }

    /// `Docker-Content-Digest`; anything else than a digest counts as absent.
    pub(crate) fn digest(&self) -> Option<Digest> {
        self.header("docker-content-digest")?.trim().parse().ok()
    }

    /// The length as announced; also where no body follows (HEAD).
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length").and_then(|text| text.parse().ok())
    }

    /// The authorization for a request that follows, at `url`: none at another origin.
    pub(crate) fn authorization_for(&self, url: &Url) -> Option<HeaderValue> {
        self.authorization.clone().filter(|_| same_origin(&self.url, url))
    }

    /// The host that gave the address that answered, where the request was led away.
    pub(crate) fn address_source(&self) -> Option<AddressSource> {
        self.call.source()
    }

    /// Where the response redirects a request with `method`, if it does.
    pub(crate) fn redirect(&self, method: &Method) -> Option<&str> {
        let followed = match self.status().as_u16() {
            301..=303 => *method == Method::GET || *method == Method::HEAD,
            // Nothing is deleted at an address that was not asked for.
            307 | 308 => *method != Method::DELETE,
            _ => false,
        };
        self.header("location").filter(|_| followed)
    }

    /// The size of the content, as announced. `None` where the response claims an encoding: the content's own
    /// size isn't known then, whether the claim is true or not.
    pub(crate) fn size(&self) -> Option<u64> {
        self.length().filter(|_| self.encoding().is_none())
    }

    /// The response's `Content-Encoding`, if it claims that the body was compressed on the way. Some servers
    /// claim that of files that are compressed.
    pub(crate) fn encoding(&self) -> Option<String> {
        let encodings = self.headers().get_all(header::CONTENT_ENCODING);
        let odd = encodings
            .iter()
            .find(|value| !value.is_empty() && !value.as_bytes().eq_ignore_ascii_case(b"identity"));
        odd.map(|value| bounded(&String::from_utf8_lossy(value.as_bytes())))
    }

    /// Refuses a body that is said to be compressed. For content that no digest proves.
    pub(crate) fn plain(&self) -> Result<(), Error> {
        match self.encoding() {
            None => Ok(()),
            Some(encoding) => Err(Error::content(&self.call, ContentFault::Encoding(encoding))),
        }
    }

    /// Whether the body says itself where it ends.
    pub(crate) fn is_chunked(&self) -> bool {
        self.header("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked"))
    }

    /// The next piece of the body, or `None` at its end.
    pub(crate) async fn chunk(&mut self) -> Result<Option<Bytes>, Error> {
        let start = Instant::now();
        match tokio::time::timeout(self.limits.idle, self.received.chunk()).await {
            Err(_) => Err(Error::timed_out(&self.call, "no byte came", self.limits.idle)),
            Ok(Ok(Some(chunk))) => match self.rate.took(start.elapsed(), chunk.len()) {
                Ok(()) => Ok(Some(chunk)),
                Err(TooSlow { bytes, after, minimum }) => {
                    let call = self.call.clone();
                    Err(Error::TooSlow { call, bytes, after, minimum, effort: Effort::ONCE })
                }
            },
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => Err(network_error::classify(&self.call, &self.url, error, self.limits.connect)),
        }
    }

    /// The whole body, if it has at most `limit` bytes: known from its announced length before anything is
    /// kept, and counted.
    pub(crate) async fn whole(&mut self, what: &'static str, limit: u64) -> Result<Bytes, Error> {
        let too_large = |call: &Call| Error::content(call, ContentFault::TooLarge { what, limit });
        let announced = self.length();
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(&self.call));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk().await? {
            if body.len() as u64 + chunk.len() as u64 > limit {
                return Err(too_large(&self.call));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// The same within the time that a small answer may take.
    pub(crate) async fn whole_in_time(&mut self, what: &'static str, limit: u64) -> Result<Bytes, Error> {
        let (limits, call) = (self.limits, self.call.clone());
        limits.bound(&call, self.whole(what, limit)).await
    }

    /// Turns a response that is a refusal into an error, with what can be read of its body.
    pub(crate) async fn refusal(mut self) -> Refusal {
        let time = self.limits.answer;
        let mut body = BytesMut::new();
        let read = async {
            while let Ok(Some(chunk)) = self.chunk().await {
                let room = (MAX_BODY as usize).saturating_sub(body.len());
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() >= room {
                    break;
                }
            }
        };
        // What came until then is shown.
        let _ = tokio::time::timeout(time, read).await;
        let mut refusal = Refusal::new(self.call.clone(), self.status().as_u16());
        refusal.retry_after =
            self.header("retry-after").and_then(|value| retry_after(value, jiff::Timestamp::now()));
        refusal.with_body(self.content_type(), &body).without(&self.proxy_secrets)
    }
}
