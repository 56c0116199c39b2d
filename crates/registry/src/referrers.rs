//! What is attached to a manifest: the referrers API with its pages, and the removal of manifests.
//!
//! OCI distribution-spec 1.1, "Listing Referrers". A registry without the API says 404, which is the one answer that means
//! "ask for the fallback tag"; any other refusal is an error, because "no signatures" must never be guessed.

use std::collections::HashSet;

use airlift_bundle::document::Document;
use airlift_bundle::{Descriptor, Digest, media_type};
use reqwest::header::{ACCEPT, HeaderValue};
use reqwest::{Method, StatusCode, Url};

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::error::{ContentFault, Error};
use crate::hop::same_origin;
use crate::http::Ask;
use crate::manifest::MAX_MANIFEST;
use crate::reference::{Repository, Selector};
use crate::refusal::is_html;
use crate::transport::{Transport, place};

/// More pages than this are taken for an attack.
const MAX_PAGES: usize = 1_000;
/// More referrers of one manifest than this are taken for an attack.
const MAX_REFERRERS: usize = 10_000;

/// The tag under which registries without the referrers API keep the list of what is attached to `digest`
/// (distribution-spec 1.1, "Referrers Tag Schema"): at most 64 digits of it, whatever its algorithm.
pub fn fallback_tag(digest: &Digest) -> String {
    let mut hex = digest.hex();
    hex.truncate(64);
    format!("{}-{hex}", digest.algorithm())
}

impl Transport {
    /// The manifests whose `subject` is `digest`, by the referrers API. `None`: the registry doesn't have it (404).
    ///
    /// # Errors
    /// If there is no answer, or one that is neither a list nor 404; if the pages don't end.
    pub async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
    ) -> Result<Option<Vec<Descriptor>>, Error> {
        let mut found = Vec::new();
        let mut visited = HashSet::new();
        let mut next: Option<Url> = None;
        loop {
            let Some(page) = self.page(repository, digest, access, next.as_ref()).await? else {
                return Ok(None);
            };
            found.extend(page.referrers);
            match page.next {
                None => return Ok(Some(found)),
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
    ) -> Result<Option<Page>, Error> {
        let mut retry = self.inner.retry(format!("{repository} referrers of {digest}"));
        loop {
            match self.page_once(repository, digest, access, next).await {
                Ok(page) => return Ok(page),
                Err(error) => retry.pause_or_give_up(error).await?,
            }
        }
    }

    async fn page_once(
        &self,
        repository: &Repository,
        digest: &Digest,
        access: Access,
        next: Option<&Url>,
    ) -> Result<Option<Page>, Error> {
        let make = |base: &Url| {
            let url = match next {
                Some(url) => url.clone(),
                None => place(base, repository, &format!("referrers/{digest}"))?,
            };
            Ok(Ask::new(Method::GET, url).with(ACCEPT, HeaderValue::from_static(media_type::OCI_INDEX)))
        };
        let answer = self.inner.send(&Scope::new(repository, access), make).await?;
        match answer.status() {
            StatusCode::OK if is_html(answer.content_type(), &[]) => {
                return Err(Error::content(&answer.call, ContentFault::Html));
            }
            StatusCode::OK => {}
            StatusCode::NOT_FOUND if next.is_none() => return Ok(None),
            _ => return Err(self.inner.refused(answer).await),
        }
        let mut answer = answer.plain()?;
        let call = answer.call.clone();
        let body = answer.whole(&self.inner.http, "list of referrers", MAX_MANIFEST);
        let body = self.inner.soon(&call, body).await?;
        let document = Document::parse(&body)
            .map_err(|error| Error::content(&call, ContentFault::Referrers(error.to_string())))?;
        let referrers = document.manifests.ok_or_else(|| {
            Error::content(&call, ContentFault::Referrers("it lacks 'manifests'".to_owned()))
        })?;
        Ok(Some(Page { referrers, next: next_page(&answer)?, call }))
    }
}

/// One page of a list.
struct Page {
    referrers: Vec<Descriptor>,
    next: Option<Url>,
    call: crate::error::Call,
}

/// Where the `Link` header leads, if it says `rel="next"` (RFC 8288). It must stay at the registry.
fn next_page(answer: &Answer) -> Result<Option<Url>, Error> {
    let Some(target) = answer.header("link").and_then(next_target) else { return Ok(None) };
    let unusable = |target: String, reason| Error::Redirect { call: answer.call.clone(), target, reason };
    match answer.url.join(target) {
        Ok(url) if same_origin(&answer.url, &url) => Ok(Some(url)),
        Ok(url) => Err(unusable(crate::error::redacted(&url), "the next page is at another host")),
        Err(_) => Err(unusable("an unreadable address".to_owned(), "the next page has no usable address")),
    }
}

fn next_target(header: &str) -> Option<&str> {
    header.split(',').find_map(|link| {
        let (target, parameters) = link.trim().strip_prefix('<')?.split_once('>')?;
        let is_next = parameters.split(';').any(|parameter| {
            let (name, value) = parameter.trim().split_once('=').unwrap_or_default();
            name.eq_ignore_ascii_case("rel") && value.trim_matches('"').eq_ignore_ascii_case("next")
        });
        is_next.then_some(target)
    })
}

#[cfg(test)]
mod tests {
    use airlift_bundle::{Algorithm, Digest};

    use super::{fallback_tag, next_target};

    #[test]
    fn fallback_tags_are_cut_to_what_tags_may_have() {
        let digest = Digest::sha256(b"x");
        assert_eq!(fallback_tag(&digest), format!("sha256-{}", digest.hex()));
        let long = Digest::of(Algorithm::Sha512, b"x");
        assert_eq!(fallback_tag(&long), format!("sha512-{}", &long.hex()[..64]));
    }

    #[test]
    fn finds_the_next_page() {
        assert_eq!(next_target(r#"</v2/x?n=1&last=a>; rel="next""#), Some("/v2/x?n=1&last=a"));
        assert_eq!(next_target("</a>; rel=prev, </b>; title=x; REL=next"), Some("/b"));
        for other in ["", "</a>", "</a>; rel=prev", "garbage; rel=next", "<a; rel=next"] {
            assert_eq!(next_target(other), None, "{other}");
        }
    }
}
