//! The list of a repository's tags: where a tag can't be looked at, it says whether the tag is there.
//!
//! OCI distribution-spec 1.1, "Listing Tags".

use std::collections::HashSet;

use airlift_oci::{Repository, Tag};
use reqwest::{Method, StatusCode, Url};
use serde::Deserialize;

use crate::auth::scope::{Access, Scope};
use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::link::next_page;
use crate::http::request::Request;
use crate::http::response::Response;
use crate::transport::Transport;
use crate::transport::urls::repository_url;

/// More pages than this are not read: then it stays unknown.
const MAX_PAGES: usize = 1_000;
/// The largest page that is read.
const MAX_PAGE: u64 = 4 * 1024 * 1024;

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
        let mut visited = HashSet::new();
        let mut next: Option<Url> = None;
        loop {
            let Some(mut response) = self.tag_list(repository, access, next.as_ref()).await? else {
                return Ok(false);
            };
            let call = response.call.clone();
            let body = response.whole_in_time("list of tags", MAX_PAGE).await?;
            let page: TagPage = serde_json::from_slice(&body)
                .map_err(|error| Error::content(&call, ContentFault::Tags(error.to_string())))?;
            if page.tags.unwrap_or_default().iter().any(|listed| listed == tag.as_str()) {
                return Ok(true);
            }
            match next_page(&response)? {
                None => return Ok(false),
                Some(url) if visited.len() < MAX_PAGES && visited.insert(url.clone()) => next = Some(url),
                Some(_) => {
                    let endless = ContentFault::Tags("its pages don't end".to_owned());
                    return Err(Error::content(&call, endless));
                }
            }
        }
    }

    /// One page; `None` where the registry says that there is no such repository.
    async fn tag_list(
        &self,
        repository: &Repository,
        access: Access,
        next: Option<&Url>,
    ) -> Result<Option<Response>, Error> {
        let scope = Scope::new(repository, access);
        let make = |base: &_| {
            let url = match next {
                Some(url) => url.clone(),
                None => repository_url(base, repository, "tags/list")?,
            };
            Ok(Request::new(Method::GET, url))
        };
        let attempt = || async {
            let error = match self.inner.send(&scope, make).await {
                Ok(response) if response.status() == StatusCode::OK => {
                    response.plain()?;
                    return Ok(Some(response));
                }
                Ok(response) => self.inner.refused(response).await,
                Err(error) => error,
            };
            // A bare 404 may as well mean that there are no such lists, or that this one is hidden.
            if next.is_none() && error.refusal().is_some_and(|refusal| refusal.has("NAME_UNKNOWN")) {
                return Ok(None);
            }
            Err(error.into())
        };
        self.inner.retry(format!("{repository} tags")).run(attempt).await
    }
}
