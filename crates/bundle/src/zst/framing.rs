//! How an archive is divided into frames. It follows from the plan: from the entries' places and the blobs'
//! media types.

use crate::plan::{Content, Plan, PlannedEntry};
use crate::zst::format::{CHUNK, MAX_FRAMES, MAX_STORED};

/// Compressing less than this gains too little.
const LEAST: u64 = 4 << 10;

/// Consecutive bytes of the archive that become one frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PlannedFrame {
    /// How many bytes of the archive it has.
    pub(crate) size: u64,
    /// Whether it is compressed, if that makes it smaller.
    pub(crate) may_be_packed: bool,
}

impl PlannedFrame {
    fn stored(size: u64) -> Self {
        PlannedFrame { size, may_be_packed: false }
    }
}

/// All frames of an archive, in order.
pub(crate) fn planned_frames(plan: &Plan) -> impl Iterator<Item = PlannedFrame> + '_ {
    let tail = PlannedFrame::stored(plan.size() - plan.tail_offset());
    plan.entries().flat_map(|entry| frames_of_entry(plan, &entry)).chain([tail])
}

/// The frames of one entry. If its content may gain, head and padding have frames of their own: so they can
/// be compared, and the archive can be scanned, without unpacking anything.
pub(crate) fn frames_of_entry(
    plan: &Plan,
    entry: &PlannedEntry,
) -> impl Iterator<Item = PlannedFrame> + use<> {
    let PlannedEntry { header_offset, data_offset, size, .. } = *entry;
    let (head, end) = (data_offset - header_offset, entry.end());
    let gains = may_gain(plan, entry);
    let parts = if gains {
        [(head, MAX_STORED), (size, CHUNK), (end - data_offset - size, MAX_STORED)]
    } else {
        [(0, MAX_STORED), (0, CHUNK), (end - header_offset, MAX_STORED)]
    };
    parts.into_iter().enumerate().flat_map(move |(number, (total, most))| {
        (0..total.div_ceil(most)).map(move |part| PlannedFrame {
            size: most.min(total - part * most),
            may_be_packed: gains && number == 1,
        })
    })
}

/// Whether an archive can be written in frames: it must have no more of them than readers take. Sizes are
/// claims, so counting stops at the limit.
pub fn fits(plan: &Plan) -> bool {
    // One more for the frame digests.
    let most = MAX_FRAMES as usize - 1;
    planned_frames(plan).take(most + 1).count() <= most
}

/// Whether an entry's content is of a kind that is not compressed already. Whether a chunk really gains is
/// known when it is compressed.
fn may_gain(plan: &Plan, entry: &PlannedEntry) -> bool {
    let Content::Blob(position) = entry.content else { return false };
    let blob = || plan.graph().blob(position);
    entry.size >= LEAST && blob().is_some_and(|blob| is_plain(&blob.descriptor.media_type()))
}

/// Plain tar layers, JSON and text, by the media type that the first manifest to name it gives it.
fn is_plain(media_type: &str) -> bool {
    let essence = media_type.split(';').next().unwrap_or_default().trim();
    [".tar", "+json", "/json"].iter().any(|end| essence.ends_with(end)) || essence.starts_with("text/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_may_gain_goes_by_its_type() {
        for plain in [
            "application/vnd.oci.image.layer.v1.tar",
            "application/vnd.oci.image.layer.nondistributable.v1.tar",
            "application/vnd.docker.image.rootfs.diff.tar",
            "application/vnd.in-toto+json",
            "application/json; charset=utf-8",
            "text/spdx",
        ] {
            assert!(is_plain(plain), "{plain}");
        }
        for packed in [
            "application/vnd.oci.image.layer.v1.tar+gzip",
            "application/vnd.oci.image.layer.v1.tar+zstd",
            "application/vnd.docker.image.rootfs.diff.tar.gzip",
            "application/octet-stream",
            "",
        ] {
            assert!(!is_plain(packed), "{packed}");
        }
    }
}
