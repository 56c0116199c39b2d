//! Why one image is not at the target. It stays with that image: the others go on.

use airlift_bundle::Digest;
use airlift_registry::{Error, Repository, Selector};

use crate::blobs::BlobError;
use crate::receipt::Fault;

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
    /// An index whose children the bundle doesn't carry all.
    #[error(
        "{label} was not taken; the bundle leaves out some of its manifests, and most registries want all of them. {ways_out}"
    )]
    Sparse {
        label: String,
        ways_out: &'static str,
        #[source]
        source: Error,
    },
    /// A manifest whose parts the registry lacks however often they are sent.
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
    /// A manifest that the registry took and doesn't have.
    #[error("{label} was taken, but is not there: the registry has no {selector}")]
    Vanished { label: String, selector: Selector },
    /// A tag that stands for something else at the target.
    #[error("{target} is {there} at the target and {ours} in the bundle (--move-tags moves such tags)")]
    TagTaken { target: String, there: Digest, ours: Digest },
    /// A registry that took a referrer and doesn't list it.
    #[error("{repository} took {referrer}, but does not list it among the referrers of {subject}")]
    Unlisted { repository: Repository, referrer: Digest, subject: Digest },
    /// A fallback tag that holds no list.
    #[error(
        "the tag {target} should list what is attached, but can't be read as an index; nothing was changed there"
    )]
    NoList { target: String },
    /// A manifest that came back other than it was sent.
    #[error(
        "{label} was taken, but the registry gives other bytes for {selector} than were sent: it alters manifests"
    )]
    Altered { label: String, selector: Selector },
    /// A manifest that came back as another kind of thing.
    #[error(
        "{label} was taken, but the registry calls {selector} {told:?}, and it was sent as {sent}: clients could not read it"
    )]
    Retyped { label: String, selector: Selector, sent: String, told: String },
}

impl ImageError {
    pub(crate) fn fault(&self) -> Fault {
        match self {
            ImageError::Blob { source: BlobError::Content { source, .. }, .. } => match source.kind() {
                std::io::ErrorKind::InvalidData
                | std::io::ErrorKind::UnexpectedEof
                | std::io::ErrorKind::NotFound => Fault::Bundle,
                _ => Fault::Local,
            },
            _ => Fault::Registry,
        }
    }

    /// The whole chain in one line, for the receipt, with the next step where it is obvious.
    pub(crate) fn told(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            let next = error.to_string();
            if !text.ends_with(&next) {
                text = format!("{text}: {next}");
            }
            cause = error.source();
        }
        match self.registry_error().and_then(Error::hint) {
            Some(hint) => format!("{text}; {hint}"),
            None => text,
        }
    }

    fn registry_error(&self) -> Option<&Error> {
        match self {
            ImageError::Look { source, .. }
            | ImageError::Blob { source: BlobError::Registry(source), .. }
            | ImageError::Manifest { source, .. }
            | ImageError::ReadBack { source, .. } => Some(source),
            _ => None,
        }
    }
}
