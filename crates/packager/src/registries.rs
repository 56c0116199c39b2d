//! The registries of a build: each repository is asked at its mirrors first, as the rules say.
//!
//! All other code names repositories by their own names. So what is recorded is the same, wherever it is
//! fetched from.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use airlift_oci::reference::{AskedBy, Mirrors};
use airlift_oci::{Descriptor, Digest, Event, HashedPrefix, Host, Observer, Repository, Selector, Tag};
use airlift_registry::{
    Access, BlobSink, Error, FetchedBlob, FetchedManifest, FoundManifest, HeadTrust, Lookup, PullLimit,
    ReferrersAnswer, Transport,
};

/// An answer, and the repository that gave it.
pub(crate) type Answer<T> = (T, Repository);

/// The way to all registries of a build.
#[derive(Clone)]
pub struct Registries {
    transport: Transport,
    mirrors: Arc<Mirrors>,
    observer: Arc<dyn Observer>,
    /// The mirrors that could not be reached. They are not asked again while there is another place.
    unreachable: Arc<Mutex<HashSet<Host>>>,
    /// The mirrors of which a warning was given.
    warned: Arc<Mutex<HashSet<Repository>>>,
}

impl Registries {
    /// Registries, each repository at its mirrors. The observer gets a warning of each mirror that failed
    /// where another place was asked then.
    pub fn new(transport: Transport, mirrors: Mirrors, observer: Arc<dyn Observer>) -> Self {
        Registries {
            transport,
            mirrors: Arc::new(mirrors),
            observer,
            unreachable: Arc::default(),
            warned: Arc::default(),
        }
    }

    /// The host that is asked first for a repository.
    pub(crate) fn host(&self, repository: &Repository) -> Host {
        self.first_place(repository).host().clone()
    }

    /// The repository that is asked first for what a digest stands for.
    pub(crate) fn first_place(&self, repository: &Repository) -> Repository {
        let candidates = self.mirrors.candidates(repository, AskedBy::Digest).ok();
        let first = candidates.and_then(|candidates| candidates.into_iter().next());
        first.unwrap_or_else(|| repository.clone())
    }

    /// The last repository that is asked for what a tag or digest stands for: where an error comes from.
    pub(crate) fn last(&self, repository: &Repository, asked_by: AskedBy) -> Repository {
        let all = self.mirrors.candidates(repository, asked_by).ok();
        all.and_then(|mut all| all.pop()).unwrap_or_else(|| repository.clone())
    }

    /// The same, if that is a mirror.
    pub(crate) fn last_mirror(&self, repository: &Repository, asked_by: AskedBy) -> Option<Repository> {
        Some(self.last(repository, asked_by)).filter(|last| last != repository)
    }

    /// As [`Transport::pull_limit`].
    pub(crate) fn pull_limit(&self, host: &Host) -> Option<PullLimit> {
        self.transport.pull_limit(host)
    }

    /// As [`Transport::why_no_registry`].
    pub(crate) async fn why_no_registry(&self, host: &Host) -> Option<Error> {
        self.transport.why_no_registry(host).await
    }

