//! Whether a manifest is in a repository, by its tag or digest.

use airlift_oci::{Digest, Repository, Selector};
use reqwest::Method;

use crate::auth::scope::Access;
use crate::error::Error;
use crate::http::response::Response;
use crate::lookup::head_then_get::{HeadTrust, Lookup, decide};
use crate::lookup::proven_heads::ProvenHeads;
use crate::manifests::get::FetchedManifest;
use crate::transport::Transport;

/// A manifest that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundManifest {
    /// Its digest. Proven where it was fetched; else what the registry says, where it does.
    pub digest: Option<Digest>,
    /// Its size in bytes, where the registry says it.
    pub size: Option<u64>,
    /// Its media type, without parameters.
    pub media_type: Option<String>,
    /// The manifest itself, where a GET was needed.
    pub fetched: Option<FetchedManifest>,
}

impl FoundManifest {
    fn said(response: &Response) -> Self {
        FoundManifest {
            digest: response.digest(),
            size: response.size(),
            media_type: response.media_type().map(str::to_owned),
            fetched: None,
        }
    }

    fn proven(digest: Digest, fetched: FetchedManifest) -> Self {
        FoundManifest {
            digest: Some(digest),
            size: Some(fetched.bytes.len() as u64),
            media_type: fetched.content_type.clone(),
            fetched: Some(fetched),
        }
    }
}

impl HeadTrust {
    fn by_manifest(
        self,
        found: Option<&FoundManifest>,
        proven: &ProvenHeads,
        repository: &Repository,
    ) -> bool {
        match (self, found) {
            (HeadTrust::Always, _) | (HeadTrust::IfFound, Some(_)) => true,
            (HeadTrust::IfDigestGiven, Some(found)) => found.digest.is_some(),
            (HeadTrust::IfDigestGiven, None) => proven.holds(repository),
            (HeadTrust::IfDigestIs(digest), Some(found)) => found.digest == Some(digest),
            (HeadTrust::IfFound | HeadTrust::IfDigestIs(_), None) | (HeadTrust::Never(_), _) => false,
        }
    }

    /// The digest of a manifest that was fetched, by the algorithm that matters.
    fn digest(self, selector: &Selector, fetched: &FetchedManifest) -> Digest {
        match (self, selector) {
            (HeadTrust::IfDigestIs(wanted) | HeadTrust::Never(wanted), _) => {
                Digest::of(wanted.algorithm(), &fetched.bytes)
            }
            (_, Selector::Digest(digest)) => *digest,
            (_, Selector::Tag(_)) => fetched.digest_header.unwrap_or_else(|| Digest::sha256(&fetched.bytes)),
        }
    }
}

impl Transport {
    /// Looks for a manifest: by a HEAD, and by a GET if that doesn't settle it.
    ///
    /// # Errors
    /// If there is no answer, or one that says nothing: neither a manifest nor a refusal.
    pub async fn look_up(
        &self,
        repository: &Repository,
        selector: &Selector,
        access: Access,
        trust: HeadTrust,
    ) -> Result<Lookup<FoundManifest>, Error> {
        let head = async {
            if matches!(trust, HeadTrust::Never(_)) {
                return Ok(None);
            }
            let what = format!("{repository} manifest {selector}");
            let request = || self.ask_for_manifest(Method::HEAD, repository, selector, access);
            let found = self.head(what, request).await?.map(|response| FoundManifest::said(&response));
            self.inner.proven_heads.learn(
                repository,
                selector,
                found.as_ref().and_then(|found| found.digest),
            );
            Ok(found)
        };
        let get = async {
            let fetched = self.get_manifest(repository, selector, access).await?;
            Ok(fetched.map(|fetched| FoundManifest::proven(trust.digest(selector, &fetched), fetched)))
        };
        let proven = &self.inner.proven_heads;
        decide(head, |found| trust.by_manifest(found, proven, repository), get).await
    }
}
