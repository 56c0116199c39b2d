//! Whether something is in a repository: a HEAD asks first, and a GET decides what the HEAD doesn't settle.
//!
//! Registries answer HEADs of content that a GET serves by 404, 400, 401, 403, 405 or 5xx, by 200 without a
//! digest or with another one, by a length of 0; and storage at another host refuses HEADs of addresses that
//! are signed for GET. So a HEAD's "no" is an answer only where nothing depends on it. This is the one place
//! where that is decided: for sources and targets, for manifests and blobs.

use std::collections::HashSet;
use std::sync::{Mutex, PoisonError};

use airlift_oci::{Digest, Repository, Selector};
use reqwest::header::{HeaderValue, RANGE};
use reqwest::{Method, StatusCode};

use crate::answer::Answer;
use crate::auth::session::{Access, Scope};
use crate::error::{ContentFault, Error};
use crate::http::Ask;
use crate::manifest::{FetchedManifest, media_type_of};
use crate::refusal::{Refusal, is_html};
use crate::transport::{Transport, digest_header, place};

/// What is known of the presence of something.
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

impl From<Refusal> for Error {
    fn from(refusal: Refusal) -> Self {
        Error::refused(refusal)
    }
}

/// What the answer to a HEAD settles. Where it says less, a GET decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settles {
    /// Yes and no: what is taken for absent by mistake is sent once more, and no harm is done.
    YesOrNo,
    /// Yes alone: "absent" would refuse an image or leave something out.
    Yes,
    /// Yes, with a digest; and no, in a repository whose HEADs have named a manifest by its tag before. Of a
    /// blob, yes.
    Named,
    /// Yes, with exactly this digest: anything else would refuse an image or move a tag. Of a blob, yes.
    Exactly(Digest),
}

impl Settles {
    fn by_manifest(
        self,
        found: Option<&FoundManifest>,
        proven: &ProvenHeads,
        repository: &Repository,
    ) -> bool {
        match (self, found) {
            (Settles::YesOrNo, _) | (Settles::Yes, Some(_)) => true,
            (Settles::Named, Some(found)) => found.digest.is_some(),
            (Settles::Named, None) => proven.holds(repository),
            (Settles::Exactly(digest), Some(found)) => found.digest == Some(digest),
            (Settles::Yes | Settles::Exactly(_), None) => false,
        }
    }

    /// The digest of a manifest that was fetched, by the algorithm that matters.
    fn digest(self, selector: &Selector, fetched: &FetchedManifest) -> Digest {
        match (self, selector) {
            (Settles::Exactly(wanted), _) => Digest::of(wanted.algorithm(), &fetched.bytes),
            (_, Selector::Digest(digest)) => *digest,
            (_, Selector::Tag(_)) => fetched.digest_header.unwrap_or_else(|| Digest::sha256(&fetched.bytes)),
        }
    }
}

/// The repositories whose HEADs have named a manifest by its tag. Which signatures an image has is asked for
/// by tags that are mostly absent, and a second GET for each of them would be for nothing there.
#[derive(Default)]
pub(crate) struct ProvenHeads(Mutex<HashSet<Repository>>);

impl ProvenHeads {
    fn learn(&self, repository: &Repository, selector: &Selector, found: Option<&FoundManifest>) {
        let is_named = found.is_some_and(|found| found.digest.is_some());
        if is_named && matches!(selector, Selector::Tag(_)) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(repository.clone());
        }
    }

    fn holds(&self, repository: &Repository) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).contains(repository)
    }
}

/// A manifest that is there.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FoundManifest {
    /// Its digest. Proven where it was fetched; else what the registry says, where it does.
    pub digest: Option<Digest>,
    /// Its size in bytes, where the registry says it.
    pub size: Option<u64>,
    /// Its media type, without parameters.
    pub media_type: Option<String>,
    /// The manifest itself, where a GET was needed.
    pub fetched: Option<FetchedManifest>,
}

impl FoundManifest {
    fn said(answer: &Answer) -> Self {
        FoundManifest {
            digest: digest_header(answer.response.headers()),
            size: answer.size(),
            media_type: media_type_of(answer),
            fetched: None,
        }
    }

    fn proven(digest: Digest, fetched: FetchedManifest) -> Self {
        FoundManifest {
            digest: Some(digest),
            size: Some(fetched.bytes.len() as u64),
            media_type: fetched.content_type.clone(),
            fetched: Some(fetched),
        }
    }
}

