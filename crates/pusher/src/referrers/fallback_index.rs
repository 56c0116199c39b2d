//! One list of referrers under its fallback tag: read, extended, written and read back.

use std::collections::HashSet;
use std::fmt;

use airlift_oci::document::Document;
use airlift_oci::{Descriptor, Digest, Selector, media_type};
use airlift_registry::{Access, Error, FetchedManifest, Replaced, Transport};
use bytes::Bytes;
use serde_json::Value;

use crate::image_error::ImageError;
use crate::referrers::list::{ListError, ReferrersList};

/// How many entries of an index are looked at to find out whether it is a list of referrers.
const MOST_LOOKED_AT: usize = 20;
/// How often the list from before an acknowledged write may show before the write is repeated.
const MOST_HIDDEN: u32 = 2;

/// What came of one attempt to complete a list.
pub(crate) enum Attempt {
    /// It has all entries.
    Complete(CompleteList),
    /// It has to be looked at again.
    Again(RetryReason),
}

/// A list that has all entries, with its digest.
pub(crate) enum CompleteList {
    /// It had them already.
    Found(Digest),
    /// This push has completed it and read it back. With the digest of what was there before.
    Written { digest: Digest, before: Option<Digest> },
}

/// Why a list is not complete yet.
pub(crate) enum RetryReason {
    /// It was taken, and the registry still shows what was there before.
    Hidden,
    /// Another client has written it.
    Overwritten,
    /// It was not taken, and another attempt may succeed.
    Transient(Error),
}

impl fmt::Display for RetryReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RetryReason::Hidden => f.write_str("the list was taken, and does not show yet"),
            RetryReason::Overwritten => f.write_str("somebody else writes the list, too"),
            RetryReason::Transient(error) => error.fmt(f),
        }
    }
}

impl RetryReason {
    /// The error when the waiting is over.
    pub(crate) fn into_error(self, target: String) -> ImageError {
        match self {
            RetryReason::Hidden | RetryReason::Overwritten => ImageError::Contended { target },
            RetryReason::Transient(source) => ImageError::Manifest { label: target, source },
        }
    }
}

/// One list while it is completed.
pub(crate) struct FallbackIndex<'a> {
    transport: &'a Transport,
    list: &'a ReferrersList,
    selector: Selector,
    /// The list that was sent last, unless the registry refused it.
    sent: Option<SentList>,
    /// What was there when a write on a condition was refused: if it still is, the condition was not the
    /// reason.
    refused: Option<Option<Bytes>>,
}

/// A list that was sent, and that the registry has stored or may have stored.
struct SentList {
    /// What was there when it was sent. While the registry still shows this, it has not stored our list, or
    /// doesn't show it yet.
    before: Option<Bytes>,
    /// How often that may still show before the list is sent again.
    patience: u32,
}

impl<'a> FallbackIndex<'a> {
    pub(crate) fn new(transport: &'a Transport, list: &'a ReferrersList, selector: Selector) -> Self {
        FallbackIndex { transport, list, selector, sent: None, refused: None }
    }

    /// Completes the list, once.
    ///
    /// # Errors
    /// If the list can't be read or written, or something else stands there.
    pub(crate) async fn attempt(&mut self) -> Result<Attempt, ListError> {
        let found = self.read().await?;
        let (index, lacking) = self.compare(found.as_ref()).await?;
        if let Some(found) = found.as_ref().filter(|_| lacking.is_empty()) {
            return Ok(self.complete(found));
        }
        let there = found.as_ref().map(|found| found.bytes.clone());
        if let Some(sent) = self.sent.as_mut().filter(|sent| sent.before == there && sent.patience > 0) {
            sent.patience -= 1;
            return Ok(Attempt::Again(RetryReason::Hidden));
        }
        let (patience, reason) = match self.write(self.extended(index, &lacking), found).await? {
            None => (MOST_HIDDEN, RetryReason::Overwritten),
            // It may have been stored all the same, and then this push has written it.
            Some(RetryReason::Transient(error)) if error.outcome_is_unknown() => {
                (0, RetryReason::Transient(error))
            }
            Some(reason) => return Ok(Attempt::Again(reason)),
        };
        self.sent = Some(SentList { before: there, patience });
        let found = self.read().await?;
        let (_, lacking) = self.compare(found.as_ref()).await?;
        Ok(match found.as_ref().filter(|_| lacking.is_empty()) {
            Some(found) => self.complete(found),
            None => Attempt::Again(reason),
        })
    }

    fn complete(&self, found: &FetchedManifest) -> Attempt {
        let digest = Digest::sha256(&found.bytes);
        Attempt::Complete(match &self.sent {
            Some(sent) => {
                CompleteList::Written { digest, before: sent.before.as_deref().map(Digest::sha256) }
            }
            None => CompleteList::Found(digest),
        })
    }

