//! Reads a manifest back that was sent: the bytes and the media type have to be those that were sent.

use airlift_oci::{Digest, Event, RawManifest, Repository, Selector};
use airlift_registry::{Access, Transport};

use crate::image_error::ImageError;
use crate::lock::locked;
use crate::send::refusal::is_withheld;
use crate::send::tree_upload::TreeUpload;

impl TreeUpload {
    /// Reads back a manifest that was sent. One that doesn't show yet is waited for.
    ///
    /// # Errors
    /// If the registry hands out anything else, or nothing.
    pub(crate) async fn read_back(
        &self,
        raw: &RawManifest,
        selector: Selector,
        label: &str,
    ) -> Result<(), ImageError> {
        let transport = &self.session.transport;
        let sent = Sent { repository: &self.tree.repository, selector: &selector, raw, label };
        let mut patience = transport.wait_for_visibility(label);
        loop {
            let Err(error) = sent.read_back_once(transport).await else {
                self.report_arrival(raw, selector);
                return Ok(());
            };
            let may_come = matches!(error, ImageError::Vanished { .. } | ImageError::Overtaken { .. });
            if !may_come || !patience.wait("it was taken, and does not show yet").await {
                return Err(error);
            }
        }
    }

    fn report_arrival(&self, raw: &RawManifest, selector: Selector) {
        let before = self.before.filter(|_| matches!(selector, Selector::Tag(_)));
        self.session.observer.notice(Event::Arrived {
            repository: self.tree.repository.clone(),
            selector,
            digest: raw.digest(),
            media_type: raw.media_type().to_owned(),
            before,
        });
    }

    /// Reads back the manifests that a policy kept back. All attachments have come by now, also signatures.
    ///
    /// # Errors
    /// If the registry hands out anything else, or still nothing.
    pub(crate) async fn read_back_withheld(&self) -> Result<(), ImageError> {
        let withheld = std::mem::take(&mut *locked(&self.withheld));
        for (digest, label) in withheld {
            let entry = self.graph().manifest(&digest);
            if let Some(raw) = entry.and_then(|entry| entry.raw.as_ref()) {
                self.read_back(raw, Selector::Digest(digest), &label).await?;
            }
        }
        Ok(())
    }
}

/// A manifest that the registry has taken.
struct Sent<'a> {
    repository: &'a Repository,
    selector: &'a Selector,
    raw: &'a RawManifest,
    label: &'a str,
}

impl Sent<'_> {
    /// Clients go by the media type that the registry gives, so a registry that gives another one hands out
    /// another manifest.
    async fn read_back_once(&self, transport: &Transport) -> Result<(), ImageError> {
        let (label, selector) = (self.label.to_owned(), self.selector.clone());
        let (media_type, bytes) = (self.raw.media_type(), self.raw.bytes());
        match transport.get_manifest(self.repository, &selector, Access::Push).await {
            // The bytes by its digest are those that were sent. So the tag stands for something else, still
            // or again.
            Ok(Some(found)) if found.bytes != bytes => {
                Err(ImageError::Overtaken { label, there: Digest::sha256(&found.bytes) })
            }
            Ok(Some(found)) => match found.content_type {
                Some(answered) if answered != media_type => {
                    Err(ImageError::Retyped { label, selector, sent: media_type.to_owned(), answered })
                }
                _ => Ok(()),
            },
            Ok(None) => Err(ImageError::Vanished { label, selector }),
            Err(source) if source.refusal().is_some_and(is_withheld) => {
                Err(ImageError::Withheld { label, source })
            }
            Err(source) => Err(ImageError::ReadBack { label, source }),
        }
    }
}
