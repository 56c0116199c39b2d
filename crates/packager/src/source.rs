//! Where manifests come from: local content, and else registries.
//!
//! Docker Hub counts each GET of a manifest as a pull, but no HEAD. So a tag is asked for its digest, and
//! what that digest names is fetched only if no local content has it.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airlift_bundle::write::kept_manifests::keep_manifests;
use airlift_oci::reference::AskedBy;
use airlift_oci::{Digest, Event, Host, Observer, Remedy, Repository, Selector};
use airlift_registry::{Error, FetchedManifest, HeadTrust, Lookup};
use bytes::Bytes;

use crate::blob_supply::BlobSupply;
use crate::image_clock::ImageClock;
use crate::layouts::Layouts;
use crate::local::LocalContents;
use crate::location::Location;
use crate::registries::{Answer, Registries};

/// Where manifests and blobs come from.
pub struct Source {
    pub(crate) registries: Registries,
    pub(crate) blobs: BlobSupply,
    /// The manifests so far, in case that a limit ends it all.
    seen: Mutex<HashMap<Digest, Bytes>>,
    /// Registries of whose limit a warning was given.
    warned: Mutex<HashSet<Host>>,
    pub(crate) clock: ImageClock,
}

impl Source {
    /// Registries, for what isn't among local content, and the layouts that images are taken from.
    pub fn new(registries: Registries, local: LocalContents, layouts: Layouts) -> Self {
        let blobs = BlobSupply::new(registries.clone(), local, layouts);
        let (seen, warned, clock) = (Mutex::default(), Mutex::default(), ImageClock::default());
        Source { registries, blobs, seen, warned, clock }
    }

    /// The same with a limit for the time that the manifests of one image may take.
    pub fn with_image_timeout(self, limit: Option<Duration>) -> Self {
        Source { clock: ImageClock::new(limit), ..self }
    }

    /// Puts the manifests that there are so far beside the output, where the next run finds them: for runs
    /// that a registry's limit ended. `None` where there are none.
    ///
    /// # Errors
    /// If they can't be written.
    pub fn keep_manifests(&self, output: &Path) -> io::Result<Option<PathBuf>> {
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if seen.is_empty() { Ok(None) } else { keep_manifests(output, seen.iter()).map(Some) }
    }

    /// Says so where a registry allows fewer pulls than `needed`.
    pub(crate) fn warn_of_limit(&self, host: &Host, needed: usize, observer: &dyn Observer) {
        let Some(limit) = self.registries.pull_limit(host) else { return };
        let is_short = limit.remaining < needed as u64;
        if !is_short || !self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone()) {
            return;
        }
        let window = limit.window_in_words().map(|window| format!(" in {window}")).unwrap_or_default();
        let message = format!(
            "{host} allows {} more pulls of {}{window}, and at least {needed} manifests are still to be fetched",
            limit.remaining, limit.limit,
        );
        observer.notice(Event::Warning { message, remedy: Some(Remedy::ReuseBundle) });
    }

    /// The mirror that is asked last for what digests stand for, if it is one.
    pub(crate) fn mirror(&self, location: &Location) -> Option<Repository> {
        self.registries.last_mirror(location.repository()?, AskedBy::Digest)
    }

    /// The mirror that is asked last for the tags of a repository, if it is one.
    pub fn mirror_of_tags(&self, repository: &Repository) -> Option<Repository> {
        self.registries.last_mirror(repository, AskedBy::Tag)
    }

    /// Fetches a manifest from a registry.
    pub(crate) async fn fetch_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
    ) -> Result<Option<Answer<FetchedManifest>>, Error> {
        let fetched = self.registries.get_manifest(repository, selector).await?;
        Ok(fetched.map(|(fetched, place)| (self.kept(selector, fetched), place)))
    }

    fn kept(&self, selector: &Selector, fetched: FetchedManifest) -> FetchedManifest {
        let digest = match selector {
            Selector::Digest(digest) => *digest,
            Selector::Tag(_) => fetched.digest_header.unwrap_or_else(|| Digest::sha256(&fetched.bytes)),
        };
        self.keep(digest, &fetched.bytes);
        fetched
    }

    /// The manifest that a tag or digest stands for at the registry now; `None` if there is none.
    pub(crate) async fn root(
        &self,
        repository: &Repository,
        selector: &Selector,
    ) -> Result<Option<Answer<FetchedManifest>>, Error> {
        if self.blobs.local.is_empty() {
            return self.fetch_manifest(repository, selector).await;
        }
        let (settles, named) = match selector {
            Selector::Digest(digest) => (HeadTrust::IfFound, Some(*digest)),
            Selector::Tag(_) => (HeadTrust::IfDigestGiven, None),
        };
        let (found, place) = self.registries.look_up(repository, selector, settles).await?;
        let found = match found {
            Lookup::There(found) => found,
            Lookup::Absent => return Ok(None),
            Lookup::Hidden(refusal) => return Err(Error::from(*refusal)),
        };
        if let Some(fetched) = found.fetched {
            return Ok(Some((self.kept(selector, fetched), place)));
        }
        let local =
            named.or(found.digest).and_then(|digest| Some((digest, self.blobs.local.manifest(&digest)?)));
        match local {
            Some((digest, bytes)) => {
                let (content_type, digest_header) = (found.media_type, Some(digest));
                Ok(Some((FetchedManifest { bytes, content_type, digest_header, etag: None }, place)))
            }
            None => self.fetch_manifest(repository, selector).await,
        }
    }

    /// The bytes of a manifest that needs no fetching, proven by their digest.
    pub(crate) fn known_manifest(&self, digest: &Digest) -> Option<Bytes> {
        let local = self.blobs.local.manifest(digest).or_else(|| self.blobs.layouts.manifest(digest));
        if let Some(known) = local {
            self.keep(*digest, &known);
            return Some(known);
        }
        // A registry claimed the digest of some of them.
        let seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(digest).cloned();
        seen.filter(|bytes| Digest::sha256(bytes) == *digest)
    }

    fn keep(&self, digest: Digest, bytes: &Bytes) {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(digest, bytes.clone());
    }
}
