//! The names of unfinished files: `BUNDLE.part` while a bundle is written; `BUNDLE.part.1` and so on for
//! unfinished files of earlier plans, which are set aside because the new plan may find something in them.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use airlift_disk::{names_in, with_suffix};
use airlift_oci::layout;

use crate::tar::header::BLOCK;
use crate::zst::stored;

/// More unfinished files of one bundle than this are not kept: the last one gives way.
pub(crate) const MAX_SET_ASIDE: u32 = 9;

/// The `.part` name of an output.
pub fn part_path(output: &Path) -> PathBuf {
    with_suffix(output, ".part")
}

/// Whether `path` is called as what a build writes before it is complete: a `.part`, that of a volume, or
/// what was set aside.
pub fn is_unfinished(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let is_number = |end: &str| end.len() == 1 && end.bytes().all(|byte| byte.is_ascii_digit());
    let name = match name.rsplit_once('.') {
        Some((name, end)) if is_number(end) || end == "manifests" => name,
        _ => name,
    };
    name.strip_suffix(".part").is_some_and(|output| !output.is_empty())
}

/// The unfinished file of a build with this output, if there is one; in volumes the first of them.
pub(crate) fn unfinished_of(output: &Path) -> Option<PathBuf> {
    let volume = |digits: usize| with_suffix(output, &format!(".{:0digits$}.part", 1));
    [part_path(output), volume(3), volume(4)].into_iter().find(|path| is_ours(path))
}

/// What earlier runs left beside the `.part` of `output`: unfinished files of other plans, and manifests.
pub fn set_aside_paths(output: &Path) -> Vec<PathBuf> {
    let part = part_path(output);
    let all = numbered(&part).chain([manifests_path(output)]);
    all.filter(|path| is_ours(path)).collect()
}

/// The longest suffix of an unfinished output's name has so many bytes: `.volumes.json.part`.
const LONGEST_SUFFIX: u64 = 18;

/// Whether the folder of `output` takes all names that its files have while it is written.
pub fn has_room_for_names(output: &Path) -> bool {
    let name = output.file_name().map_or(0, |name| name.len() as u64);
    airlift_disk::longest_name(airlift_disk::folder_of(output))
        .is_none_or(|longest| name + LONGEST_SUFFIX <= longest)
}

pub(crate) fn manifests_path(output: &Path) -> PathBuf {
    with_suffix(&part_path(output), ".manifests")
}

pub(crate) fn numbered(part: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=MAX_SET_ASIDE).map(move |number| with_suffix(part, &format!(".{number}")))
}

/// Whether a file begins as those of an unfinished build do. Other files of that name are not ours: they
/// are neither read, nor replaced, nor removed.
pub(crate) fn is_ours(path: &Path) -> bool {
    airlift_disk::open_regular(path, airlift_disk::Links::Refuse)
        .and_then(|file| starts_like_ours(&file))
        .unwrap_or(false)
}

pub(crate) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

/// Whether a file starts with the name of a bundle's first entry, or with reserved space that nothing was
/// written to yet.
pub(crate) fn starts_like_ours(file: &File) -> io::Result<bool> {
    let mut start = [0; BLOCK as usize];
    let count = airlift_disk::read_full_at(file, &mut start, 0)?;
    Ok(start.starts_with(layout::LAYOUT_FILE.as_bytes())
        || stored::starts_like_ours(&start[..count])
        || start[..count].iter().all(|byte| *byte == 0))
}

/// The files beside `output` whose names are that of `output`, a full stop, and something that `is_of_it`.
pub(crate) fn names_behind(output: &Path, is_of_it: impl Fn(&[u8]) -> bool) -> Vec<PathBuf> {
    let Some(name) = output.file_name() else { return Vec::new() };
    let names = names_in(output.parent().unwrap_or(Path::new("."))).into_iter().flatten().flatten();
    let beside = names.filter(|other| {
        let rest = other.as_bytes().strip_prefix(name.as_bytes());
        rest.and_then(|rest| rest.strip_prefix(b".")).is_some_and(&is_of_it)
    });
    beside.map(|other| output.with_file_name(other)).collect()
}

/// A name up to its first full stop.
pub(crate) fn first_part_of_name(name: &[u8]) -> &[u8] {
    name.split(|byte| *byte == b'.').next().unwrap_or_default()
}
