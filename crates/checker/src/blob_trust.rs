//! Whether a repository's word on blobs means anything.
//!
//! Some servers, and caches before them, answer 200 to whatever is asked for. So each repository is asked
//! once for a blob that can't exist. Most lies are found by their sizes; this finds those without a size.

use airlift_oci::{Digest, Repository};
use airlift_registry::{Access, HeadTrust, Lookup};

use crate::hosts::Hosts;

/// The size of the blob that can't exist. No answer has it by accident.
const MADE_UP_SIZE: u64 = 4_711_081_517;

/// Whose answers about blobs are believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum BlobTrust {
    /// HEADs that say yes, and GETs.
    Heads,
    /// GETs alone.
    Gets,
    /// No answer but the bytes themselves.
    Bytes,
}

/// Asks a repository for a blob that can't exist. Without an answer, nothing speaks against it.
pub(crate) async fn of(hosts: &Hosts, repository: &Repository) -> BlobTrust {
    let digest = Digest::sha256(format!("made up, to see what {repository} says").as_bytes());
    if !has(hosts, repository, digest, HeadTrust::Always).await {
        BlobTrust::Heads
    } else if !has(hosts, repository, digest, HeadTrust::Never(digest)).await {
        BlobTrust::Gets
    } else {
        BlobTrust::Bytes
    }
}

async fn has(hosts: &Hosts, repository: &Repository, digest: Digest, trust: HeadTrust) -> bool {
    let blob = (digest, MADE_UP_SIZE);
    let request = hosts.transport.look_up_blob(repository, blob, Access::Pull, trust);
    matches!(hosts.ask(repository, request).await, Ok(Lookup::There(())))
}
