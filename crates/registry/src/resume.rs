//! An upload session: where it goes on, and what the registry has of one that broke.
//!
//! OCI distribution-spec 1.1, "Pushing a blob in chunks": a GET of the session's location is answered by 204
//! with `Range: 0-N` and, for what comes next, `Location`; some say 200 or 202. Many registries drop a
//! session with its connection, some write `bytes=0-N`, some leave out the location. Whatever doesn't make
//! sense means that the session is lost, which costs an upload from the start and nothing else: the digest is
//! proven at the end.

use std::sync::Arc;

use airlift_oci::{Digest, Repository};
use reqwest::header::HeaderValue;
use reqwest::{Method, StatusCode, Url};

use crate::answer::Answer;
use crate::auth::session::{Access, Login, Scope};
use crate::call::Given;
use crate::error::{ContentFault, Error};
use crate::hop::same_origin;
use crate::http::{Ask, Http};
use crate::transport::Inner;

/// An upload session that a registry opened.
#[derive(Clone)]
pub(crate) struct Session {
    url: Url,
    /// Only where the session is at the registry's own origin.
    authorization: Option<HeaderValue>,
    note: Option<Arc<Login>>,
    /// Who gave the URL, where it leads away from the registry.
    given: Option<Given>,
    /// The blob's bytes that went out at most, from its start.
    pub(crate) sent: u64,
}

/// What became of an upload that broke.
pub(crate) enum Standing {
    /// The blob is there.
    Done,
    /// The registry has this many bytes of it.
    At(Session, u64),
    /// There is no such session (any more), or it can't be gone on with.
    Lost,
}

impl Session {
    /// The session of a POST that was accepted.
    pub(crate) fn opened(http: &Http, answer: &Answer) -> Result<Self, Error> {
        let location = answer.header("location");
        let location = location.ok_or_else(|| Error::content(&answer.call, ContentFault::Location))?;
        Ok(Self::at(http.hop(answer, location)?, answer))
    }

    fn at(url: Url, answer: &Answer) -> Self {
        let authorization = answer.authorization_for(&url);
        let given = match same_origin(&url, &answer.url) {
            true => answer.given(),
            false => Some(Given::by(&answer.url, "the Location header")),
        };
        Session { url, authorization, note: answer.note.clone(), given, sent: 0 }
    }

    /// The session as it goes on after `answer`: where that says, and with the authorization that was good
    /// for it.
    pub(crate) fn moved(self, http: &Http, answer: &Answer) -> Result<Self, Error> {
        let url = match answer.header("location") {
            Some(location) => http.hop(answer, location)?,
            None => self.url,
        };
        Ok(Session { sent: self.sent, ..Self::at(url, answer) })
    }

    /// The session when `sent` bytes of the blob may have got there.
    pub(crate) fn after(self, sent: u64) -> Self {
        Session { sent, ..self }
    }

    /// A request to the session; with a digest, the one that ends it.
    pub(crate) fn request(&self, method: Method, digest: Option<&Digest>) -> Ask {
        let mut url = self.url.clone();
        if let Some(digest) = digest {
            // What the registry wrote stays as it is; a digest has no character that a query can't hold.
            let query = match url.query().filter(|query| !query.is_empty()) {
                Some(query) => format!("{query}&digest={digest}"),
                None => format!("digest={digest}"),
            };
            url.set_query(Some(&query));
        }
        let mut ask = Ask::new(method, url);
        ask.authorization = self.authorization.clone();
        ask.given = self.given.clone();
        ask
    }

    /// An answer to such a request, with what is known of the authorization.
    pub(crate) fn noted(&self, answer: Answer) -> Answer {
        let same = same_origin(&answer.url, &self.url);
        let authorization = self.authorization.clone().filter(|_| same);
        Answer { note: self.note.clone(), authorization, ..answer }
    }

    /// Asks the registry how much it has of a blob of `size` bytes. An error is one that passes.
    pub(crate) async fn ask(
        &self,
        inner: &Inner,
        repository: &Repository,
        size: u64,
    ) -> Result<Standing, Error> {
        let answer = match self.status(inner, repository).await {
            Ok(answer) if matches!(answer.status().as_u16(), 200 | 202 | 204) => answer,
            Ok(answer) => return lost_unless_passing(inner.refused(answer).await),
            Err(error) => return lost_unless_passing(error),
        };
        let offset =
            answer.header("range").and_then(span).filter(|(first, _)| *first == 0).map(|(_, end)| end);
        // `0-0` is one byte, or none: registries differ, and there is nothing to gain.
        match offset.filter(|offset| *offset > 1 && *offset <= self.sent.min(size)) {
            Some(offset) => match self.clone().moved(&inner.http, &answer) {
                Ok(session) => Ok(Standing::At(session, offset)),
                Err(_) => Ok(Standing::Lost),
            },
            None => Ok(Standing::Lost),
        }
    }

    async fn status(&self, inner: &Inner, repository: &Repository) -> Result<Answer, Error> {
        if self.authorization.is_none() {
            let ask = self.request(Method::GET, None);
            return inner
                .http
                .send(ask, Some(inner.http.idle_timeout))
                .await
                .map(|answer| self.noted(answer));
        }
        // At the registry itself, where an authorization that expired meanwhile is renewed.
        let scope = Scope::new(repository, Access::Push);
        inner.send(&scope, |_| Ok(Ask::new(Method::GET, self.url.clone()))).await
    }
}

fn lost_unless_passing(error: Error) -> Result<Standing, Error> {
    match error {
        error if error.is_passing() => Err(error),
        _ => Ok(Standing::Lost),
    }
}

/// How much of the blob the registry has after a piece from `start` to `end`, as its answer says. `None`: it
/// says something else, or nothing where it should.
pub(crate) fn reached(answer: &Answer, start: u64, end: u64) -> Option<u64> {
    let Some(range) = answer.header("range") else {
        // By 202 it says that it goes on behind the piece. Other answers mean many things.
        return (answer.status() == StatusCode::ACCEPTED).then_some(end);
    };
    match span(range)? {
        // One registry counts where others name the last byte; some name the piece alone.
        (first, reached) if first == 0 || first == start => match reached {
            reached if reached == end || reached == end + 1 => Some(end),
            reached if reached > start && reached < end => Some(reached),
            _ => None,
        },
        _ => None,
    }
}

/// First and end of `0-N`, `bytes=0-N` or `bytes 0-N/SIZE`: the end is behind the last byte.
fn span(range: &str) -> Option<(u64, u64)> {
    let range = range.trim();
    let range = match range.get(..5) {
        Some(unit) if unit.eq_ignore_ascii_case("bytes") => range[5..].trim_start_matches([' ', '=']),
        _ => range,
    };
    let (range, _) = range.split_once('/').unwrap_or((range, ""));
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let text = text.trim();
        text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    Some((number(first)?, number(last)?.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::span;

    #[test]
    fn reads_how_far_an_upload_is() {
        for (range, expected) in [
            ("0-99", Some((0, 100))),
            ("bytes=0-99", Some((0, 100))),
            ("Bytes 0-99", Some((0, 100))),
            ("bytes 0-99/200", Some((0, 100))),
            ("0-99/*", Some((0, 100))),
            (" 0 - 0 ", Some((0, 1))),
            ("1-99", Some((1, 100))),
            ("0-", None),
            ("0--1", None),
            ("0-+1", None),
            ("0-18446744073709551615", None),
            ("99", None),
            ("bytes", None),
            ("é0-9", None),
            ("", None),
        ] {
            assert_eq!(span(range), expected, "{range:?}");
        }
    }
}
