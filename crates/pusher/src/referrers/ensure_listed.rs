//! The lists of what is attached to a manifest, at the target.
//!
//! A registry with the referrers API lists them itself, and the push checks that it does. At other registries
//! the client keeps the list under the fallback tag (distribution-spec 1.1, "Pushing Manifests with
//! Subject"): the push reads it, adds entries and writes it back, and keeps all entries of other clients.
//! That index is made here, so it stands in the receipt.
//!
//! Other clients may do the same at the same time, and few registries write on a condition. So each list is
//! read back, and completed again if an entry is missing. When all images are through, each list is read once
//! more, after a pause: by then, a client that had read it before the push wrote has written, too.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use airlift_oci::media_type::OCI_INDEX;
use airlift_oci::{Digest, Event, Observer};
use airlift_registry::{Access, ReferrersAnswer, Transport};
use futures::StreamExt;
use tokio::sync::Mutex as AsyncMutex;

use crate::image_error::ImageError;
use crate::lock::locked;
use crate::receipt::FallbackTag;
use crate::referrers::fallback_index::{Attempt, CompleteList, FallbackIndex};
use crate::referrers::list::{ListError, ReferrersList};

/// How often all lists of a push are looked at again, if other clients write to them all the time.
const MOST_ROUNDS: usize = 8;

/// The lists that this push has written.
#[derive(Default)]
pub(crate) struct ReferrersLists {
    written: Mutex<HashMap<String, ReferrersList>>,
    /// By target: a list is read, extended and written back by one task at a time.
    turns: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
}

impl ReferrersLists {
    /// Makes sure that the target lists these referrers. Returns the fallback tag if it had to be written,
    /// and reports its arrival.
    ///
    /// # Errors
    /// If the registry doesn't list them, or the fallback tag can't be read or written.
    pub(crate) async fn ensure_listed(
        &self,
        transport: &Transport,
        list: ReferrersList,
        observer: &dyn Observer,
    ) -> Result<Option<FallbackTag>, ListError> {
        if is_listed_by_registry(transport, &list).await? {
            return Ok(None);
        }
        let target = list.target();
        match self.complete(transport, &list).await? {
            Some(CompleteList::Written { digest, before }) => {
                if let Some(selector) = list.selector() {
                    let (repository, media_type) = (list.repository.clone(), OCI_INDEX.to_owned());
                    observer.notice(Event::Arrived { repository, selector, digest, media_type, before });
                }
                locked(&self.written).entry(target.clone()).or_insert_with(|| list.clone()).join(list);
                Ok(Some(FallbackTag { target, digest }))
            }
            Some(CompleteList::Found(_)) | None => Ok(None),
        }
    }

    /// Reads once more all lists that were written, and completes those that other clients have written
    /// since, up to `limit` at a time. Returns by target what each list is in the end: its digest, or why it
    /// could not be completed.
    pub(crate) async fn settle(
        &self,
        transport: &Transport,
        limit: usize,
    ) -> Vec<(String, Result<Digest, ImageError>)> {
        let mut open: Vec<ReferrersList> =
            std::mem::take(&mut *locked(&self.written)).into_values().collect();
        let mut settled = Vec::new();
        let mut patience = transport.wait_for_visibility("lists of referrers");
        for _ in 0..MOST_ROUNDS {
            if open.is_empty() {
                return settled;
            }
            patience.rest().await;
            let outcomes: Vec<_> = open.iter().map(|list| self.complete(transport, list)).collect();
            let outcomes: Vec<_> = futures::stream::iter(outcomes).buffered(limit).collect().await;
            let mut again = Vec::new();
            for (list, outcome) in open.into_iter().zip(outcomes) {
                match outcome {
                    Ok(None) => {}
                    Ok(Some(CompleteList::Found(digest))) => settled.push((list.target(), Ok(digest))),
                    Ok(Some(CompleteList::Written { .. })) => again.push(list),
                    Err(ListError::Impossible(error) | ListError::Failed(error)) => {
                        settled.push((list.target(), Err(error)));
                    }
                }
            }
            open = again;
        }
        settled.extend(open.into_iter().map(|list| {
            let target = list.target();
            (target.clone(), Err(ImageError::Contended { target }))
        }));
        settled
    }

    /// Adds to the fallback tag's index what it lacks, again and again if other clients write over it.
    async fn complete(
        &self,
        transport: &Transport,
        list: &ReferrersList,
    ) -> Result<Option<CompleteList>, ListError> {
        let Some(selector) = list.selector() else { return Ok(None) };
        let target = list.target();
        let turn = Arc::clone(locked(&self.turns).entry(target.clone()).or_default());
        let mut patience = transport.wait_for_visibility(&target);
        let mut index = FallbackIndex::new(transport, list, selector);
        loop {
            let attempt = {
                let _one_at_a_time = turn.lock().await;
                index.attempt().await?
            };
            let reason = match attempt {
                Attempt::Complete(list) => return Ok(Some(list)),
                Attempt::Again(reason) => reason,
            };
            if !patience.wait(&reason.to_string()).await {
                return Err(ListError::Failed(reason.into_error(target)));
            }
        }
    }
}

/// Asks the referrers API. `false`: the registry has none.
async fn is_listed_by_registry(transport: &Transport, list: &ReferrersList) -> Result<bool, ListError> {
    let mut patience =
        transport.wait_for_visibility(format!("{}@{} (referrers)", list.repository, list.subject));
    loop {
        let answer = transport.referrers(&list.repository, &list.subject, Access::Push).await;
        let listed = match answer.map_err(|source| list.look(source))? {
            ReferrersAnswer::Listed(listed) => listed,
            ReferrersAnswer::NoApi | ReferrersAnswer::Withheld(_) => return Ok(false),
        };
        let is_listed = |digest: &Digest| listed.iter().any(|descriptor| descriptor.digest == *digest);
        let Some(referrer) = list.entries.keys().find(|digest| !is_listed(digest)) else { return Ok(true) };
        if !patience.wait("a referrer was taken, and is not listed yet").await {
            return Err(ListError::Impossible(ImageError::Unlisted {
                repository: list.repository.clone(),
                referrer: *referrer,
                subject: list.subject,
            }));
        }
    }
}
