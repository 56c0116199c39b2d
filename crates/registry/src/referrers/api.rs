//! What is attached to a manifest: the referrers API with its pages.
//!
//! OCI distribution-spec 1.1, "Listing Referrers". The specification has registries without the API say 404.
//! Real ones say 400, 405, 406, 410 or 501, or answer 200 with a login page or with other content that is no
//! list. All of these mean "ask for the fallback tag", and so does any answer but a list from a website to
//! which a registry sends us. What leaves open whether there is a list is an error, because "no signatures"
//! must never be guessed: a registry in trouble, a limit of requests, credentials that are refused, and a
//! list that can't be read.

use std::collections::HashSet;
use std::ops::ControlFlow;

use airlift_oci::{Descriptor, Digest, Repository, media_type};
use bytes::Bytes;
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::manifests::get::MAX_MANIFEST;
use crate::referrers::page::{AnsweredBy, ClaimedType, ReferrersPage, Verdict, is_list, read_page, verdict};
use crate::transport::Transport;
use crate::transport::urls::repository_url;

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
                ControlFlow::Break(response) => return Ok(response),
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

    async fn page(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
        next: Option<&Url>,
    ) -> Result<ControlFlow<ReferrersAnswer, ReferrersPage>, Error> {
        let retry = self.inner.retry(format!("{repository} referrers of {digest}"));
        let attempt = || async {
            match next {
                None => Ok(self.first_page(repository, digest, access).await?),
                Some(url) => Ok(ControlFlow::Continue(self.further_page(repository, url, access).await?)),
            }
        };
        retry.run(attempt).await
    }

    /// The first page, which shows whether there is the API at all.
    async fn first_page(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
    ) -> Result<ControlFlow<ReferrersAnswer, ReferrersPage>, Error> {
        const NO_API: ControlFlow<ReferrersAnswer, ReferrersPage> =
            ControlFlow::Break(ReferrersAnswer::NoApi);
        let make =
            |base: &Url| Ok(request(repository_url(base, repository, &format!("referrers/{digest}"))?));
        let response = match self.inner.send(&Scope::new(repository, access), make).await {
            // To a place that may not be followed. A list is never there: only what a registry doesn't know
            // is sent away.
            Err(Error::Redirect { .. }) => return Ok(NO_API),
            response => response?,
        };
        let registry = self.inner.registry(repository.host()).await?;
        match verdict(&response, AnsweredBy::of(&response.url, &registry.base)) {
            Verdict::NoApi => return Ok(NO_API),
            Verdict::Refused => return Err(self.inner.refused(response).await),
            Verdict::Withheld => {
                let error = Box::new(self.inner.refused(response).await);
                return Ok(ControlFlow::Break(ReferrersAnswer::Withheld(error)));
            }
            Verdict::Content => {}
        }
        let claim = ClaimedType::of(response.content_type());
        let (response, body) = match self.body(response).await {
            // Too large a page, or a packed one.
            Err(Error::Content { .. }) if claim == ClaimedType::Other => return Ok(NO_API),
            read => read?,
        };
        // There are registries that read any path as a digest; and such that call a list a web page.
        if digest.matches(&body) || (claim != ClaimedType::Index && !is_list(&body)) {
            return Ok(NO_API);
        }
        read_page(&response, &body).map(ControlFlow::Continue)
    }

    /// A further page. The API is there by now, so anything but a list is an error.
    async fn further_page(
        &self,
        repository: &Repository,
        url: &Url,
        access: Access,
    ) -> Result<ReferrersPage, Error> {
        let response = self.inner.send(&Scope::new(repository, access), |_| Ok(request(url.clone()))).await?;
        match response.status() {
            StatusCode::OK if response.is_html() => {
                return Err(Error::content(&response.call, ContentFault::Html));
            }
            StatusCode::OK => {}
            _ => return Err(self.inner.refused(response).await),
        }
        let (response, body) = self.body(response).await?;
        read_page(&response, &body)
    }

    async fn body(&self, mut response: Response) -> Result<(Response, Bytes), Error> {
        response.plain()?;
        let body = response.whole_in_time("list of referrers", MAX_MANIFEST).await?;
        Ok((response, body))
    }
}

fn request(url: Url) -> Request {
    Request::new(Method::GET, url).with(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX))
}
