//! Finds volumes and manifests that copying tools or browsers have renamed, by their content. Messages then
//! say which file to rename: volumes are only read under the names that the manifest has.

use std::collections::HashMap;
use std::io::Read;
use std::path::{Path, PathBuf};

use airlift_disk::{Links, open_regular};
use airlift_oci::Digest;

use crate::volumes::manifest::MAX_SIZE;
use crate::volumes::names::{MANIFEST_SUFFIX, manifest_path};
use crate::volumes::read::{read_manifest, start_digest};
use crate::volumes::set::{SCHEMA, Volume, VolumeSet};

/// At most this many files of a folder are looked at.
const MOST_FILES: usize = 10_000;
/// At most this many manifests of a folder are read for one volume.
const MOST_SETS: usize = 20;

/// The files in the manifest's folder that begin as volumes of the set do: their names, by the volumes'
/// numbers.
pub(crate) fn renamed_volumes(manifest: &Path, set: &VolumeSet) -> HashMap<usize, String> {
    let mut found = HashMap::new();
    for (path, name) in files_beside(manifest).filter(|(_, name)| set.volume(name).is_none()) {
        let Some((size, start)) = beginning(&path) else { continue };
        if let Some(volume) = volume_like(set, size, &start) {
            found.entry(volume.number).or_insert(name);
        }
    }
    found
}

/// What a renamed file was: a volume, or a manifest.
pub(crate) struct RenamedFile {
    /// The name that it should have.
    pub(crate) name: String,
    /// The manifest of the set.
    pub(crate) manifest: PathBuf,
}

/// Whether a file is a renamed manifest of volumes, or a renamed volume whose manifest lies beside it; `None`
/// for anything else.
pub(crate) fn find_renamed(path: &Path) -> Option<RenamedFile> {
    let (size, start) = beginning(path)?;
    if size <= MAX_SIZE && is_manifest(path) {
        let set = read_manifest(path).ok()?.ok()?;
        let manifest = manifest_path(&path.with_file_name(set.stem()?));
        let name = manifest.file_name()?.to_str()?.to_owned();
        return (manifest != path).then_some(RenamedFile { name, manifest });
    }
    let sets = files_beside(path).filter(|(_, name)| name.ends_with(MANIFEST_SUFFIX)).take(MOST_SETS);
    sets.filter_map(|(manifest, _)| {
        let set = read_manifest(&manifest).ok()?.ok()?;
        let name = volume_like(&set, size, &start)?.name.clone();
        Some(RenamedFile { name, manifest })
    })
    .find(|renamed| path.file_name().is_none_or(|name| name != renamed.name.as_str()))
}

fn volume_like<'a>(set: &'a VolumeSet, size: u64, start: &Digest) -> Option<&'a Volume> {
    set.volumes.iter().find(|volume| volume.size == size && volume.start.0 == *start)
}

/// A regular file's size and the digest of its start.
fn beginning(path: &Path) -> Option<(u64, Digest)> {
    let file = open_regular(path, Links::Follow).ok()?;
    let size = file.metadata().ok()?.len();
    Some((size, start_digest(&file, size).ok()?))
}

fn is_manifest(path: &Path) -> bool {
    let expected = format!("{{\"schema\":\"{SCHEMA}\"");
    let mut start = Vec::new();
    let read = open_regular(path, Links::Follow)
        .and_then(|file| file.take(expected.len() as u64).read_to_end(&mut start));
    read.is_ok() && start == expected.as_bytes()
}

/// The regular files in the folder of `path`, with their names as far as these are text.
fn files_beside(path: &Path) -> impl Iterator<Item = (PathBuf, String)> {
    let folder = airlift_disk::folder_of(path).to_owned();
    let names = airlift_disk::names_in(&folder).into_iter().flatten().take(MOST_FILES).flatten();
    let files = names.map(move |name| (folder.join(&name), name));
    let files = files.filter(|(path, _)| path.symlink_metadata().is_ok_and(|found| found.is_file()));
    files.filter_map(|(path, name)| Some((path, name.into_string().ok()?)))
}