    async fn read(&self) -> Result<Option<FetchedManifest>, ListError> {
        let found = self.transport.get_manifest(&self.list.repository, &self.selector, Access::Push).await;
        found.map_err(|source| ListError::Failed(ImageError::Look { target: self.list.target(), source }))
    }

    /// The list as it is, with all members of its JSON, and what it lacks. An index that is no list is an
    /// error: it is left alone.
    async fn compare(&self, found: Option<&FetchedManifest>) -> Result<(Value, Vec<Digest>), ListError> {
        let Some(found) = found else {
            let index = serde_json::json!({
                "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [],
            });
            return Ok((index, self.list.entries.keys().copied().collect()));
        };
        let (target, subject) = (self.list.target(), self.list.subject);
        if subject.matches(&found.bytes) {
            return Err(ListError::Impossible(ImageError::SubjectItself { target, subject }));
        }
        let no_list = || ListError::Impossible(ImageError::NoList { target: target.clone() });
        let listed = entries_of(found).ok_or_else(no_list)?;
        if !self.are_referrers(&listed).await? {
            return Err(no_list());
        }
        let listed: HashSet<Digest> = listed.into_iter().map(|descriptor| descriptor.digest).collect();
        let lacking = self.list.entries.keys().copied().filter(|digest| !listed.contains(digest)).collect();
        // The strict parser has refused JSON that readers disagree on; this one keeps members that it doesn't
        // know.
        let index = serde_json::from_slice(&found.bytes).map_err(|_| no_list())?;
        Ok((index, lacking))
    }

    /// Whether an index with these entries is a list of referrers: one of them is attached to the subject. An
    /// image's index has no such entry. An entry that is not there any more counts as attached unless it is
    /// for a platform.
    async fn are_referrers(&self, listed: &[Descriptor]) -> Result<bool, ListError> {
        if listed.is_empty() || listed.iter().any(|entry| self.list.entries.contains_key(&entry.digest)) {
            return Ok(true);
        }
        for entry in listed.iter().take(MOST_LOOKED_AT) {
            let selector = Selector::Digest(entry.digest);
            let found = self.transport.get_manifest(&self.list.repository, &selector, Access::Push).await;
            match found.map_err(|source| self.list.look(source))? {
                Some(found) if subject_of(&found.bytes) == Some(self.list.subject) => return Ok(true),
                Some(_) => {}
                None if entry.platform.is_none() => return Ok(true),
                None => {}
            }
        }
        Ok(false)
    }

    fn extended(&self, mut index: Value, lacking: &[Digest]) -> Bytes {
        if let Some(list) = index.get_mut("manifests").and_then(Value::as_array_mut) {
            let entries = lacking.iter().filter_map(|digest| self.list.entries.get(digest));
            list.extend(entries.map(|entry| entry.0.clone()));
        }
        Bytes::from(index.to_string())
    }

    /// Writes the list over what was found. Returns why it has to be looked at again, if it has to.
    async fn write(
        &mut self,
        bytes: Bytes,
        found: Option<FetchedManifest>,
    ) -> Result<Option<RetryReason>, ListError> {
        let (there, etag) = found.map(|found| (found.bytes, found.etag)).unzip();
        let etag = etag.flatten().filter(|_| self.refused.as_ref() != Some(&there));
        let put = self.transport.replace_manifest(
            &self.list.repository,
            &self.selector,
            (media_type::OCI_INDEX, &bytes),
            etag.as_deref(),
        );
        let target = self.list.target();
        match put.await {
            Ok(Replaced::Done(_)) => Ok(None),
            Ok(Replaced::Changed) => {
                self.refused = Some(there);
                Ok(Some(RetryReason::Overwritten))
            }
            Err(error) if error.is_transient() => Ok(Some(RetryReason::Transient(error))),
            Err(source @ (Error::Refused(_) | Error::NotFound(_))) => {
                Err(ListError::Impossible(ImageError::ListRefused { target, source }))
            }
            Err(source) => Err(ListError::Failed(ImageError::Manifest { label: target, source })),
        }
    }
}

/// The entries of an index; `None` for anything else.
fn entries_of(found: &FetchedManifest) -> Option<Vec<Descriptor>> {
    let document = Document::parse(&found.bytes).ok()?;
    let is_index = document.media_type.is_none_or(|own| own == media_type::OCI_INDEX);
    document.manifests.filter(|_| is_index && document.config.is_none() && document.layers.is_none())
}

fn subject_of(bytes: &[u8]) -> Option<Digest> {
    Document::parse(bytes).ok()?.subject.map(|subject| subject.digest)
}
