//! The list of a repository's tags: what a tag selector chooses from. Where a tag can't be looked at, it says
//! whether the tag is there.
//!
//! OCI distribution-spec 1.1, "Listing Tags".

use std::collections::HashSet;
use std::ops::ControlFlow;

use airlift_oci::{Repository, Tag};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::call::Call;
use crate::error::content::ContentFault;
use crate::http::html::is_html;
use crate::http::link::next_page;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

/// More pages than this are not read: then it stays unknown.
const MAX_PAGES: usize = 1_000;
/// More tags of one repository than this are taken for an attack.
const MAX_TAGS: usize = 100_000;
/// The largest page that is read.
const MAX_PAGE: u64 = 4 * 1024 * 1024;
/// All pages together may have so many bytes.
const MAX_LIST: u64 = 64 * 1024 * 1024;
/// After so many pages, a list that has fewer tags than [`LEAST_TAGS`] on each of them is taken for an
/// attack.
const SMALL_PAGES: usize = 100;
/// So many tags a page has at least, on average. Registries have 50 and more.
const LEAST_TAGS: usize = 10;

/// A page, as far as it is needed. Repositories without tags have `null`; what has no such member is no list,
/// and says nothing of tags.
#[derive(Deserialize)]
struct TagPage {
    #[serde(deserialize_with = "Option::deserialize")]
    tags: Option<Vec<String>>,
}

impl Transport {
    /// Whether the repository's list of tags has `tag`. A repository that isn't there has none.
    ///
    /// # Errors
    /// If there is no list, or none that can be read to its end.
    pub async fn lists_tag(&self, repository: &Repository, tag: &Tag, access: Access) -> Result<bool, Error> {
        let found = self.read_tags(repository, access, |_, tags| {
            let is_listed = tags.iter().any(|listed| listed == tag.as_str());
            Ok(if is_listed { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
        });
        match found.await {
            Ok(found) => Ok(found.is_break()),
            Err(error) if is_unknown_repository(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// All tags of a repository, in the order of the registry. A listed text that can't be a tag is left out:
    /// no request can name it.
    ///
    /// # Errors
    /// If the repository isn't there; if there is no list, none that can be read to its end, or one of more
    /// than 100,000 tags.
    pub async fn tags(&self, repository: &Repository, access: Access) -> Result<Vec<Tag>, Error> {
        let mut all = Vec::new();
        let mut listed = 0;
        let read = self.read_tags(repository, access, |call, tags| {
            listed += tags.len();
            if listed > MAX_TAGS {
                let fault = ContentFault::Tags(format!("it has more than {MAX_TAGS} tags"));
                return Err(Error::content(call, fault));
            }
            all.extend(tags.iter().filter_map(|tag| tag.parse::<Tag>().ok()));
            Ok(ControlFlow::Continue(()))
        });
        let _: ControlFlow<()> = read.await?;
        Ok(all)
    }

    /// Reads the list page by page, until `look` breaks off. Only the first page can say that there is no
    /// such repository: a later one that says it breaks off the list.
    async fn read_tags(
        &self,
        repository: &Repository,
        access: Access,
        mut look: impl FnMut(&Call, Vec<String>) -> Result<ControlFlow<()>, Error>,
    ) -> Result<ControlFlow<()>, Error> {
        let (mut visited, mut listed, mut bytes) = (HashSet::new(), 0, 0);
        let mut next: Option<Url> = None;
        loop {
            let page = self.tag_page(repository, access, next.as_ref()).await;
            let is_first = next.is_none();
            let mut response = page.map_err(|error| if is_first { error } else { cut_off(error) })?;
            let call = response.call.clone();
            let fault = |text: &str| Error::content(&call, ContentFault::Tags(text.to_owned()));
            let body = response.whole_in_time("list of tags", MAX_PAGE).await?;
            bytes += body.len() as u64;
            if bytes > MAX_LIST {
                return Err(fault(&format!("it is larger than {MAX_LIST} bytes")));
            }
            let tags = tags_of(&response, &body)?;
            listed += tags.len();
            if look(&call, tags)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
            let is_endless = visited.len() >= SMALL_PAGES && listed < LEAST_TAGS * visited.len();
            match next_page(&response)? {
                None => return Ok(ControlFlow::Continue(())),
                Some(url) if !is_same_list(&response.url, &url) => {
                    return Err(fault("its next page is of another list"));
                }
                Some(url) if !is_endless && visited.len() < MAX_PAGES && visited.insert(url.clone()) => {
                    next = Some(url);
                }
                Some(_) => return Err(fault("its pages don't end")),
            }
        }
    }

    /// One page.
    async fn tag_page(
        &self,
        repository: &Repository,
        access: Access,
        next: Option<&Url>,
    ) -> Result<Response, Error> {
        let scope = Scope::new(repository, access);
        let make = |base: &_| {
            let url = match next {
                Some(url) => url.clone(),
                None => repository_url(base, repository, "tags/list")?,
            };
            Ok(Request::new(Method::GET, url))
        };
        let attempt = || async {
            let response = self.inner.send(&scope, make).await?;
            if response.status() != StatusCode::OK {
                return Err(self.inner.refused(response).await.into());
            }
            response.plain()?;
            Ok(response)
        };
        self.inner.retry(format!("{repository} tags")).run(attempt).await
    }
}

/// The tags of one page.
fn tags_of(response: &Response, body: &[u8]) -> Result<Vec<String>, Error> {
    let page: Result<TagPage, _> = serde_json::from_slice(body);
    page.map(|page| page.tags.unwrap_or_default()).map_err(|error| {
        let fault = match is_html(response.content_type(), body) {
            true => ContentFault::Html,
            false => ContentFault::Tags(error.to_string()),
        };
        Error::content(&response.call, fault)
    })
}

/// Whether the registry says that there is no such repository. A bare 404 may as well mean that there are no
/// such lists, or that this one is hidden.
fn is_unknown_repository(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| refusal.has("NAME_UNKNOWN"))
}

/// What a later page says of the repository: the list broke off there.
fn cut_off(error: Error) -> Error {
    match error.refusal() {
        Some(refusal) if is_unknown_repository(&error) => {
            let fault = ContentFault::Tags(format!("its next page is not there: status {}", refusal.status));
            Error::content(&refusal.call, fault)
        }
        _ => error,
    }
}

/// Whether a page is of the same list as the one before. Artifactory leaves out the start of the repository,
/// which leads to another one. What is in front of `/v2/` is the registry's own matter, and some encode the
/// slashes of a repository.
fn is_same_list(page: &Url, next: &Url) -> bool {
    let list = |url: &Url| {
        let path = url.path().replace("%2F", "/").replace("%2f", "/");
        path.split_once("/v2/").map(|(_, list)| list.to_owned())
    };
    list(page) == list(next)
}
