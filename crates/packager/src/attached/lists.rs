//! Lists of what is attached: by the referrers API, and where that isn't, under the fallback tag.
//!
//! The API filters, so an entry that speaks of another subject is an error. Anyone can write a tag, and some
//! registries read `sha256-<hex>` as the digest itself and answer with the subject. So an index under the
//! fallback tag is a list only as far as its entries are referrers; what isn't is left alone. An entry that
//! is gone is not carried, with a warning: to carry no attachments at all would lose more.

use std::sync::PoisonError;

use airlift_oci::graph::fallback_tag;
use airlift_oci::media_type::Kind;
use airlift_oci::reference::AskedBy;
use airlift_oci::{Descriptor, Digest, ManifestError, Node, RawManifest, Selector};
use airlift_registry::{Error, ReferrersAnswer};
use futures::{StreamExt, TryStreamExt};

use crate::attached::error::AttachedError;
use crate::attached::lookup::{Gatherer, Gone, MAX_ATTACHED, Subject, resolved};
use crate::location::Location;
use crate::resolved::Resolved;

/// Where a list comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
enum ListSource {
    Api,
    /// The fallback tag of that name.
    Tag(String),
}

/// What a list's entry turned out to be.
enum Entry {
    Referrer(Box<Resolved>),
    /// The repository has no such manifest.
    Gone,
    /// It speaks of another subject, or of none.
    Stranger(Option<Digest>),
}

