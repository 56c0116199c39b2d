//! What is attached to an image: signatures, SBOMs, attestations, by whichever of three ways they were
//! attached.
//!
//! 1. The referrers API (OCI distribution-spec 1.1): manifests whose `subject` is the image.
//! 2. The fallback tag `sha256-<hex>` of registries without that API: an index of the same manifests.
//! 3. Cosign's tags `sha256-<hex>.sig`, `.att` and `.sbom`.
//!
//! They are looked for on every manifest that is carried, and on what is found, because a signature may sign
//! an SBOM. A registry that answers with an error is an error: "it has no signatures" is never guessed. How
//! the lists of the first two are read is in `lists`.

pub(crate) mod error;
mod lists;

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use airlift_oci::{Digest, ManifestError, Observer, RawManifest, Repository, Root, Selector, Tag};
use airlift_registry::Error;
use futures::{StreamExt, TryStreamExt};

use crate::attached::error::AttachedError;
use crate::resolve::Resolved;
use crate::source::Source;
use crate::walk::Walker;

/// Attached to attached to attached…: more than this is taken for an attack.
const MAX_DEPTH: usize = 8;
/// More attached manifests than this in one build are taken for an attack.
const MAX_ATTACHED: usize = 10_000;
/// What cosign puts behind a digest to name what it attached.
const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// Gathers what is attached to images.
pub(crate) struct Gatherer<'a> {
    source: &'a Source,
    jobs: usize,
    observer: &'a dyn Observer,
    /// What was warned of. Each warning is given once, however many manifests it concerns.
    warned: Mutex<HashSet<String>>,
    /// What lists name and nobody has any more.
    gone: Mutex<Vec<Gone>>,
}

/// What a list names as attached, and its repository doesn't have.
#[derive(Clone, Debug)]
pub(crate) struct Gone {
    /// What it was attached to.
    pub(crate) subject: Subject,
    pub(crate) digest: Digest,
}

/// What was found.
pub(crate) struct Gathered {
    pub(crate) found: Vec<Resolved>,
    pub(crate) gone: Vec<Gone>,
}

/// A manifest to which something may be attached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) repository: Repository,
    pub(crate) digest: Digest,
}

impl<'a> Gatherer<'a> {
    pub(crate) fn new(walker: &Walker<'a>) -> Self {
        let Walker { source, jobs, observer, .. } = *walker;
        Gatherer { source, jobs, observer, warned: Mutex::default(), gone: Mutex::default() }
    }

    /// Everything attached to these manifests, and to what is found, each once for each repository.
    pub(crate) async fn gather(self, subjects: Vec<Subject>) -> Result<Gathered, AttachedError> {
        let found = self.levels(subjects).await?;
        Ok(Gathered { found, gone: self.gone.into_inner().unwrap_or_else(PoisonError::into_inner) })
    }

    async fn levels(&self, subjects: Vec<Subject>) -> Result<Vec<Resolved>, AttachedError> {
        let mut asked: HashSet<Subject> = HashSet::new();
        let mut names: HashSet<Option<String>> = HashSet::new();
        let mut found: Vec<Resolved> = Vec::new();
        let mut level = subjects;
        for depth in 0.. {
            level.retain(|subject| asked.insert(subject.clone()));
            let Some(first) = level.first() else { break };
            let limit =
                |limit, what| AttachedError::Limit { repository: first.repository.clone(), limit, what };
            if depth > MAX_DEPTH {
                return Err(limit(MAX_DEPTH, "levels of attachments"));
            }
            let asks: Vec<_> = level.iter().map(|subject| self.attached_to(subject)).collect();
            let answers: Vec<Vec<Resolved>> =
                futures::stream::iter(asks).buffered(self.jobs).try_collect().await?;
            let mut next = Vec::new();
            for resolved in answers.into_iter().flatten() {
                if names.insert(resolved.root.reference.clone()) {
                    let (repository, digest) = (resolved.repository.clone(), resolved.manifest.digest());
                    next.push(Subject { repository, digest });
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

    async fn attached_to(&self, subject: &Subject) -> Result<Vec<Resolved>, AttachedError> {
        // All at once: the answers are small, and most of them are "nothing".
        let tags = COSIGN_SUFFIXES.map(|suffix| cosign_tag(&subject.digest, suffix));
        let tagged = futures::future::try_join_all(tags.iter().map(|tag| self.tagged(subject, tag)));
        let (mut found, tagged) = futures::try_join!(self.referrers(subject), tagged)?;
        for (tag, manifest) in tags.iter().zip(tagged) {
            let reference = format!("{}:{tag}", subject.repository);
            found.extend(manifest.map(|manifest| resolved(subject, manifest, reference)));
        }
        Ok(found)
    }

    async fn tagged(&self, subject: &Subject, tag: &str) -> Result<Option<RawManifest>, AttachedError> {
        // What is too long for a tag is under none.
        let Ok(tag) = tag.parse::<Tag>() else { return Ok(None) };
        let selector = Selector::Tag(tag);
        let fetched = self.source.root(&subject.repository, &selector).await;
        let Some(fetched) = fetched.map_err(|source| registry_error(subject, source))? else {
            return Ok(None);
        };
        let digest = fetched.digest_header.unwrap_or_else(|| Digest::sha256(&fetched.bytes));
        RawManifest::received(fetched.bytes, digest, fetched.content_type.as_deref())
            .map(Some)
            .map_err(|source| manifest_error(subject, source))
    }
}

/// The tag under which cosign keeps what it attached; it uses the whole digest, so there is none for long
/// ones.
fn cosign_tag(digest: &Digest, suffix: &str) -> String {
    format!("{}-{}.{suffix}", digest.algorithm(), digest.hex())
}

fn resolved(subject: &Subject, manifest: RawManifest, reference: String) -> Resolved {
    let mut root = Root::new(manifest.descriptor(), Some(reference));
    root.subject = Some(subject.digest);
    Resolved { root, repository: subject.repository.clone(), manifest }
}

fn registry_error(subject: &Subject, source: Error) -> AttachedError {
    AttachedError::Registry { repository: subject.repository.clone(), subject: subject.digest, source }
}

fn manifest_error(subject: &Subject, source: ManifestError) -> AttachedError {
    AttachedError::Manifest { repository: subject.repository.clone(), subject: subject.digest, source }
}
