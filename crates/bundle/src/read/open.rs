//! Opens an image layout: finds out what a path is, and where the layout lies in it.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::Path;
use std::sync::Arc;

use airlift_disk::ReadAt;
use airlift_oci::layout;

use crate::content::storage::Storage;
use crate::error::OpenError;
use crate::findings::{Finding, Rule};
use crate::read::archive::Archive;
use crate::read::contents::{Container, Contents};
use crate::read::folder;
use crate::tar::scan::scan;
use crate::volumes::names::{first_volume_of, is_first_volume, manifest_of_volume};
use crate::volumes::renamed::{RenamedFile, find_renamed};
use crate::volumes::{PathKind, classify, manifest_path, open_set};
use crate::write::unfinished_names::{is_unfinished, unfinished_of};
use crate::zst::seek_table::{self, DamagedEnd, SeekTable};

impl Archive {
    /// Opens a tar archive, plain, in zstd frames or in volumes, or a folder.
    ///
    /// # Errors
    /// If it can't be read, or is no image layout. Damage is no error: [`Archive::findings`] lists it.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        match classify(path) {
            PathKind::Set { manifest } => return open_volumes(path, &manifest),
            PathKind::Volume { manifest, .. } => {
                return Err(OpenError::OneVolume { path: path.to_owned(), manifest });
            }
            PathKind::Other => {}
        }
        let opened = open_single(path);
        match explanation(path, &opened) {
            Some(error) => Err(error),
            None => opened,
        }
    }
}

/// An error that says more than the one in `opened`, or than the findings about an archive that ends too
/// early.
fn explanation(path: &Path, opened: &Result<Archive, OpenError>) -> Option<OpenError> {
    let is_cut_off = opened.as_ref().is_ok_and(Archive::is_cut_off);
    let is_no_layout = matches!(opened, Err(OpenError::NotALayout { .. }));
    let is_missing = matches!(opened, Err(OpenError::Read { source, .. })
        if source.kind() == io::ErrorKind::NotFound);
    if (is_cut_off || is_no_layout)
        && let Some(RenamedFile { name, manifest }) = find_renamed(path)
    {
        return Some(OpenError::Renamed { path: path.to_owned(), name, manifest });
    }
    let volume = if is_missing {
        first_volume_of(path).map(|volume| (volume, manifest_path(path)))
    } else if is_no_layout || is_cut_off && is_first_volume(path) {
        manifest_of_volume(path).map(|manifest| (path.to_owned(), manifest))
    } else {
        None
    };
    if let Some((volume, manifest)) = volume {
        return Some(OpenError::NoVolumeSet { volume, manifest });
    }
    let part = match opened {
        _ if is_missing => unfinished_of(path),
        Err(OpenError::NotALayout { .. } | OpenError::Compressed { .. }) if is_unfinished(path) => {
            Some(path.to_owned())
        }
        _ => None,
    };
    part.map(|part| OpenError::Unfinished { path: path.to_owned(), part })
}

/// Opens a folder, or an archive in one file.
fn open_single(path: &Path) -> Result<Archive, OpenError> {
    let read = |source| OpenError::Read { path: path.to_owned(), source };
    if path == Path::new("-") && std::fs::symlink_metadata(path).is_err() {
        return Err(OpenError::Pipe { path: path.to_owned() });
    }
    let metadata = std::fs::metadata(path).map_err(read)?;
    if metadata.is_dir() {
        let contents = folder::list(path).map_err(read)?;
        if !contents.has_layout() && contents.docker_form().is_none() {
            return Err(OpenError::NotALayout { path: path.to_owned() });
        }
        let size = contents.size;
        return Ok(Archive { size, ..with_contents(path, contents) });
    }
    if metadata.file_type().is_fifo() || metadata.file_type().is_socket() {
        return Err(OpenError::Pipe { path: path.to_owned() });
    }
    if !metadata.is_file() {
        return Err(OpenError::NotALayout { path: path.to_owned() });
    }
    let file = File::open(path).map_err(read)?;
    open_bytes(path, Arc::new(file).into())
}

