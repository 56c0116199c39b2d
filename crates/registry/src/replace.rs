//! Replacing a manifest that others may replace, too.

use airlift_oci::{Repository, Selector};
use bytes::Bytes;

use crate::error::Error;
use crate::manifest::PutManifest;
use crate::transport::Transport;

/// What came of a replacement.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Replaced {
    /// It was taken.
    Done(PutManifest),
    /// Something else stands there by now: it has to be read again.
    Changed,
}

impl Transport {
    /// Stores a manifest in place of the one that came with `etag`; without one, in place of whatever there
    /// is.
    ///
    /// It is sent once and never repeated: what it was made from may be out of date by then. Few registries
    /// look at the condition, so it has to be read back.
    ///
    /// # Errors
    /// If the registry doesn't take it, or says that it took something else.
    pub async fn replace_manifest(
        &self,
        repository: &Repository,
        selector: &Selector,
        (media_type, bytes): (&str, &Bytes),
        etag: Option<&str>,
    ) -> Result<Replaced, Error> {
        match self.put_once(repository, selector, media_type, bytes, etag).await {
            Ok(put) => Ok(Replaced::Done(put)),
            Err(error) if etag.is_some() && error.refusal().is_some_and(|refusal| refusal.status == 412) => {
                Ok(Replaced::Changed)
            }
            Err(error) => Err(error),
        }
    }
}
