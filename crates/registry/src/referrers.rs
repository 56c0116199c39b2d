//! What is attached to a manifest: the referrers API with its pages, and the removal of manifests.
//!
//! OCI distribution-spec 1.1, "Listing Referrers". The specification has registries without the API say 404.
//! Real ones say 400, 405, 406, 410 or 501, or answer 200 with a login page or with other content that is no
//! list. All of these mean "ask for the fallback tag", and so does any answer but a list from a website to
//! which a registry sends us. What leaves open whether there is a list is an error, because "no signatures"
//! must never be guessed: a registry in trouble, a limit of requests, credentials that are refused, and a
//! list that can't be read.

use std::collections::HashSet;
use std::ops::ControlFlow;

use airlift_oci::document::Document;
use airlift_oci::{Descriptor, Digest, Repository, Selector, media_type};
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::answer::Answer;
use crate::auth::session::{Access, Login, Scope};
use crate::call::Call;
use crate::error::{ContentFault, Error};
use crate::hop::same_origin;
use crate::http::Ask;
use crate::link::next_page;
use crate::manifest::MAX_MANIFEST;
use crate::refusal::is_html;
use crate::transport::{Transport, place};

/// More pages than this are taken for an attack.
const MAX_PAGES: usize = 1_000;
/// More referrers of one manifest than this are taken for an attack.
const MAX_REFERRERS: usize = 10_000;

/// What a registry answers when it is asked, by the referrers API, what is attached to a manifest.
#[derive(Debug)]
pub enum ReferrersAnswer {
    /// It has the API, and lists these.
    Listed(Vec<Descriptor>),
    /// It doesn't have the API: the fallback tag has the list, if there is one.
    NoApi,
    /// It answers 401 or 403 to a request without credentials. Some registries hide so that they don't have
    /// the API; the fallback tag has the list then. Whether the API would say more after a login can't be
    /// known.
    Withheld(Box<Error>),
}

impl Transport {
    /// The manifests whose `subject` is `digest`, by the referrers API.
    ///
    /// # Errors
    /// If there is no answer, or one that leaves open whether there is a list; if a list can't be read or has
    /// no end.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
    ) -> Result<ReferrersAnswer, Error> {
        let mut found = Vec::new();
        let mut visited = HashSet::new();
        let mut next: Option<Url> = None;
        loop {
            let page = match self.page(repository, digest, access, next.as_ref()).await? {
                ControlFlow::Continue(page) => page,
                ControlFlow::Break(answer) => return Ok(answer),
            };
            found.extend(page.referrers);
            match page.next {
                None => return Ok(ReferrersAnswer::Listed(found)),
                Some(url) => {
                    let endless = !visited.insert(url.clone())
                        || visited.len() >= MAX_PAGES
                        || found.len() > MAX_REFERRERS;
                    if endless {
                        return Err(Error::content(&page.call, ContentFault::Endless));
                    }
                    next = Some(url);
                }
            }
        }
    }

    /// Deletes a manifest; one that isn't there is deleted.
    ///
    /// # Errors
    /// If the registry doesn't allow it.
    pub async fn delete_manifest(&self, repository: &Repository, selector: &Selector) -> Result<(), Error> {
        let scope = Scope::new(repository, Access::Push);
        let make = |base: &_| {
            Ok(Ask::new(Method::DELETE, place(base, repository, &format!("manifests/{selector}"))?))
        };
        let answer = self.inner.send(&scope, make).await?;
        match answer.status() {
            StatusCode::NOT_FOUND => Ok(()),
            status if status.is_success() => Ok(()),
            _ => Err(self.inner.refused(answer).await),
        }
    }

    async fn page(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
        next: Option<&Url>,
    ) -> Result<ControlFlow<ReferrersAnswer, Page>, Error> {
        let mut retry = self.inner.retry(format!("{repository} referrers of {digest}"));
        loop {
            let page = match next {
                None => self.first_page(repository, digest, access).await,
                Some(url) => self.further_page(repository, url, access).await.map(ControlFlow::Continue),
            };
            match page {
                Ok(page) => return Ok(page),
                Err(error) => retry.pause_or_give_up(error).await?,
            }
        }
    }

    /// The first page, which shows whether there is the API at all.
    async fn first_page(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
    ) -> Result<ControlFlow<ReferrersAnswer, Page>, Error> {
        const NO_API: ControlFlow<ReferrersAnswer, Page> = ControlFlow::Break(ReferrersAnswer::NoApi);
        let make = |base: &Url| Ok(ask(place(base, repository, &format!("referrers/{digest}"))?));
        let answer = match self.inner.send(&Scope::new(repository, access), make).await {
            // To a place that may not be followed. A list is never there: only what a registry doesn't know
            // is sent away.
            Err(Error::Redirect { .. }) => return Ok(NO_API),
            answer => answer?,
        };
        let registry = self.inner.registry(repository.host()).await?;
        match verdict(&answer, Speaker::of(&answer.url, &registry.base)) {
            Verdict::NoApi => return Ok(NO_API),
            Verdict::Refused => return Err(self.inner.refused(answer).await),
            Verdict::Withheld => {
                let error = Box::new(self.inner.refused(answer).await);
                return Ok(ControlFlow::Break(ReferrersAnswer::Withheld(error)));
            }
            Verdict::Content => {}
        }
        let claim = Claim::of(answer.content_type());
        let (answer, body) = match self.body(answer).await {
            // Too large a page, or a packed one.
            Err(Error::Content { .. }) if claim == Claim::Other => return Ok(NO_API),
            read => read?,
        };
        // There are registries that read any path as a digest; and such that call a list a web page.
        if digest.matches(&body) || (claim != Claim::Index && !is_list(&body)) {
            return Ok(NO_API);
        }
        read_page(&answer, &body).map(ControlFlow::Continue)
    }

    /// A further page. The API is there by now, so whatever isn't a list is an error.
    async fn further_page(&self, repository: &Repository, url: &Url, access: Access) -> Result<Page, Error> {
        let answer = self.inner.send(&Scope::new(repository, access), |_| Ok(ask(url.clone()))).await?;
        match answer.status() {
            StatusCode::OK if is_html(answer.content_type(), &[]) => {
                return Err(Error::content(&answer.call, ContentFault::Html));
            }
            StatusCode::OK => {}
            _ => return Err(self.inner.refused(answer).await),
        }
        let (answer, body) = self.body(answer).await?;
        read_page(&answer, &body)
    }

    async fn body(&self, mut answer: Answer) -> Result<(Answer, Bytes), Error> {
        answer.plain()?;
        let call = answer.call.clone();
        let body = answer.whole(&self.inner.http, "list of referrers", MAX_MANIFEST);
        let body = self.inner.soon(&call, body).await?;
        Ok((answer, body))
    }
}

