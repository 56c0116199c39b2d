//! Why nothing was pushed.

use airlift_oci::{Digest, Host};
use airlift_registry::Error;

use crate::preflight::sparse::SparseRefusal;
use crate::preflight::write_refusal::WriteRefusal;

/// Why nothing was pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Tags that stand for something else at the target.
    #[error("{}; nothing was pushed", taken(.0))]
    TagsTaken(Vec<TakenTag>),
    /// Tags that different manifests would get.
    #[error("{}; nothing was pushed", shared(.0))]
    TagsShared(Vec<SharedTag>),
    /// The registry can't be reached, or doesn't let this client in.
    #[error("can't push to {host}")]
    Registry {
        /// The registry.
        host: Host,
        /// What happened.
        #[source]
        source: Error,
    },
    /// The host that answers is no registry. To a HEAD, a web server looks like an empty one.
    #[error("what answers at {host} is no registry; nothing was pushed")]
    NoRegistry {
        /// The host.
        host: Host,
        /// Its answer.
        #[source]
        source: Error,
    },
    /// The registry refuses indexes with absent children, and the bundle leaves some out.
    #[error(transparent)]
    Sparse(Box<SparseRefusal>),
    /// Repositories that can't be written to.
    #[error(transparent)]
    NotWritable(Box<WriteRefusal>),
    /// A project that is missing, and that can't be created.
    #[error("the project {project} can't be created at {}{}; nothing was pushed", .refusal.host, created_before(.created))]
    NotCreated {
        /// The repositories that can't be written to.
        refusal: Box<WriteRefusal>,
        /// The first project that can't be created.
        project: String,
        /// The projects that this push has created before it. They stay.
        created: Vec<String>,
        /// What the registry answers.
        #[source]
        source: Error,
    },
    /// Projects that are missing all the same after the registry said that they are there.
    #[error("{} said that it has these projects, and answers to uploads that they are missing: {}; nothing was pushed", .refusal.host, .projects.join(", "))]
    StillMissing {
        /// The repositories that can't be written to.
        refusal: Box<WriteRefusal>,
        /// The projects.
        projects: Vec<String>,
    },
    /// A tag that may stand for something else at the target: the registry doesn't let it be looked at.
    #[error("whether the tag {target} is taken can't be found out")]
    TagHidden {
        /// The tag.
        target: String,
        /// What the registry answers to a look at it.
        #[source]
        source: Error,
    },
    /// A task panicked.
    #[error("a task ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

impl PushError {
    /// The repositories that can't be written to, if they are the reason.
    pub fn write_refusal(&self) -> Option<&WriteRefusal> {
        match self {
            PushError::NotWritable(refusal)
            | PushError::NotCreated { refusal, .. }
            | PushError::StillMissing { refusal, .. } => Some(refusal),
            _ => None,
        }
    }
}

/// The projects that stay although another one can't be created; empty if there are none.
fn created_before(created: &[String]) -> String {
    match created {
        [] => String::new(),
        [one] => format!("; the project {one} was created before it, and stays"),
        more => format!("; the projects {} were created before it, and stay", more.join(", ")),
    }
}

/// A tag at the target that stands for something else than the image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenTag {
    /// The tag.
    pub target: String,
    /// What it stands for.
    pub there: Digest,
    /// What would get it.
    pub ours: Digest,
}

/// All of them in one line.
fn taken(tags: &[TakenTag]) -> String {
    let lines: Vec<String> = tags
        .iter()
        .map(|tag| {
            format!("{} is {} at the target, and {} would take its place", tag.target, tag.there, tag.ours)
        })
        .collect();
    lines.join("; ")
}

/// A tag at the target that two manifests of the bundle would get: one of them would lose it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedTag {
    /// The tag.
    pub target: String,
    /// The image that one of them is, or goes with, and its digest.
    pub first: (String, Digest),
    /// The same of the other.
    pub second: (String, Digest),
}

/// All of them in one line.
fn shared(tags: &[SharedTag]) -> String {
    let lines = tags.iter().map(|SharedTag { target, first, second }| {
        format!("{target} would be {} of {} and {} of {}", first.1, first.0, second.1, second.0)
    });
    lines.collect::<Vec<_>>().join("; ")
}

/// Whether an error is one of the registry as a whole, not of one image.
pub(crate) fn concerns_registry(error: &Error) -> bool {
    matches!(
        error,
        Error::Unreachable { .. }
            | Error::Untrusted { .. }
            | Error::NoTrust { .. }
            | Error::TimedOut { .. }
            | Error::Realm { .. }
            | Error::Redirect { .. }
    )
}
