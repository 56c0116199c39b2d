//! Findings that only follow from others: content that is missing behind a cut, for example.

use airlift_bundle::{Archive, Finding, Rule};

/// Rules of findings that end the reading of an archive, or hide a file of it.
const HIDING: [Rule; 15] = [
    Rule::FolderLimit,
    Rule::FolderType,
    Rule::TarChecksum,
    Rule::TarEnd,
    Rule::TarFormat,
    Rule::TarLimit,
    Rule::TarPath,
    Rule::TarPax,
    Rule::TarSize,
    Rule::TarTruncated,
    Rule::TarType,
    Rule::VolumeMissing,
    Rule::VolumeSize,
    Rule::ZstFrame,
    Rule::ZstTable,
];

/// Marks the findings that follow from others.
pub(super) fn mark(all: &mut [Finding], archive: &Archive) {
    let is_hidden = all.iter().any(|one| one.is_error() && HIDING.contains(&one.rule));
    let shift = all.iter().find(|one| one.rule == Rule::TarShifted).and_then(|one| one.offset);
    let mut layout_missing = 0;
    for one in all {
        one.follows = match one.rule {
            Rule::BlobMissing | Rule::ManifestMissing => is_hidden,
            Rule::LayoutMissing => {
                layout_missing += 1;
                is_hidden && !archive.is_docker_archive() || layout_missing > 1
            }
            // The header differs because the file ends before it.
            Rule::TarHeader | Rule::TarPadding if one.offset >= Some(archive.size()) => true,
            Rule::BlobDigest | Rule::TarTail | Rule::TarTruncated => {
                shift.is_some_and(|shift| one.offset > Some(shift))
            }
            _ => false,
        };
    }
}