fn ask(url: Url) -> Ask {
    Ask::new(Method::GET, url).with(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX))
}

/// What an answer's status says of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Its content tells.
    Content,
    /// There is no such API.
    NoApi,
    /// It may be there, for those who log in.
    Withheld,
    /// An error.
    Refused,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Speaker {
    /// The registry.
    Registry,
    /// The same API on another host, to which the registry had sent us: it may keep the list.
    OtherRegistry,
    /// Any other place to which the registry had sent us, such as its website.
    Elsewhere,
}

impl Speaker {
    fn of(url: &Url, base: &Url) -> Self {
        match url.path() {
            _ if same_origin(url, base) => Speaker::Registry,
            path if path.starts_with("/v2/") && path.contains("/referrers/") => Speaker::OtherRegistry,
            _ => Speaker::Elsewhere,
        }
    }
}

fn verdict(answer: &Answer, speaker: Speaker) -> Verdict {
    let has_credentials = matches!(answer.note.as_deref(), Some(Login::Known { .. }));
    match answer.status().as_u16() {
        200 => Verdict::Content,
        // It keeps no list, so its refusals, limits and troubles say nothing of ours.
        _ if speaker == Speaker::Elsewhere => Verdict::NoApi,
        // Another host got no credentials.
        401 | 403 if speaker == Speaker::OtherRegistry => Verdict::NoApi,
        401 | 403 if has_credentials => Verdict::Refused,
        401 | 403 => Verdict::Withheld,
        408 | 425 | 429 => Verdict::Refused,
        501 => Verdict::NoApi,
        500.. => Verdict::Refused,
        _ => Verdict::NoApi,
    }
}

/// What an answer's `Content-Type` says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Claim {
    /// It is an index.
    Index,
    /// Nothing in particular.
    Open,
    /// It is something else.
    Other,
}

impl Claim {
    fn of(content_type: Option<&str>) -> Self {
        let bare = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match bare.to_ascii_lowercase().as_str() {
            media_type::OCI_INDEX | media_type::DOCKER_LIST => Claim::Index,
            "" | "application/json" | "text/json" | "text/plain" | "application/octet-stream" => Claim::Open,
            _ => Claim::Other,
        }
    }
}

/// Whether a body of no particular type is meant as a list of referrers, readable or not.
fn is_list(body: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    let is_index = value.get("mediaType").is_some_and(|own| own == media_type::OCI_INDEX);
    is_index || value.get("manifests").is_some()
}

fn read_page(answer: &Answer, body: &[u8]) -> Result<Page, Error> {
    let call = answer.call.clone();
    let unreadable = |why: String| Error::content(&call, ContentFault::Referrers(why));
    let document = Document::parse(body).map_err(|error| unreadable(error.to_string()))?;
    let is_index = document.media_type.as_deref() == Some(media_type::OCI_INDEX);
    let referrers = match document.manifests {
        Some(referrers) => referrers,
        // An empty list, as Go writes it down.
        None if is_index => Vec::new(),
        None => return Err(unreadable("it lacks 'manifests'".to_owned())),
    };
    Ok(Page { referrers, next: next_page(answer)?, call })
}

/// One page of a list.
struct Page {
    referrers: Vec<Descriptor>,
    next: Option<Url>,
    call: Call,
}