impl Gatherer<'_> {
    /// The referrers of a manifest.
    pub(super) async fn referrers(&self, subject: &Subject) -> Result<Vec<Resolved>, AttachedError> {
        let (list, listed) = self.listed(subject).await?;
        let (mut found, mut strangers, total) = (Vec::new(), Vec::new(), listed.len());
        let asks: Vec<_> = listed.iter().map(|descriptor| self.entry(subject, descriptor, &list)).collect();
        let entries: Vec<Entry> = futures::stream::iter(asks).buffered(self.requests).try_collect().await?;
        for (descriptor, entry) in listed.iter().zip(entries) {
            match (entry, &list) {
                (Entry::Referrer(referrer), _) => found.push(*referrer),
                (Entry::Gone, _) => self.warn_of_gone(subject, descriptor),
                (Entry::Stranger(_), ListSource::Tag(_)) => strangers.push(descriptor.digest),
                (Entry::Stranger(says), ListSource::Api) => {
                    let (repository, digest) = (subject.repository.clone(), descriptor.digest);
                    return Err(AttachedError::OtherSubject {
                        repository,
                        subject: subject.digest,
                        digest,
                        says,
                    });
                }
            }
        }
        if let ListSource::Tag(tag) = &list {
            if !strangers.is_empty() && strangers.len() == total {
                self.warn_of_no_list(subject, tag);
            } else {
                strangers.iter().for_each(|stranger| self.warn_of_stranger(subject, tag, stranger));
            }
        }
        Ok(found)
    }

    /// What the referrers API lists; where there is none, what the fallback tag lists.
    async fn listed(&self, subject: &Subject) -> Result<(ListSource, Vec<Descriptor>), AttachedError> {
        let Subject { repository, digest } = subject;
        let api = self.source.registries.referrers(repository, digest).await;
        match api.map_err(|source| self.registry_error(subject, AskedBy::Digest, source))? {
            ReferrersAnswer::Listed(listed) => return Ok((ListSource::Api, listed)),
            ReferrersAnswer::NoApi => {}
            ReferrersAnswer::Withheld(error) => self.warn_of_withheld(subject, &error),
        }
        let tag = fallback_tag(digest);
        let listed = self.listed_by_tag(subject, &tag).await?;
        if listed.len() > MAX_ATTACHED {
            let location = Location::Registry(repository.clone());
            return Err(AttachedError::Limit { location, limit: MAX_ATTACHED, what: "attached manifests" });
        }
        Ok((ListSource::Tag(tag), listed))
    }

    /// The entries of the index under the fallback tag. A manifest that is no index, or is the subject
    /// itself, lists nothing.
    async fn listed_by_tag(&self, subject: &Subject, tag: &str) -> Result<Vec<Descriptor>, AttachedError> {
        match self.tagged(subject, tag).await {
            Ok(None) => Ok(Vec::new()),
            Ok(Some(found)) if subject.digest.matches(found.bytes()) => Ok(Vec::new()),
            Ok(Some(found)) => match found.node() {
                Node::Index(listed) => Ok(listed.read()),
                Node::Manifest { .. } | Node::Artifact(_) => {
                    self.warn_of_no_list(subject, tag);
                    Ok(Vec::new())
                }
            },
            Err(AttachedError::Manifest {
                source: ManifestError::Unsupported { .. } | ManifestError::Schema1 { .. },
                ..
            }) => {
                self.warn_of_no_list(subject, tag);
                Ok(Vec::new())
            }
            Err(error) => Err(error),
        }
    }

    async fn entry(
        &self,
        subject: &Subject,
        descriptor: &Descriptor,
        list: &ListSource,
    ) -> Result<Entry, AttachedError> {
        let (repository, digest) = (&subject.repository, descriptor.digest);
        if matches!(descriptor.kind(), Kind::Blob | Kind::Schema1) {
            // An index under a tag may name anything; a blob is no referrer.
            if *list != ListSource::Api {
                return Ok(Entry::Stranger(None));
            }
            // Not asked for: a registry may well answer 404 for a type that it doesn't know.
            let media_type = descriptor.media_type.clone();
            let unsupported = ManifestError::Unsupported { digest, media_type };
            return Err(self.manifest_error(subject, AskedBy::Digest, unsupported));
        }
        let (bytes, content_type) = match self.source.known_manifest(&digest) {
            Some(bytes) => (bytes, None),
            None => {
                let fetched = self.source.fetch_manifest(repository, &Selector::Digest(digest)).await;
                match fetched.map_err(|source| self.registry_error(subject, AskedBy::Digest, source))? {
                    Some((fetched, _)) => (fetched.bytes, fetched.content_type),
                    None => return Ok(Entry::Gone),
                }
            }
        };
        let manifest = RawManifest::prove(bytes, descriptor)
            .and_then(|raw| raw.announced_as(content_type.as_deref()))
            .map_err(|source| self.manifest_error(subject, AskedBy::Digest, source))?;
        let says = manifest.subject().map(|subject| subject.digest);
        if says != Some(subject.digest) {
            return Ok(Entry::Stranger(says));
        }
        let reference = format!("{repository}@{digest}");
        Ok(Entry::Referrer(Box::new(resolved(subject, manifest, reference))))
    }

    fn warn_of_gone(&self, subject: &Subject, descriptor: &Descriptor) {
        let (Subject { repository, digest: on }, digest) = (subject, descriptor.digest);
        let kind = descriptor.artifact_type.as_deref().map(|kind| format!(" ({})", kind.escape_debug()));
        let kind = kind.unwrap_or_default();
        let message = format!(
            "{digest}{kind} is listed as attached to {on} in {repository}, but is not there: the bundle does not have it"
        );
        if self.warn(message) {
            let gone = Gone { subject: subject.clone(), digest };
            self.gone.lock().unwrap_or_else(PoisonError::into_inner).push(gone);
        }
    }

    fn warn_of_no_list(&self, subject: &Subject, tag: &str) {
        let Subject { repository, digest } = subject;
        self.warn(format!(
            "{repository}:{tag} should list what is attached to {digest}, but is no list of it: nothing is taken from there"
        ));
    }

    fn warn_of_stranger(&self, subject: &Subject, tag: &str, stranger: &Digest) {
        let Subject { repository, digest } = subject;
        self.warn(format!(
            "{repository}:{tag} lists {stranger} as attached to {digest}, but it is not: it is left out"
        ));
    }

    fn warn_of_withheld(&self, subject: &Subject, error: &Error) {
        let Subject { repository, .. } = subject;
        // Without the digest in the error, of which there is one for each manifest.
        let status =
            error.refusal().map_or_else(String::new, |refusal| format!(" (status {})", refusal.status));
        self.warn(format!(
            "{repository}: without a login, the registry does not say by the referrers API what is attached{status}; \
             only the fallback tags and cosign's tags are taken. If signatures are missing, log in and build again"
        ));
    }
}
