//! The answer to one request: its head, and its body, which is never read further than a limit says.

use std::sync::Arc;

use airlift_oci::Host;
use airlift_oci::text::bounded;
use bytes::{Bytes, BytesMut};
use reqwest::header::{self, HeaderValue};
use reqwest::{Method, StatusCode, Url};
use tokio::time::Instant;

use crate::auth::session::Login;
use crate::call::{Call, Effort, Given};
use crate::error::{ContentFault, Error};
use crate::hop::same_origin;
use crate::http::{Http, timed_out};
use crate::pace::{Pace, Slow};
use crate::refusal::{self, Refusal};
use crate::retry::retry_after;

/// The head of an answer, and its body to come.
pub(crate) struct Answer {
    pub(crate) call: Call,
    /// Where it came from, after redirects.
    pub(crate) url: Url,
    pub(crate) response: reqwest::Response,
    /// What to tell about the authorization, should this be a refusal.
    pub(crate) note: Option<Arc<Login>>,
    /// The authorization that went with it, for requests that follow at the same origin.
    pub(crate) authorization: Option<HeaderValue>,
    pub(crate) pace: Pace,
    /// The registry that was asked, though another host may have answered.
    pub(crate) host: Option<Host>,
}

impl Answer {
    pub(crate) fn status(&self) -> StatusCode {
        self.response.status()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.response.headers().get(name).and_then(|value| value.to_str().ok())
    }

    pub(crate) fn content_type(&self) -> Option<&str> {
        self.header("content-type")
    }

    /// The length as announced; also where no body follows (HEAD).
    pub(crate) fn length(&self) -> Option<u64> {
        self.header("content-length").and_then(|text| text.parse().ok())
    }

    /// The authorization for a request that follows, at `url`: none at another origin.
    pub(crate) fn authorization_for(&self, url: &Url) -> Option<HeaderValue> {
        self.authorization.clone().filter(|_| same_origin(&self.url, url))
    }

    /// Who gave the address that answered, where the request was led away.
    pub(crate) fn given(&self) -> Option<Given> {
        self.call.who_gave()
    }

    pub(crate) fn redirect(&self, method: &Method) -> Option<&str> {
        let followed = match self.status().as_u16() {
            301..=303 => *method == Method::GET || *method == Method::HEAD,
            307 | 308 => true,
            _ => false,
        };
        self.header("location").filter(|_| followed)
    }

    /// The size of the content, as announced. What an encoding was applied to, or is only said to be, has a
    /// size that isn't known.
    pub(crate) fn size(&self) -> Option<u64> {
        self.length().filter(|_| self.encoding().is_none())
    }

    /// What the answer says of its body, if it says that it was compressed on the way. Some servers say so of
    /// files that are compressed.
    pub(crate) fn encoding(&self) -> Option<String> {
        let encodings = self.response.headers().get_all(header::CONTENT_ENCODING);
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
    pub(crate) async fn chunk(&mut self, http: &Http) -> Result<Option<Bytes>, Error> {
        let start = Instant::now();
        match tokio::time::timeout(http.idle_timeout, self.response.chunk()).await {
            Err(_) => Err(timed_out(&self.call, "no byte came", http.idle_timeout)),
            Ok(Ok(Some(chunk))) => match self.pace.took(start.elapsed(), chunk.len()) {
                Ok(()) => Ok(Some(chunk)),
                Err(Slow { bytes, after, minimum }) => {
                    let call = self.call.clone();
                    Err(Error::TooSlow { call, bytes, after, minimum, effort: Effort::ONCE })
                }
            },
            Ok(Ok(None)) => Ok(None),
            Ok(Err(error)) => Err(http.unreachable(&self.call, &self.url, error)),
        }
    }

    /// The whole body, if it has at most `limit` bytes: known from its announced length before anything is
    /// kept, and counted.
    pub(crate) async fn whole(
        &mut self,
        http: &Http,
        what: &'static str,
        limit: u64,
    ) -> Result<Bytes, Error> {
        let too_large = |call: &Call| Error::content(call, ContentFault::TooLarge { what, limit });
        let announced = self.length();
        if announced.is_some_and(|length| length > limit) {
            return Err(too_large(&self.call));
        }
        let mut body = BytesMut::new();
        while let Some(chunk) = self.chunk(http).await? {
            if body.len() as u64 + chunk.len() as u64 > limit {
                return Err(too_large(&self.call));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body.freeze())
    }

    /// Turns an answer that is a refusal into an error, with what can be read of its body.
    pub(crate) async fn refusal(mut self, http: &Http) -> Refusal {
        let mut body = BytesMut::new();
        let read = async {
            while let Ok(Some(chunk)) = self.chunk(http).await {
                let room = (refusal::MAX_BODY as usize).saturating_sub(body.len());
                body.extend_from_slice(&chunk[..chunk.len().min(room)]);
                if chunk.len() >= room {
                    break;
                }
            }
        };
        // What came until then is told.
        let _ = tokio::time::timeout(http.answer_timeout, read).await;
        let mut refusal = Refusal::new(self.call.clone(), self.status().as_u16());
        refusal.retry_after =
            self.header("retry-after").and_then(|value| retry_after(value, jiff::Timestamp::now()));
        refusal.tell(self.content_type(), &body).without(http.proxy_secrets())
    }
}
