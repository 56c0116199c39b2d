//! The lists of what is attached to a manifest, at the target.
//!
//! Where the registry has the referrers API, it lists them itself, and is asked whether it does. Where it
//! hasn't, the list is ours to keep under the fallback tag (distribution-spec 1.1, "Pushing Manifests with
//! Subject"): it is read, extended and written back, and never loses what others put there. That index is
//! made here, so the receipt tells of it.
//!
//! Others may do the same at the same time, and few registries write on a condition. So what was written is
//! read back, and merged again where an entry is missing; and when all images are through, each list is
//! looked at once more, after a pause in which whoever read it before we wrote has written, too.

use std::collections::HashMap;
use std::sync::Mutex;

use airlift_oci::Digest;
use airlift_registry::{Access, ReferrersAnswer, Transport};

use crate::image_error::ImageError;
use crate::receipt::FallbackTag;
use crate::referrers::fallback_index::{Attempt, FallbackIndex, Kept};
use crate::referrers::list::{ListError, ReferrersList};
use crate::sync::locked;

/// So many times all lists of a push are looked at again, where somebody writes to them all the time.
const MOST_ROUNDS: usize = 8;

/// The lists that this push has written.
#[derive(Default)]
pub(crate) struct ReferrersLists {
    written: Mutex<HashMap<String, ReferrersList>>,
    /// A list is read, extended and written back: one at a time.
    turn: tokio::sync::Mutex<()>,
}

impl ReferrersLists {
    /// Sees to it that the target lists these referrers; tells of the fallback tag where that had to be
    /// written.
    pub(crate) async fn ensure_listed(
        &self,
        transport: &Transport,
        list: ReferrersList,
    ) -> Result<Option<FallbackTag>, ListError> {
        if is_listed_by_registry(transport, &list).await? {
            return Ok(None);
        }
        let target = list.target();
        match self.keep(transport, &list).await? {
            Some(Kept::Written(digest)) => {
                locked(&self.written).entry(target.clone()).or_insert_with(|| list.clone()).join(list);
                Ok(Some(FallbackTag { target, digest }))
            }
            Some(Kept::Found(_)) | None => Ok(None),
        }
    }

    /// Looks at all that was written once more, and completes it where others have written since. What each
    /// list is in the end comes back, by target: its digest, or why it could not be completed.
    pub(crate) async fn settle(&self, transport: &Transport) -> Vec<(String, Result<Digest, ImageError>)> {
        let mut open: Vec<ReferrersList> =
            std::mem::take(&mut *locked(&self.written)).into_values().collect();
        let mut settled = Vec::new();
        let mut patience = transport.wait_for_visibility("lists of referrers");
        for _ in 0..MOST_ROUNDS {
            if open.is_empty() {
                return settled;
            }
            patience.rest().await;
            let mut again = Vec::new();
            for list in open {
                match self.keep(transport, &list).await {
                    Ok(None) => {}
                    Ok(Some(Kept::Found(digest))) => settled.push((list.target(), Ok(digest))),
                    Ok(Some(Kept::Written(_))) => again.push(list),
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

    /// Extends the fallback tag's index by what it lacks, as often as others write over it.
    async fn keep(&self, transport: &Transport, list: &ReferrersList) -> Result<Option<Kept>, ListError> {
        let Some(selector) = list.selector() else { return Ok(None) };
        let target = list.target();
        let mut patience = transport.wait_for_visibility(&target);
        let mut index = FallbackIndex::new(transport, list, selector);
        loop {
            let attempt = {
                let _one_at_a_time = self.turn.lock().await;
                index.attempt().await?
            };
            let reason = match attempt {
                Attempt::Whole(kept) => return Ok(Some(kept)),
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
