//! Content of a blob against its descriptor: presence, size and digest.

use std::io;

use airlift_bundle::{Archive, Finding, Rule, Section, Storage};
use airlift_oci::Digest;

/// The content filed under a digest, if it has the size that a descriptor says. It is not hashed yet.
pub(crate) fn find(archive: &Archive, digest: Digest, size: u64) -> Result<Section, Finding> {
    let Some(section) = archive.blob(&digest) else {
        return Err(Finding::new(Rule::BlobMissing, "the blob is missing").about(digest));
    };
    if section.size() == size {
        return Ok(section);
    }
    let message = format!("the blob has {} bytes, but should have {}", section.size(), size);
    Err(Finding::new(Rule::BlobSize, message).about(digest).at(section.offset()))
}

/// Reads and hashes content; `None` if it has the digest `expected`. `progress` gets each piece's length.
pub(crate) fn hash(
    archive: &Archive,
    section: &Section,
    expected: Digest,
    progress: impl FnMut(u64),
) -> Option<Finding> {
    compare(archive, expected, section.digest(expected.algorithm(), progress))
}

/// Compares the digest of content, or the error of reading it, with what was `expected`.
pub(crate) fn compare(archive: &Archive, expected: Digest, found: io::Result<Digest>) -> Option<Finding> {
    let finding = match found {
        Ok(found) if found == expected => return None,
        Ok(found) => Finding::new(
            Rule::BlobDigest,
            format!("the content was altered: its digest is {found}, not {expected}"),
        ),
        Err(error) => unreadable(archive, &error),
    };
    Some(finding.about(expected))
}

/// Content that could not be read: because of damage if the bundle is compressed and doesn't unpack, else
/// because of the disk.
fn unreadable(archive: &Archive, error: &io::Error) -> Finding {
    let is_compressed = archive.storage().is_some_and(Storage::is_compressed);
    let is_damage = is_compressed && error.kind() == io::ErrorKind::InvalidData;
    let rule = if is_damage { Rule::ZstFrame } else { Rule::BlobUnreadable };
    Finding::new(rule, format!("the content can't be read: {error}"))
}