    /// As [`Transport::get_manifest`].
    pub(crate) async fn get_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
    ) -> Result<Option<Answer<FetchedManifest>>, Error> {
        let ask = async |place: Repository| self.transport.get_manifest(&place, selector, Access::Pull).await;
        let (fetched, place) = self.first(repository, selector.into(), Option::is_some, ask).await?;
        Ok(fetched.map(|fetched| (fetched, place)))
    }

    /// As [`Transport::look_up`].
    pub(crate) async fn look_up(
        &self,
        repository: &Repository,
        selector: &Selector,
        trust: HeadTrust,
    ) -> Result<Answer<Lookup<FoundManifest>>, Error> {
        let ask =
            async |place: Repository| self.transport.look_up(&place, selector, Access::Pull, trust).await;
        self.first(repository, selector.into(), is_there, ask).await
    }

    /// As [`Transport::look_up_blob`].
    pub(crate) async fn look_up_blob(
        &self,
        repository: &Repository,
        blob: (Digest, u64),
    ) -> Result<Lookup<()>, Error> {
        let ask = async |place: Repository| {
            self.transport.look_up_blob(&place, blob, Access::Pull, HeadTrust::IfFound).await
        };
        Ok(self.first(repository, AskedBy::Digest, is_there, ask).await?.0)
    }

    /// As [`Transport::referrers`]. A mirror that lists nothing may have copied the images alone.
    pub(crate) async fn referrers(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<ReferrersAnswer, Error> {
        let ask = async |place: Repository| self.transport.referrers(&place, digest, Access::Pull).await;
        let lists = |answer: &ReferrersAnswer| matches!(answer, ReferrersAnswer::Listed(listed) if !listed.is_empty());
        Ok(self.first(repository, AskedBy::Digest, lists, ask).await?.0)
    }

    /// All tags of a repository.
    ///
    /// # Errors
    /// As [`Transport::tags`].
    pub async fn tags(&self, repository: &Repository) -> Result<Vec<Tag>, Error> {
        let ask = async |place: Repository| self.transport.tags(&place, Access::Pull).await;
        Ok(self.first(repository, AskedBy::Tag, |tags| !tags.is_empty(), ask).await?.0)
    }

    /// As [`Transport::resume_blob`].
    pub(crate) async fn fetch_blob(
        &self,
        repository: &Repository,
        descriptor: &Descriptor,
        mut begun: Option<HashedPrefix>,
        sink: &mut dyn BlobSink,
    ) -> Result<FetchedBlob, Error> {
        let mut places = self.places(repository, AskedBy::Digest)?;
        let last = places.pop().unwrap_or_else(|| repository.clone());
        for place in places {
            match self.transport.resume_blob(&place, descriptor, begun.take(), sink).await {
                Err(error) if !error.is_local() => self.note_failure(repository, &place, Some(&error)),
                answer => return answer,
            }
            sink.restart().map_err(|source| Error::Sink { digest: descriptor.digest, source })?;
        }
        self.transport.resume_blob(&last, descriptor, begun, sink).await
    }

    /// As [`Transport::fetch_external`].
    pub(crate) async fn fetch_external(
        &self,
        repository: &Repository,
        url: &str,
        descriptor: &Descriptor,
        sink: &mut dyn BlobSink,
    ) -> Result<FetchedBlob, Error> {
        self.transport.fetch_external(repository, url, descriptor, sink).await
    }

    /// The first answer that has something, of the places that may be asked; else the last answer.
    async fn first<T>(
        &self,
        repository: &Repository,
        asked_by: AskedBy,
        has_it: impl Fn(&T) -> bool,
        ask: impl AsyncFn(Repository) -> Result<T, Error>,
    ) -> Result<Answer<T>, Error> {
        let mut places = self.places(repository, asked_by)?;
        let last = places.pop().unwrap_or_else(|| repository.clone());
        for place in places {
            match ask(place.clone()).await {
                Ok(answer) if has_it(&answer) => return Ok((answer, place)),
                Ok(_) => self.note_failure(repository, &place, None),
                Err(error) if error.is_local() => return Err(error),
                Err(error) => self.note_failure(repository, &place, Some(&error)),
            }
        }
        Ok((ask(last.clone()).await?, last))
    }

    /// The places to ask. The last one is asked in any case; of the others, those that could be reached.
    fn places(&self, repository: &Repository, asked_by: AskedBy) -> Result<Vec<Repository>, Error> {
        let mut places = self.mirrors.candidates(repository, asked_by).map_err(Error::Mirror)?;
        let Some(last) = places.pop() else { return Ok(places) };
        let unreachable = self.unreachable.lock().unwrap_or_else(PoisonError::into_inner);
        places.retain(|place| !unreachable.contains(place.host()));
        places.push(last);
        Ok(places)
    }

    /// Warns, once for each repository, that a mirror failed and the next place is asked. What is only absent
    /// is no failure: most images have no signatures.
    fn note_failure(&self, repository: &Repository, place: &Repository, error: Option<&Error>) {
        let Some(error) = error.filter(|error| !is_absent(error)) else { return };
        if matches!(error, Error::Unreachable { .. } | Error::TimedOut { .. }) {
            let host = place.host().clone();
            self.unreachable.lock().unwrap_or_else(PoisonError::into_inner).insert(host);
        }
        if self.warned.lock().unwrap_or_else(PoisonError::into_inner).insert(place.clone()) {
            let message =
                format!("the mirror {place} of {repository} failed, and the next place is asked: {error}");
            self.observer.notice(Event::Warning { message, remedy: None });
        }
    }
}

/// Whether a mirror says that it doesn't have something.
fn is_absent(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| matches!(refusal.status, 404 | 410))
}

fn is_there<T>(answer: &Lookup<T>) -> bool {
    matches!(answer, Lookup::There(_))
}
