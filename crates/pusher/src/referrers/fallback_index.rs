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

/// So many entries of an index are looked at to find out whether it is a list of referrers.
const MOST_LOOKED_AT: usize = 20;
/// So often what stood there before is read again before it is written over.
const MOST_HIDDEN: u32 = 2;

/// What came of one look at a list, and of one attempt to complete it.
pub(crate) enum Attempt {
    /// It has all entries, and this digest.
    Whole(Kept),
    /// It has to be looked at again.
    Again(Reason),
}

/// A list that has all entries, with its digest.
pub(crate) enum Kept {
    /// It was not written for that.
    Found(Digest),
    /// It was completed and read back.
    Written(Digest),
}

/// Why a list is not complete yet.
pub(crate) enum Reason {
    /// It was taken, and what is read is older.
    Hidden,
    /// Somebody else has written it.
    Overwritten,
    /// It was not taken, which may pass.
    Passing(Error),
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::Hidden => f.write_str("the list was taken, and does not show yet"),
            Reason::Overwritten => f.write_str("somebody else writes the list, too"),
            Reason::Passing(error) => error.fmt(f),
        }
    }
}

impl Reason {
    /// The error where it was waited long enough.
    pub(crate) fn into_error(self, target: String) -> ImageError {
        match self {
            Reason::Hidden | Reason::Overwritten => ImageError::Contended { target },
            Reason::Passing(source) => ImageError::Manifest { label: target, source },
        }
    }
}

/// Keeps one list.
pub(crate) struct FallbackIndex<'a> {
    transport: &'a Transport,
    list: &'a ReferrersList,
    selector: Selector,
    /// What stood there when the registry took ours: while it still does, ours doesn't show yet.
    before: Option<Option<Bytes>>,
    /// How often it still did.
    hidden: u32,
    /// What stood there when a write on a condition was refused: if it still does, the condition was not the
    /// reason.
    refused: Option<Option<Bytes>>,
}

impl<'a> FallbackIndex<'a> {
    pub(crate) fn new(transport: &'a Transport, list: &'a ReferrersList, selector: Selector) -> Self {
        FallbackIndex { transport, list, selector, before: None, hidden: 0, refused: None }
    }

    /// Completes the list, once.
    pub(crate) async fn attempt(&mut self) -> Result<Attempt, ListError> {
        let found = self.read().await?;
        let (index, lacking) = self.judge(found.as_ref()).await?;
        if let Some(found) = found.as_ref().filter(|_| lacking.is_empty()) {
            return Ok(self.whole(found));
        }
        let there = found.as_ref().map(|found| found.bytes.clone());
        if self.before.as_ref() == Some(&there) && self.hidden < MOST_HIDDEN {
            self.hidden += 1;
            return Ok(Attempt::Again(Reason::Hidden));
        }
        if let Some(reason) = self.write(self.extended(index, &lacking), found).await? {
            return Ok(Attempt::Again(reason));
        }
        (self.before, self.hidden) = (Some(there), 0);
        let found = self.read().await?;
        let (_, lacking) = self.judge(found.as_ref()).await?;
        Ok(match found.as_ref().filter(|_| lacking.is_empty()) {
            Some(found) => self.whole(found),
            None => Attempt::Again(Reason::Overwritten),
        })
    }

    fn whole(&self, found: &FetchedManifest) -> Attempt {
        let digest = Digest::sha256(&found.bytes);
        Attempt::Whole(if self.before.is_some() { Kept::Written(digest) } else { Kept::Found(digest) })
    }

    async fn read(&self) -> Result<Option<FetchedManifest>, ListError> {
        let found = self.transport.get_manifest(&self.list.repository, &self.selector, Access::Push).await;
        found.map_err(|source| ListError::Failed(ImageError::Look { target: self.list.target(), source }))
    }

    /// The list as it is, every member of it, and what it lacks. What is no list is left alone.
    async fn judge(&self, found: Option<&FetchedManifest>) -> Result<(Value, Vec<Digest>), ListError> {
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
        // The strict view refused what readers disagree on; this one keeps members that we don't know.
        let index = serde_json::from_slice(&found.bytes).map_err(|_| no_list())?;
        Ok((index, lacking))
    }

    /// Whether an index with these entries is a list of referrers: one of them is attached to the subject. An
    /// image's index has none. Of entries that are not there any more, those for a platform are an image's.
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

    /// Writes the list over what was found; why it has to be looked at again, if it has to.
    async fn write(
        &mut self,
        bytes: Bytes,
        found: Option<FetchedManifest>,
    ) -> Result<Option<Reason>, ListError> {
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
                Ok(Some(Reason::Overwritten))
            }
            Err(error) if error.is_passing() => Ok(Some(Reason::Passing(error))),
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