/// Opens the archive in volumes whose manifest is at `manifest`.
fn open_volumes(path: &Path, manifest: &Path) -> Result<Archive, OpenError> {
    let volumes = open_set(manifest)?;
    let opened = volumes.storage.as_ref().map(|joined| open_bytes(path, joined.clone()));
    let archive = match opened {
        Some(Ok(archive)) => archive,
        Some(Err(error)) if volumes.findings.is_empty() => return Err(error),
        // The volumes' findings explain why it can't be read as an archive.
        Some(Err(_)) | None => {
            let size = volumes.set.as_ref().map_or(0, |set| set.size);
            Archive { size, ..with_contents(path, Contents::new(Container::Tar)) }
        }
    };
    Ok(Archive { volumes: Some(volumes), ..archive })
}

/// Opens a tar archive, or frames that unpack to one.
fn open_bytes(path: &Path, bytes: Storage) -> Result<Archive, OpenError> {
    let read = |source| OpenError::Read { path: path.to_owned(), source };
    let length = bytes.size().map_err(read)?;
    let compression = compression(&bytes).map_err(read)?;
    match seek_table::open(&bytes.source(), length).map_err(read)? {
        SeekTable::Frames(frames) => {
            let archive = open_tar(path, frames.into())?;
            Ok(Archive { size_on_disk: Some(length), ..archive })
        }
        SeekTable::Damaged(end) => Ok(without_frames(path, length, end)),
        SeekTable::NotOurs => match compression {
            Some(format) => Err(OpenError::Compressed { path: path.to_owned(), format }),
            None => open_tar(path, bytes),
        },
    }
}

/// A compressed bundle whose seek table is damaged, so that its frames can't be found.
fn without_frames(path: &Path, length: u64, damaged: DamagedEnd) -> Archive {
    let DamagedEnd { what, position } = damaged;
    let message = format!(
        "{what} at byte {position} of the compressed file is not what it has to be: most often the file was cut off"
    );
    let mut contents = Contents::new(Container::Tar);
    contents.findings.push(Finding::new(Rule::ZstTable, message));
    Archive { size: length, ..with_contents(path, contents) }
}

/// Opens a tar archive.
fn open_tar(path: &Path, storage: Storage) -> Result<Archive, OpenError> {
    let read = |source| OpenError::Read { path: path.to_owned(), source };
    let size = storage.size().map_err(read)?;
    let mut contents = Contents::new(Container::Tar);
    let findings = scan(&storage, size, |entry| contents.add(&entry.path, entry.data_offset, entry.size));
    let findings = findings.map_err(read)?;
    let starts_badly = findings.iter().any(|finding| {
        let rules = [Rule::TarChecksum, Rule::TarFormat, Rule::TarTruncated];
        finding.offset == Some(0) && rules.contains(&finding.rule)
    });
    if starts_badly && !has_layout_name(&storage).map_err(read)? {
        return Err(OpenError::NotALayout { path: path.to_owned() });
    }
    contents.findings.splice(0..0, findings);
    Ok(Archive { size, storage: Some(storage), ..with_contents(path, contents.finish()) })
}

fn with_contents(path: &Path, contents: Contents) -> Archive {
    Archive { path: path.to_owned(), contents, storage: None, size: 0, size_on_disk: None, volumes: None }
}

/// The compression that a file starts with, by its magic number.
fn compression(file: &impl ReadAt) -> io::Result<Option<&'static str>> {
    let mut magic = [0; 6];
    file.read_full_at(&mut magic, 0)?;
    Ok(match magic {
        [0x1f, 0x8b, ..] => Some("gzip"),
        // A frame, or a skippable frame.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some("xz"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        _ => None,
    })
}

/// Whether the file starts like one of our bundles, even if the header is damaged: then it is a damaged
/// bundle, not another file.
fn has_layout_name(file: &impl ReadAt) -> io::Result<bool> {
    let mut start = [0; 1024];
    let count = file.read_full_at(&mut start, 0)?;
    let holds = |needle: &[u8]| start[..count].windows(needle.len()).any(|window| window == needle);
    Ok(holds(layout::LAYOUT_FILE.as_bytes()) || holds(layout::BUNDLE_ID.as_bytes()))
}
