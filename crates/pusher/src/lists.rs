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

use std::collections::{BTreeMap, HashMap};
use std::sync::Mutex;

use airlift_oci::document::Document;
use airlift_oci::graph::fallback_tag;
use airlift_oci::{Digest, Node, RawManifest, Repository, Selector};
use airlift_registry::{Access, Error, ReferrersAnswer, Transport};
use serde_json::Value;

use crate::failure::ImageError;
use crate::keeper::{Attempt, Keeper, Kept};
use crate::receipt::FallbackTag;
use crate::tree::locked;

/// So many times all lists of a push are looked at again, where somebody writes to them all the time.
const MOST_ROUNDS: usize = 8;

/// What a list says of a referrer.
#[derive(Clone, Debug)]
pub(crate) struct Entry(pub(crate) Value);

/// What a push has to see listed for one manifest.
#[derive(Clone, Debug)]
pub(crate) struct List {
    pub(crate) repository: Repository,
    pub(crate) subject: Digest,
    pub(crate) entries: BTreeMap<Digest, Entry>,
}

/// Why something isn't listed.
pub(crate) enum ListError {
    /// This registry can't keep the list, today or tomorrow. The image can go there all the same.
    Impossible(ImageError),
    /// It may do better next time.
    Failed(ImageError),
}

/// The lists that this push has written.
#[derive(Default)]
pub(crate) struct Lists {
    written: Mutex<HashMap<String, List>>,
    /// Lists are read, extended and written back, which must not happen twice at a time here.
    turn: tokio::sync::Mutex<()>,
}

impl Entry {
    /// What the referrers API would say of it.
    pub(crate) fn of(raw: &RawManifest) -> Self {
        let descriptor = raw.descriptor();
        let mut entry = serde_json::json!({
            "mediaType": descriptor.media_type, "digest": descriptor.digest, "size": descriptor.size,
        });
        // Without a type of its own it has its config's, an image's included (distribution-spec 1.1, "Listing
        // Referrers").
        let config = match raw.node() {
            Node::Manifest { config, .. } => Some(config.media_type.as_str()),
            Node::Index(_) | Node::Artifact(_) => None,
        };
        if let Some(artifact_type) = raw.artifact_type().or(config) {
            entry["artifactType"] = artifact_type.into();
        }
        let annotations =
            Document::parse(raw.bytes()).map(|document| document.annotations).unwrap_or_default();
        if !annotations.is_empty() {
            entry["annotations"] = serde_json::json!(annotations);
        }
        Entry(entry)
    }
}

impl List {
    pub(crate) fn new(repository: &Repository, subject: Digest, entries: BTreeMap<Digest, Entry>) -> Self {
        List { repository: repository.clone(), subject, entries }
    }

    /// Adds another image's referrers of the same manifest.
    fn join(&mut self, other: List) {
        self.entries.extend(other.entries);
    }

    fn selector(&self) -> Option<Selector> {
        fallback_tag(&self.subject).parse().ok().map(Selector::Tag)
    }

    pub(crate) fn target(&self) -> String {
        format!("{}:{}", self.repository, fallback_tag(&self.subject))
    }

    pub(crate) fn look(&self, source: Error) -> ListError {
        let target = format!("{}@{} (referrers)", self.repository, self.subject);
        ListError::Failed(ImageError::Look { target, source })
    }
}

impl Lists {
    /// Sees to it that the target lists these referrers; tells of the fallback tag where that had to be
    /// written.
    pub(crate) async fn see_to(
        &self,
        transport: &Transport,
        list: List,
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
        let mut open: Vec<List> = std::mem::take(&mut *locked(&self.written)).into_values().collect();
        let mut settled = Vec::new();
        let mut patience = transport.patience("lists of referrers");
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
    async fn keep(&self, transport: &Transport, list: &List) -> Result<Option<Kept>, ListError> {
        let Some(selector) = list.selector() else { return Ok(None) };
        let target = list.target();
        let mut patience = transport.patience(&target);
        let mut keeper = Keeper::new(transport, list, selector);
        loop {
            let attempt = {
                let _one_at_a_time = self.turn.lock().await;
                keeper.attempt().await?
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
async fn is_listed_by_registry(transport: &Transport, list: &List) -> Result<bool, ListError> {
    let mut patience = transport.patience(format!("{}@{} (referrers)", list.repository, list.subject));
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