impl Transport {
    /// Looks for a manifest: by a HEAD, and by a GET if that doesn't settle it.
    ///
    /// # Errors
    /// If there is no answer, or one that says nothing: neither a manifest nor a refusal.
    pub async fn look_up(
        &self,
        repository: &Repository,
        selector: &Selector,
        access: Access,
        settles: Settles,
    ) -> Result<Lookup<FoundManifest>, Error> {
        let head = async {
            let what = format!("{repository} manifest {selector}");
            let ask = || self.ask_for_manifest(Method::HEAD, repository, selector, access);
            let found = self.head(what, ask).await?.map(|answer| FoundManifest::said(&answer));
            self.inner.proven_heads.learn(repository, selector, found.as_ref());
            Ok(found)
        };
        let get = async {
            let fetched = self.get_manifest(repository, selector, access).await?;
            Ok(fetched.map(|fetched| FoundManifest::proven(settles.digest(selector, &fetched), fetched)))
        };
        let proven = &self.inner.proven_heads;
        decide(head, |found| settles.by_manifest(found, proven, repository), get).await
    }

    /// Looks for a blob of that digest and size: by a HEAD, and by a GET of its first byte if that doesn't
    /// settle it.
    ///
    /// # Errors
    /// If there is no answer, or one that says nothing: neither a blob nor a refusal.
    pub async fn look_up_blob(
        &self,
        repository: &Repository,
        (digest, size): (Digest, u64),
        access: Access,
        settles: Settles,
    ) -> Result<Lookup<()>, Error> {
        let what = || format!("{repository} blob {digest}");
        let head = async {
            let ask = || self.ask_for_blob(Method::HEAD, repository, &digest, access);
            Ok(self.head(what(), ask).await?.map(|answer| answer.size()))
        };
        let get = async {
            let mut retry = self.inner.retry(what());
            loop {
                match self.ask_for_blob(Method::GET, repository, &digest, access).await {
                    Ok(answer) => return Ok(answer.map(|answer| whole_size(&answer))),
                    Err(error) => retry.pause_or_give_up(error).await?,
                }
            }
        };
        let fits = |found: &Option<u64>| found.is_none_or(|found| found == size);
        let is_settled = |found: Option<&Option<u64>>| found.map_or(settles == Settles::YesOrNo, fits);
        Ok(match decide(head, is_settled, get).await? {
            Lookup::There(found) if fits(&found) => Lookup::There(()),
            // What has another size is something else.
            Lookup::There(_) | Lookup::Absent => Lookup::Absent,
            Lookup::Hidden(refusal) => Lookup::Hidden(refusal),
        })
    }

    /// A HEAD that is repeated where there was no answer. A 5xx isn't repeated: a GET comes next, with
    /// retries of its own.
    async fn head<F>(&self, what: String, ask: impl Fn() -> F) -> Result<Option<Answer>, Error>
    where
        F: Future<Output = Result<Option<Answer>, Error>>,
    {
        let mut retry = self.inner.retry(what);
        loop {
            match ask().await {
                Ok(answer) => return Ok(answer),
                Err(error) => {
                    let passing = error.is_passing() && !matches!(error, Error::Server(_));
                    retry.pause_if(passing, error).await?;
                }
            }
        }
    }

    /// One HEAD, or one GET of the first byte; `None` where the blob is not there.
    async fn ask_for_blob(
        &self,
        method: Method,
        repository: &Repository,
        digest: &Digest,
        access: Access,
    ) -> Result<Option<Answer>, Error> {
        let scope = Scope::new(repository, access);
        let make = |base: &_| {
            let ask = Ask::new(method.clone(), place(base, repository, &format!("blobs/{digest}"))?);
            Ok(match method {
                Method::GET => ask.with(RANGE, HeaderValue::from_static("bytes=0-0")),
                _ => ask,
            })
        };
        let answer = self.inner.send(&scope, make).await?;
        match answer.status() {
            StatusCode::OK if is_html(answer.content_type(), &[]) => {
                Err(Error::content(&answer.call, ContentFault::Html))
            }
            // 416: there is no first byte, because the blob is empty.
            StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::RANGE_NOT_SATISFIABLE => {
                Ok(Some(answer))
            }
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(self.inner.refused(answer).await),
        }
    }
}

async fn decide<T>(
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

/// The size of a whole blob, of an answer to a question for its first byte.
fn whole_size(answer: &Answer) -> Option<u64> {
    match answer.status() {
        StatusCode::OK => answer.size(),
        _ => answer.header("content-range")?.rsplit_once('/')?.1.trim().parse().ok(),
    }
}
