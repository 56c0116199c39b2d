//! What is attached to an image: signatures, SBOMs, attestations, by whichever of three ways they were attached.
//!
//! 1. The referrers API (OCI distribution-spec 1.1): manifests whose `subject` is the image.
//! 2. The fallback tag `sha256-<hex>` of registries without that API: an index of the same manifests.
//! 3. Cosign's tags `sha256-<hex>.sig`, `.att` and `.sbom`.
//!
//! They are looked for on every manifest that is carried, and on what is found, because a signature may sign an SBOM. A
//! registry that answers with an error is an error: "it has no signatures" is never guessed.

use std::collections::HashSet;

use airlift_bundle::{Descriptor, Digest, ManifestError, Node, RawManifest, Root};
use airlift_registry::{Access, Error, Repository, Selector, Tag, fallback_tag};
use futures::{StreamExt, TryStreamExt};

use crate::resolve::Resolved;
use crate::source::Source;

/// Attached to attached to attached…: more than this is taken for an attack.
const MAX_DEPTH: usize = 8;
/// More attached manifests than this in one build are taken for an attack.
const MAX_ATTACHED: usize = 10_000;
/// What cosign puts behind a digest to name what it attached.
const COSIGN_SUFFIXES: [&str; 3] = ["sig", "att", "sbom"];

/// Why what is attached to an image could not be gathered.
#[derive(Debug, thiserror::Error)]
pub enum AttachedError {
    /// The registry could not be asked, so nobody knows what is attached.
    #[error("can't find out what is attached to {subject} in {repository}")]
    Registry {
        /// Where it was asked for.
        repository: Repository,
        /// What it would be attached to.
        subject: Digest,
        /// What happened.
        #[source]
        source: Error,
    },
    /// A list names a manifest that isn't there.
    #[error("{digest} is listed as attached to {subject} in {repository}, but is not there")]
    Missing {
        /// Where it was asked for.
        repository: Repository,
        /// What it is attached to.
        subject: Digest,
        /// What is missing.
        digest: Digest,
    },
    /// What came can't be carried.
    #[error("what is attached to {subject} in {repository} can't be used")]
    Manifest {
        /// Where it came from.
        repository: Repository,
        /// What it is attached to.
        subject: Digest,
        /// Why.
        #[source]
        source: ManifestError,
    },
    /// The fallback tag stands for something that is no list.
    #[error("the tag {tag} in {repository} should list what is attached to {subject}, but is no index")]
    NoList {
        /// Where.
        repository: Repository,
        /// The tag.
        tag: String,
        /// What it should speak of.
        subject: Digest,
    },
    /// A manifest that is listed for one subject and speaks of another.
    #[error("{digest} is listed as attached to {subject} in {repository}, but says that it is attached to {}", .says.map_or("nothing".to_owned(), |says| says.to_string()))]
    OtherSubject {
        /// Where it was asked for.
        repository: Repository,
        /// For what it is listed.
        subject: Digest,
        /// The manifest.
        digest: Digest,
        /// What it says itself.
        says: Option<Digest>,
    },
    /// There is no end to it.
    #[error("more than {limit} {what} in {repository}")]
    Limit {
        /// Where.
        repository: Repository,
        /// The limit.
        limit: usize,
        /// Of what.
        what: &'static str,
    },
}

/// Gathers what is attached to images.
pub(crate) struct Gatherer<'a> {
    pub(crate) source: &'a Source,
    pub(crate) jobs: usize,
}

/// A manifest to which something may be attached.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Subject {
    pub(crate) repository: Repository,
    pub(crate) digest: Digest,
}

impl Gatherer<'_> {
    /// Everything attached to these manifests, and to what is found, each once for each repository.
    pub(crate) async fn gather(&self, subjects: Vec<Subject>) -> Result<Vec<Resolved>, AttachedError> {
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

    async fn referrers(&self, subject: &Subject) -> Result<Vec<Resolved>, AttachedError> {
        let mut found = Vec::new();
        for descriptor in self.listed(subject).await? {
            found.push(self.referrer(subject, &descriptor).await?);
        }
        Ok(found)
    }

    /// What the referrers API lists; where there is none, what the fallback tag lists.
    async fn listed(&self, subject: &Subject) -> Result<Vec<Descriptor>, AttachedError> {
        let Subject { repository, digest } = subject;
        let api = self.source.transport.referrers(repository, digest, Access::Pull).await;
        let api = api.map_err(|source| registry_error(subject, source))?;
        if let Some(listed) = api {
            return Ok(listed);
        }
        let tag = fallback_tag(digest);
        let Some(list) = self.tagged(subject, &tag).await? else { return Ok(Vec::new()) };
        match list.node() {
            Node::Index(listed) => Ok(listed.clone()),
            Node::Manifest { .. } => {
                Err(AttachedError::NoList { repository: repository.clone(), tag, subject: *digest })
            }
        }
    }

    async fn referrer(&self, subject: &Subject, descriptor: &Descriptor) -> Result<Resolved, AttachedError> {
        let (repository, digest) = (subject.repository.clone(), descriptor.digest);
        let known = self.source.known_manifest(&digest);
        let (bytes, content_type) = match known {
            Some(bytes) => (bytes, None),
            None => {
                let selector = Selector::Digest(digest);
                let fetched = self.source.fetch_manifest(&repository, &selector).await;
                let fetched =
                    fetched.map_err(|source| registry_error(subject, source))?.ok_or_else(|| {
                        AttachedError::Missing {
                            repository: repository.clone(),
                            subject: subject.digest,
                            digest,
                        }
                    })?;
                (fetched.bytes, fetched.content_type)
            }
        };
        let manifest = RawManifest::prove(bytes, descriptor)
            .and_then(|raw| raw.announced_as(content_type.as_deref()))
            .map_err(|source| manifest_error(subject, source))?;
        let says = manifest.subject().map(|subject| subject.digest);
        if says != Some(subject.digest) {
            return Err(AttachedError::OtherSubject { repository, subject: subject.digest, digest, says });
        }
        let reference = format!("{repository}@{digest}");
        Ok(resolved(subject, manifest, reference))
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

/// The tag under which cosign keeps what it attached; it uses the whole digest, so there is none for long ones.
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
