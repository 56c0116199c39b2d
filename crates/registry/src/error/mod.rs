//! What can go wrong between us and a registry. A message says what happened, to what, and whether another
//! try would help.
//!
//! Nothing secret gets in here: URLs lose their query and userinfo when a [`Call`] is made, and headers are
//! never kept.

pub(crate) mod call;
pub(crate) mod content;
pub(crate) mod duration;
pub(crate) mod likely_cause;
mod missing;
pub(crate) mod open_files;
pub(crate) mod redact;
pub(crate) mod refusal;
pub(crate) mod registry_error;
pub(crate) mod setup;

use std::io;
use std::time::Duration;

use airlift_oci::reference::MirrorError;
use airlift_oci::{Digest, Host};
use reqwest::Url;

use crate::error::call::{Call, Effort, redacted};
use crate::error::content::ContentFault;
use crate::error::open_files::is_out_of_files;
use crate::error::refusal::Refusal;
use crate::error::setup::SetupError;
use crate::tls::fault::TlsFault;

/// Why a transfer failed. [`Error::attempts`] says how often it was tried.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// 404: the repository, the content, or the upload session isn't there.
    #[error("{0}")]
    NotFound(Box<Refusal>),
    /// 401 after everything that we have was tried, or the token service refused the credentials.
    #[error("{0}")]
    Unauthorised(Box<Refusal>),
    /// 403: known, but not allowed.
    #[error("{0}")]
    Denied(Box<Refusal>),
    /// 429, and still after the last retry.
    #[error("{0}")]
    RateLimited(Box<Refusal>),
    /// Any other 4xx: for manifests, the reasons are in [`Refusal::errors`].
    #[error("{0}")]
    Refused(Box<Refusal>),
    /// 5xx, and where it can be repeated, still after the last retry.
    #[error("{0}")]
    Server(Box<Refusal>),
    /// No connection, or it broke.
    #[error("{call}: {what}{}{effort}", call.through())]
    Unreachable {
        /// The request.
        call: Call,
        /// How far it got.
        what: Obstacle,
        /// How often it was tried.
        effort: Effort,
        /// What the network says.
        source: reqwest::Error,
    },
    /// The registry's certificate isn't one that we trust, or it doesn't speak TLS.
    #[error("{call}: {fault}{}", call.through())]
    Untrusted {
        /// The request.
        call: Call,
        /// What is wrong.
        fault: TlsFault,
        /// What TLS says.
        source: reqwest::Error,
    },
    /// Nothing moved for too long.
    #[error("{call}: {waiting_for}{} for {} s{effort}", call.through(), .after.as_secs_f32())]
    TimedOut {
        /// The request.
        call: Call,
        /// What didn't come: "no answer", "no byte came".
        waiting_for: &'static str,
        /// How long it was waited for.
        after: Duration,
        /// How often it was tried.
        effort: Effort,
    },
    /// Something came, but so little that it would never end.
    #[error(
        "{call}: only {bytes} bytes came in {} s, and {minimum} bytes a second are the least{}",
        .after.as_secs_f32(),
        effort
    )]
    TooSlow {
        /// The request.
        call: Call,
        /// What came.
        bytes: u64,
        /// In which time.
        after: Duration,
        /// Bytes per second that would have been enough.
        minimum: u64,
        /// How often it was tried.
        effort: Effort,
    },
    /// An answer that isn't what was asked for; nothing of it was accepted.
    #[error("{call}: {fault}{}{effort}", encoded(encoding.as_deref()))]
    Content {
        /// The request.
        call: Call,
        /// What is wrong with it.
        fault: Box<ContentFault>,
        /// The answer's `Content-Encoding`, where it may be the cause.
        encoding: Option<String>,
        /// How often it was tried.
        effort: Effort,
    },
    /// The registry sends us where we don't go.
    #[error("{call}: sent on to {target}, which is refused: {reason}")]
    Redirect {
        /// The request.
        call: Call,
        /// Where to, redacted.
        target: String,
        /// Why not.
        reason: &'static str,
    },
    /// The registry wants us to log in at a place that gets no credentials.
    #[error("registry {registry} wants a login at '{}', which is refused: {reason}", .realm.escape_debug())]
    Realm {
        /// The registry.
        registry: Host,
        /// The realm, redacted.
        realm: String,
        /// Why not.
        reason: &'static str,
    },
    /// No client could be made: above all, a system without CA certificates.
    #[error("{call}: no TLS without CA certificates")]
    NoTrust {
        /// The request.
        call: Call,
        /// What TLS says.
        source: reqwest::Error,
    },
    /// The certificates that are kept for the registry are no good.
    #[error("{call}: what checks its certificate can't be used")]
    Certificates {
        /// The request.
        call: Call,
        /// Which file, and why not.
        source: SetupError,
    },
    /// The rules for mirrors name no place for a repository.
    #[error(transparent)]
    Mirror(MirrorError),
    /// The place where the content goes doesn't take it.
    #[error("{digest} can't be written where it belongs")]
    Sink {
        /// The content.
        digest: Digest,
        /// Why not.
        source: io::Error,
    },
    /// The place where the content comes from doesn't give it, or not the content that it should: nothing was
    /// acknowledged.
    #[error("{digest} can't be read for the upload")]
    Source {
        /// The content.
        digest: Digest,
        /// Why not.
        source: io::Error,
    },
}

