//! Looks for what is attached, level by level.

use std::collections::HashSet;
use std::sync::PoisonError;

use airlift_oci::Digest;
use airlift_oci::graph::COSIGN_SUFFIXES;
use futures::{StreamExt, TryStreamExt};

use crate::attached::error::AttachedError;
use crate::attached::lookup::{Gatherer, Gone, MAX_ATTACHED, Subject, resolved};
use crate::location::Location;
use crate::resolved::Resolved;

/// Attached to attached to attached…: more levels than this count as an attack.
const MAX_DEPTH: usize = 8;

/// A manifest that is carried, to which something may be attached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct CarriedManifest {
    pub(crate) location: Location,
    pub(crate) digest: Digest,
}

/// Attached content, and attached content that is missing.
#[derive(Default)]
pub(crate) struct Gathered {
    pub(crate) found: Vec<Resolved>,
    pub(crate) gone: Vec<Gone>,
}

impl Gatherer<'_> {
    /// Everything attached to these manifests, and to what is found, each once for each repository.
    pub(crate) async fn gather(self, subjects: Vec<CarriedManifest>) -> Result<Gathered, AttachedError> {
        let found = self.levels(subjects).await?;
        Ok(Gathered { found, gone: self.gone.into_inner().unwrap_or_else(PoisonError::into_inner) })
    }

    async fn levels(&self, subjects: Vec<CarriedManifest>) -> Result<Vec<Resolved>, AttachedError> {
        let mut asked: HashSet<CarriedManifest> = HashSet::new();
        let mut names: HashSet<String> = HashSet::new();
        let mut found: Vec<Resolved> = Vec::new();
        let mut level = subjects;
        for depth in 0.. {
            level.retain(|subject| asked.insert(subject.clone()));
            let Some(first) = level.first() else { break };
            let limit = |limit, what| AttachedError::Limit { location: first.location.clone(), limit, what };
            if depth > MAX_DEPTH {
                return Err(limit(MAX_DEPTH, "levels of attachments"));
            }
            let asks: Vec<_> = level.iter().map(|subject| self.attached_to(subject)).collect();
            let answers: Vec<Vec<Resolved>> =
                futures::stream::iter(asks).buffered(self.requests).try_collect().await?;
            let mut next = Vec::new();
            for resolved in answers.into_iter().flatten() {
                if names.insert(resolved.key()) {
                    let (location, digest) = (resolved.location.clone(), resolved.manifest.digest());
                    next.push(CarriedManifest { location, digest });
                    found.push(resolved);
                }
            }
            if found.len() > MAX_ATTACHED {
                return Err(limit(MAX_ATTACHED, "attached manifests"));
            }
            level = next;
        }
        Ok(found)
    }

    async fn attached_to(&self, manifest: &CarriedManifest) -> Result<Vec<Resolved>, AttachedError> {
        match &manifest.location {
            Location::Registry(repository) => {
                let subject = Subject { repository: repository.clone(), digest: manifest.digest };
                self.at_registry(&subject).await
            }
            Location::Layout(location) => {
                let found = self.source.blobs.layouts.attached_to(location, &manifest.digest)?;
                Ok(found.into_iter().map(Resolved::from).collect())
            }
        }
    }

    async fn at_registry(&self, subject: &Subject) -> Result<Vec<Resolved>, AttachedError> {
        let tags = COSIGN_SUFFIXES.map(|suffix| cosign_tag(&subject.digest, suffix));
        let asks: Vec<_> = tags.iter().map(|tag| self.tagged(subject, tag)).collect();
        let tagged = futures::stream::iter(asks).buffered(self.requests).try_collect::<Vec<_>>();
        let (mut found, tagged) = match self.requests {
            1 => (self.referrers(subject).await?, tagged.await?),
            // All at once: the answers are small, and most of them are "nothing".
            _ => futures::try_join!(self.referrers(subject), tagged)?,
        };
        for (tag, manifest) in tags.iter().zip(tagged) {
            let reference = format!("{}:{tag}", subject.repository);
            found.extend(manifest.map(|manifest| resolved(subject, manifest, reference)));
        }
        Ok(found)
    }
}

/// The tag under which cosign keeps what it attached; it uses the whole digest, so there is none for long
/// ones.
fn cosign_tag(digest: &Digest, suffix: &str) -> String {
    format!("{}-{}.{suffix}", digest.algorithm(), digest.hex())
}
