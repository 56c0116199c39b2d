//! Why one image is not at the target. It stays with that image: the others go on.

use airlift_oci::text::with_causes;
use airlift_oci::{Digest, Repository, Selector};
use airlift_registry::Error;

use crate::error::concerns_registry;
use crate::fault::{Fault, KnownCause};
use crate::send::blobs::BlobError;
use crate::source::BlobOrigin;

/// Why an image is not at the target.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImageError {
    /// Its tag could not be looked at.
    #[error("can't look at {target}")]
    Look {
        target: String,
        #[source]
        source: Error,
    },
    /// One of its blobs.
    #[error("{label}")]
    Blob {
        label: String,
        #[source]
        source: BlobError,
    },
    /// One of its manifests.
    #[error("{label} was not taken")]
    Manifest {
        label: String,
        #[source]
        source: Error,
    },
    /// One of its manifests, for a reason that is known.
    #[error("{label} was not taken; {advice}")]
    Known {
        label: String,
        advice: &'static str,
        #[source]
        source: Error,
    },
    /// An index whose children the source doesn't carry all.
    #[error(
        "{label} was not taken; some of its manifests are left out, and most registries want all of them"
    )]
    Sparse {
        label: String,
        #[source]
        source: Error,
    },
    /// A manifest that the registry refuses because it keeps losing what is below it.
    #[error(
        "{label} was not taken, although what is below it was sent once more: the registry keeps losing what it acknowledged (is a garbage collection running there, or its storage failing?)"
    )]
    Lost {
        label: String,
        #[source]
        source: Error,
    },
    /// A manifest that could not be read back.
    #[error("{label} was taken, but can't be read back")]
    ReadBack {
        label: String,
        #[source]
        source: Error,
    },
    /// A manifest that a policy of the registry keeps back from all clients, even after all that is attached
    /// to it has come.
    #[error(
        "{label} was taken, but a policy of the registry for images that are unsigned, vulnerable or not scanned keeps it back, \
         also after all that is attached to it was pushed, so it can't be read back; \
         satisfy the policy (sign the image, or have it scanned) or switch it off, and push again"
    )]
    Withheld {
        label: String,
        #[source]
        source: Error,
    },
    /// A manifest that the registry took and doesn't have.
    #[error("{label} was taken, but is not there: the registry has no {selector}")]
    Vanished { label: String, selector: Selector },
    /// A tag that stands for something else at the target.
    #[error("{target} is {there} at the target, and {ours} would take its place")]
    TagTaken { target: String, there: Digest, ours: Digest },
    /// A tag that may stand for something else at the target: the registry doesn't let it be looked at.
    #[error(
        "whether the tag {target} is taken can't be found out: the registry shows neither it nor a list of tags"
    )]
    TagHidden {
        target: String,
        #[source]
        source: Error,
    },
    /// A registry that took a referrer and doesn't list it.
    #[error("{repository} took {referrer}, but does not list it among the referrers of {subject}")]
    Unlisted { repository: Repository, referrer: Digest, subject: Digest },
    /// A fallback tag that stands for the subject itself.
    #[error(
        "the registry takes the tag {target} for the digest {subject} itself (GitLab does), so it can keep no list of referrers there"
    )]
    SubjectItself { target: String, subject: Digest },
    /// A fallback tag that holds no list.
    #[error(
        "the tag {target} should list the referrers, but stands for something else, which was left alone"
    )]
    NoList { target: String },
    /// A registry that doesn't take a list of referrers.
    #[error("the list of referrers was not taken as {target}, the fallback tag")]
    ListRefused {
        target: String,
        #[source]
        source: Error,
    },
    /// A list that again and again lacks what was written to it.
    #[error(
        "the list of referrers {target} lacks what was written there: somebody else writes it at the same time, or the registry does not keep it; push again when nobody else pushes there"
    )]
    Contended { target: String },
    /// A tag that stands for something else than the manifest that was put there. By its digest, the manifest
    /// came back as it was sent.
    #[error(
        "{label} was taken, but stands for {there} now: somebody else moved it meanwhile, or the registry did not move it"
    )]
    Overtaken { label: String, there: Digest },
    /// A manifest that came back with another media type.
    #[error(
        "{label} was taken, but the registry calls {selector} {answered:?}, and it was sent as {sent}: clients could not read it"
    )]
    Retyped { label: String, selector: Selector, sent: String, answered: String },
}

impl ImageError {
    /// Whether the error is one of the registry as a whole.
    pub(crate) fn concerns_registry(&self) -> bool {
        self.registry_error().is_some_and(concerns_registry)
    }

    /// Whether a registry's refusal means that it takes manifests by tag only.
    pub(crate) fn says_no_digests(&self) -> bool {
        let refusal = match self {
            ImageError::Manifest { source, .. } | ImageError::Known { source, .. } => source.refusal(),
            _ => None,
        };
        refusal.is_some_and(|refusal| {
            matches!(refusal.status, 405 | 501)
                || (refusal.status == 400 && (refusal.has("UNSUPPORTED") || refusal.has("TAG_INVALID")))
        })
    }

    /// Which side has caused it.
    pub(crate) fn fault(&self) -> Fault {
        match self {
            ImageError::Blob {
                source: BlobError::Content { origin: BlobOrigin::Registry(_), .. }, ..
            } => Fault::Registry,
            ImageError::Blob { source: BlobError::Content { source, .. }, .. } => match source.kind() {
                std::io::ErrorKind::InvalidData
                | std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::NotFound => Fault::Bundle,
                _ => Fault::Local,
            },
            ImageError::TagTaken { .. } => Fault::Policy,
            _ => Fault::Registry,
        }
    }

    /// The whole chain in one line, for the receipt.
    pub(crate) fn in_one_line(&self) -> String {
        with_causes(self)
    }

    /// The cause, where there is an obvious next step.
    pub(crate) fn known_cause(&self) -> Option<KnownCause> {
        let cause = self.registry_error().or_else(|| self.source_error()).and_then(Error::likely_cause);
        match self {
            ImageError::Sparse { .. } => Some(KnownCause::Sparse),
            ImageError::TagTaken { .. } => Some(KnownCause::TagTaken),
            ImageError::TagHidden { .. } => Some(KnownCause::TagHidden(cause)),
            _ => cause.map(KnownCause::Registry),
        }
    }

    /// What the registry says from which a blob should have come.
    fn source_error(&self) -> Option<&Error> {
        match self {
            ImageError::Blob { source: BlobError::Content { source, .. }, .. } => {
                source.get_ref()?.downcast_ref()
            }
            _ => None,
        }
    }

    fn registry_error(&self) -> Option<&Error> {
        match self {
            ImageError::Look { source, .. }
            | ImageError::TagHidden { source, .. }
            | ImageError::Blob { source: BlobError::Registry(source), .. }
            | ImageError::Manifest { source, .. }
            | ImageError::ListRefused { source, .. }
            | ImageError::Withheld { source, .. }
            | ImageError::ReadBack { source, .. } => Some(source),
            _ => None,
        }
    }
}