/// Where a request came to its end before there was an answer.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Obstacle {
    /// DNS doesn't know the host, or the proxy.
    #[error("the name '{}' can't be resolved", .0.escape_debug())]
    Name(String),
    /// There is no connection.
    #[error("can't connect")]
    Connection,
    /// There was one.
    #[error("the connection broke")]
    Broken,
}

impl Error {
    /// How often the failing request was made.
    pub fn attempts(&self) -> u32 {
        match self {
            Error::NotFound(refusal)
            | Error::Unauthorised(refusal)
            | Error::Denied(refusal)
            | Error::RateLimited(refusal)
            | Error::Refused(refusal)
            | Error::Server(refusal) => refusal.effort.attempts,
            Error::Unreachable { effort, .. }
            | Error::TimedOut { effort, .. }
            | Error::TooSlow { effort, .. }
            | Error::Content { effort, .. } => effort.attempts,
            _ => 1,
        }
    }

    /// The registry's own words, where it answered with an error.
    pub fn refusal(&self) -> Option<&Refusal> {
        match self {
            Error::NotFound(refusal)
            | Error::Unauthorised(refusal)
            | Error::Denied(refusal)
            | Error::RateLimited(refusal)
            | Error::Refused(refusal)
            | Error::Server(refusal) => Some(refusal),
            _ => None,
        }
    }

    /// Whether the fault lies on this machine: the sink, the source, the certificates, the limit of open
    /// files.
    pub fn is_local(&self) -> bool {
        match self {
            Error::Sink { .. } | Error::Source { .. } | Error::Certificates { .. } => true,
            Error::Unreachable { source, .. } => is_out_of_files(source),
            _ => false,
        }
    }

    pub(crate) fn set_effort(&mut self, made: Effort) {
        match self {
            Error::NotFound(refusal)
            | Error::Unauthorised(refusal)
            | Error::Denied(refusal)
            | Error::RateLimited(refusal)
            | Error::Refused(refusal)
            | Error::Server(refusal) => refusal.effort = made,
            Error::Unreachable { effort, .. }
            | Error::TimedOut { effort, .. }
            | Error::TooSlow { effort, .. }
            | Error::Content { effort, .. } => *effort = made,
            _ => {}
        }
    }

    /// The same with one more remark, where the registry answered with an error.
    pub(crate) fn noted(mut self, remark: &str) -> Self {
        if let Error::NotFound(refusal)
        | Error::Unauthorised(refusal)
        | Error::Denied(refusal)
        | Error::RateLimited(refusal)
        | Error::Refused(refusal)
        | Error::Server(refusal) = &mut self
        {
            let before = refusal.note.take().map(|note| format!("{note}; ")).unwrap_or_default();
            refusal.note = Some(format!("{before}{remark}"));
        }
        self
    }

    pub(crate) fn timed_out(call: &Call, waiting_for: &'static str, after: Duration) -> Self {
        Error::TimedOut { call: call.clone(), waiting_for, after, effort: Effort::ONCE }
    }

    /// A redirect to `target` that isn't followed.
    pub(crate) fn redirect(call: &Call, target: &Url, reason: &'static str) -> Self {
        Error::Redirect { call: call.clone(), target: redacted(target), reason }
    }

    pub(crate) fn content(call: &Call, fault: ContentFault) -> Self {
        Error::Content { call: call.clone(), fault: Box::new(fault), encoding: None, effort: Effort::ONCE }
    }

    /// The same, if it is of an answer's content, with the encoding that the answer claims: what it says of
    /// the content may be the cause.
    pub(crate) fn encoded(mut self, claim: Option<String>) -> Self {
        if let Error::Content { encoding, .. } = &mut self {
            *encoding = claim;
        }
        self
    }

    pub(crate) fn refused(refusal: Refusal) -> Self {
        let refusal = Box::new(refusal);
        match refusal.status {
            404 => Error::NotFound(refusal),
            401 => Error::Unauthorised(refusal),
            403 => Error::Denied(refusal),
            429 => Error::RateLimited(refusal),
            400..=499 => Error::Refused(refusal),
            500..=599 => Error::Server(refusal),
            status => {
                let fault = Box::new(ContentFault::Status(status));
                Error::Content { call: refusal.call, fault, encoding: None, effort: refusal.effort }
            }
        }
    }
}

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::refused(refusal)
    }
}

fn encoded(encoding: Option<&str>) -> String {
    encoding.map_or_else(String::new, |encoding| {
        let encoding = encoding.escape_debug();
        format!("; it came with Content-Encoding '{encoding}', though plain bytes were asked for")
    })
}
