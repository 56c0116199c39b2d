//! How presence is found out: a HEAD asks first, and a GET decides where the HEAD's answer isn't trusted.
//!
//! Registries answer HEADs of content that a GET serves by 404, 400, 401, 403, 405 or 5xx, by 200 without a
//! digest or with another one, by a length of 0; and storage at another host refuses HEADs of addresses that
//! are signed for GET. So a HEAD's "no" is an answer only where nothing depends on it. This is the one place
//! where that is decided: for sources and targets, for manifests and blobs.

use airlift_oci::Digest;

use crate::error::Error;
use crate::error::refusal::Refusal;
use crate::http::response::Response;
use crate::retry::rules::Failed;
use crate::transport::Transport;

/// Whether something is in a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Lookup<T> {
    /// It is there.
    There(T),
    /// It is not there.
    Absent,
    /// The registry refuses to say, to a GET as well: this is its answer. Some answer so of all that is
    /// absent.
    Hidden(Box<Refusal>),
}

impl<T> Lookup<T> {
    /// What is there. What can't be looked at counts as absent: for callers that send it then.
    pub fn there(self) -> Option<T> {
        match self {
            Lookup::There(found) => Some(found),
            Lookup::Absent | Lookup::Hidden(_) => None,
        }
    }

    fn of(found: Option<T>) -> Self {
        found.map_or(Lookup::Absent, Lookup::There)
    }
}

/// Which answers to a HEAD are trusted. For all others, a GET decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeadTrust {
    /// All: if something counts as absent by mistake, it is sent once more, and no harm is done.
    Always,
    /// "It is there". A wrong "absent" would refuse an image or leave something out.
    IfFound,
    /// "It is there" with a digest; and "absent" in a repository whose HEADs have named a manifest by its tag
    /// before. Of a blob: "it is there".
    IfDigestGiven,
    /// "It is there" with exactly this digest: anything else would refuse an image or move a tag. Of a blob:
    /// "it is there".
    IfDigestIs(Digest),
    /// None, so there is no HEAD: a GET shows whether the manifest has this digest. For what is expected to
    /// be absent, which needs a GET in any case. Of a blob: a GET of its first byte decides.
    Never(Digest),
}

impl Transport {
    /// A HEAD, with retries of its own.
    pub(super) async fn head<F>(
        &self,
        what: String,
        request: impl Fn() -> F,
    ) -> Result<Option<Response>, Error>
    where
        F: Future<Output = Result<Option<Response>, Error>>,
    {
        self.inner.retry(what).run(|| async { request().await.map_err(Failed::of_head) }).await
    }
}

/// Asks by the HEAD, and by the GET unless the HEAD settles it.
pub(super) async fn decide<T>(
    head: impl Future<Output = Result<Option<T>, Error>>,
    is_settled: impl Fn(Option<&T>) -> bool,
    get: impl Future<Output = Result<Option<T>, Error>>,
) -> Result<Lookup<T>, Error> {
    match head.await {
        Ok(found) if is_settled(found.as_ref()) => return Ok(Lookup::of(found)),
        Ok(_) => {}
        Err(error) if may_concern_heads_alone(&error) => {}
        Err(error) => return Err(error),
    }
    match get.await {
        Ok(found) => Ok(Lookup::of(found)),
        Err(Error::Unauthorised(refusal) | Error::Denied(refusal) | Error::Refused(refusal)) => {
            Ok(Lookup::Hidden(refusal))
        }
        Err(error) => Err(error),
    }
}

/// Whether a GET may well have another answer: one was refused, or came as something else. A limit of
/// requests concerns both.
fn may_concern_heads_alone(error: &Error) -> bool {
    match error {
        Error::Content { .. } => true,
        Error::RateLimited(_) => false,
        other => other.refusal().is_some(),
    }
}
