//! An image layout, opened in place: our archive, another tool's tar, or a folder.
//!
//! Opening finds out where things lie and what is wrong with the container; it hashes nothing. Whether the
//! contents are what they are called is the verifier's business.

mod docker;
mod error;

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_disk::read::ReadAt;
use airlift_oci::{Digest, layout};
use docker::DockerFiles;

use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::findings::{Finding, Rule};
use crate::tar::path::EntryPath;
use crate::tar::scan::scan;
use crate::volumes::{self, PathKind, Volume, VolumeSet};
use crate::zst::seek_table::{self, DamagedEnd, SeekTable};

pub use docker::DockerForm;
pub use error::OpenError;

/// What a layout came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A tar archive.
    Tar,
    /// A folder.
    Folder,
}

/// An opened layout.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    container: Container,
    /// The tar's bytes; `None` for a folder, whose files are opened as they are needed.
    storage: Option<Storage>,
    size: u64,
    /// What the manifest of volumes says, where the archive is in volumes.
    volumes: Option<VolumeSet>,
    /// The bytes of all volumes, one behind the other.
    joined: Option<Storage>,
    /// What is wrong with volumes as such.
    volume_findings: Vec<Finding>,
    /// Where that is another one.
    size_on_disk: Option<u64>,
    layout: Option<Place>,
    index: Option<Place>,
    blobs: HashMap<Digest, Place>,
    /// What there is of the files of Docker's own form of an archive.
    docker: DockerFiles,
    /// Files that are no part of a layout.
    extra: u64,
    findings: Vec<Finding>,
}

/// So many files that don't belong there are named one by one; of more, only the number is told.
const MAX_EXTRA: u64 = 100;

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    size: u64,
}

impl Archive {
    /// Opens a tar archive or a folder.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        match volumes::classify(path) {
            PathKind::Set { manifest } => return Archive::of_set(path, &manifest),
            PathKind::Volume { manifest, .. } => {
                return Err(OpenError::OneVolume { path: path.to_owned(), manifest });
            }
            PathKind::Other => {}
        }
        let opened = Archive::open_unsplit(path);
        let is_strange = match &opened {
            // As the first volume of several is.
            Ok(archive) => archive.is_cut_off(),
            Err(error) => matches!(error, OpenError::NotALayout { .. }),
        };
        if let Some(renamed) = is_strange.then(|| volumes::recognised(path)).flatten() {
            return Err(OpenError::renamed(path, renamed));
        }
        let lacking = match &opened {
            Ok(archive) => archive.is_cut_off().then(|| volumes::of_first(path)).flatten(),
            Err(error) => volumes::lacks_manifest(path, error),
        };
        match (lacking, opened) {
            (Some((volume, manifest)), _) => Err(OpenError::NoVolumeSet { volume, manifest }),
            (None, Err(error)) => Err(error.or_unfinished(path)),
            (None, opened) => opened,
        }
    }

    /// Whether it ends before its end, as the first volume of several does.
    fn is_cut_off(&self) -> bool {
        self.findings.iter().any(|finding| matches!(finding.rule, Rule::TarTruncated | Rule::TarEnd))
    }

    /// The same for what isn't in volumes.
    fn open_unsplit(path: &Path) -> Result<Self, OpenError> {
        let read = |source| OpenError::Read { path: path.to_owned(), source };
        if path == Path::new("-") && std::fs::symlink_metadata(path).is_err() {
            return Err(OpenError::Pipe { path: path.to_owned() });
        }
        let metadata = std::fs::metadata(path).map_err(read)?;
        if metadata.is_dir() {
            let archive = crate::read::folder::open(path).map_err(read)?;
            let neither = archive.layout.is_none() && archive.index.is_none() && !archive.is_docker_archive();
            return if neither { Err(OpenError::NotALayout { path: path.to_owned() }) } else { Ok(archive) };
        }
        if metadata.file_type().is_fifo() || metadata.file_type().is_socket() {
            return Err(OpenError::Pipe { path: path.to_owned() });
        }
        if !metadata.is_file() {
            return Err(OpenError::NotALayout { path: path.to_owned() });
        }
        let file = File::open(path).map_err(read)?;
        Archive::of_bytes(path, Arc::new(file).into())
    }

    /// The layout in volumes whose manifest is at `manifest`.
    fn of_set(path: &Path, manifest: &Path) -> Result<Self, OpenError> {
        let volumes::Opened { set, storage, findings } = volumes::open(manifest)?;
        let opened = storage.as_ref().map(|joined| Archive::of_bytes(path, joined.clone()));
        let mut archive = match opened {
            Some(Ok(archive)) => archive,
            Some(Err(error)) if findings.is_empty() => return Err(error),
            // That it can't be read as an archive follows from what is wrong with the volumes.
            Some(Err(_)) | None => {
                Archive::empty(path, Container::Tar, set.as_ref().map_or(0, |set| set.size))
            }
        };
        (archive.volumes, archive.joined, archive.volume_findings) = (set, storage, findings);
        Ok(archive)
    }

    /// The layout in a file's bytes: a tar archive, or frames that unpack to one.
    fn of_bytes(path: &Path, bytes: Storage) -> Result<Self, OpenError> {
        let read = |source| OpenError::Read { path: path.to_owned(), source };
        let length = bytes.size().map_err(read)?;
        let compression = compression(&bytes).map_err(read)?;
        match seek_table::open(&bytes.source(), length).map_err(read)? {
            SeekTable::Frames(frames) => {
                let mut archive = Archive::of_storage(path, frames.into())?;
                archive.size_on_disk = Some(length);
                Ok(archive)
            }
            SeekTable::Damaged(end) => Ok(Archive::unreadable(path, length, end)),
            SeekTable::NotOurs => match compression {
                Some(format) => Err(OpenError::Compressed { path: path.to_owned(), format }),
                None => Archive::of_storage(path, bytes),
            },
        }
    }

    /// A compressed bundle of whose frames nobody knows where they are.
    fn unreadable(path: &Path, length: u64, damaged: DamagedEnd) -> Self {
        let mut archive = Archive::empty(path, Container::Tar, length);
        let DamagedEnd { what, position } = damaged;
        let message = format!(
            "{what} at byte {position} of the compressed file is not what it has to be: most often the file was cut off"
        );
        archive.add_finding(Finding::new(Rule::ZstTable, message));
        archive
    }

    /// The layout whose tar archive `storage` is.
    fn of_storage(path: &Path, storage: Storage) -> Result<Self, OpenError> {
        let read = |source| OpenError::Read { path: path.to_owned(), source };
        let size = storage.size().map_err(read)?;
        let mut archive = Archive::empty(path, Container::Tar, size);
        let findings = scan(&storage, size, |entry| archive.add(entry.path, entry.data_offset, entry.size));
        let findings = findings.map_err(read)?;
        let unreadable_from_the_start = findings.iter().any(|d| {
            d.offset == Some(0) && matches!(d.rule, Rule::TarChecksum | Rule::TarFormat | Rule::TarTruncated)
        });
        if unreadable_from_the_start && !has_layout_name(&storage).map_err(read)? {
            return Err(OpenError::NotALayout { path: path.to_owned() });
        }
        archive.storage = Some(storage);
        archive.findings.splice(0..0, findings);
        archive.sum_up();
        Ok(archive)
    }

    pub(crate) fn empty(path: &Path, container: Container, size: u64) -> Self {
        Archive {
            path: path.to_owned(),
            container,
            storage: None,
            size,
            volumes: None,
            joined: None,
            volume_findings: Vec::new(),
            size_on_disk: None,
            layout: None,
            index: None,
            blobs: HashMap::new(),
            docker: DockerFiles::default(),
            extra: 0,
            findings: Vec::new(),
        }
    }

    /// Takes note of a file; of two with one name the first counts, the scan has reported it.
    pub(crate) fn add(&mut self, path: EntryPath, offset: u64, size: u64) {
        let place = Place { offset, size };
        match (path.digest(), path.as_str()) {
            (Some(digest), _) => {
                self.blobs.entry(digest).or_insert(place);
            }
            (None, layout::LAYOUT_FILE) => {
                self.layout.get_or_insert(place);
            }
            (None, layout::INDEX_FILE) => {
                self.index.get_or_insert(place);
            }
            (None, other) if self.docker.note(other) => {}
            (None, _) => {
                let message = format!("{} is no part of an image layout and was not looked at", path.shown());
                self.add_extra(message, (self.container == Container::Tar).then_some(offset));
            }
        }
        if self.container == Container::Folder {
            self.size = self.size.saturating_add(size);
        }
    }

    /// Takes note of something that doesn't belong to a layout, and is harmless.
    pub(crate) fn add_extra(&mut self, message: String, offset: Option<u64>) {
        self.extra += 1;
        if self.extra <= MAX_EXTRA {
            self.findings.push(Finding::new(Rule::ExtraFile, message).at(offset));
        }
    }

    /// Counts the extra files that were not named. Of an archive in Docker's own form, in which there are
    /// links, these are nothing that anybody has to know.
    pub(crate) fn sum_up(&mut self) {
        if self.is_docker_archive() {
            self.findings.retain(|finding| !matches!(finding.rule, Rule::TarType | Rule::FolderType));
        }
        if let Some(more) = self.extra.checked_sub(MAX_EXTRA).filter(|more| *more > 0) {
            let message = format!("{more} more files are no part of an image layout and were not looked at");
            self.findings.push(Finding::new(Rule::ExtraFile, message));
        }
    }

    pub(crate) fn add_finding(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it came in.
    pub fn container(&self) -> Container {
        self.container
    }

    /// Bytes in all: the tar archive's, or those of a folder's files together.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether this is what `docker save` wrote before it wrote image layouts (and crane's tarballs are).
    pub fn is_docker_archive(&self) -> bool {
        self.docker_form().is_some()
    }

    /// Which form of Docker's own this is; `None` for what has a part of an image layout, or is neither.
    pub fn docker_form(&self) -> Option<DockerForm> {
        let has_layout = self.layout.is_some() || self.index.is_some();
        if has_layout { None } else { self.docker.form(self.container) }
    }

    /// The volumes that it lies in; `None` for an archive in one file, and where their manifest is damaged.
    pub fn volumes(&self) -> Option<&VolumeSet> {
        self.volumes.as_ref()
    }

    /// The content of a volume, unproven; `None` where some are missing.
    pub fn volume(&self, volume: &Volume) -> Option<Section> {
        let start = self.volumes.as_ref()?.start_of(volume);
        self.joined.as_ref().map(|joined| Section::new(joined, start, volume.size))
    }

    /// What is wrong with volumes as such: some are missing, or are not what they are called.
    pub fn volume_findings(&self) -> &[Finding] {
        &self.volume_findings
    }

    /// Whether something is wrong with the archive or its volumes as such, beyond warnings.
    pub fn has_errors(&self) -> bool {
        self.findings.iter().chain(&self.volume_findings).any(Finding::is_error)
    }

    /// Bytes on disk: fewer than [`Archive::size`] where the archive is compressed.
    pub fn size_on_disk(&self) -> u64 {
        self.size_on_disk.unwrap_or(self.size)
    }

    /// What is wrong with the container itself.
    pub fn findings(&self) -> &[Finding] {
        &self.findings
    }

    /// The digests by which content is filed, in no order.
    pub fn blobs(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.keys()
    }

    /// Whether nothing of it can be read: the findings say why.
    pub fn is_unreadable(&self) -> bool {
        self.container == Container::Tar && self.storage.is_none()
    }

    /// The tar's bytes; `None` for a folder, and where they can't be read.
    pub fn storage(&self) -> Option<&Storage> {
        self.storage.as_ref()
    }

    /// `oci-layout`; `None` where there is none.
    pub fn layout(&self) -> Option<Section> {
        self.layout.map(|place| self.section(place, || EntryPath::top(layout::LAYOUT_FILE)))
    }

    /// `index.json`; `None` where there is none.
    pub fn index(&self) -> Option<Section> {
        self.index.map(|place| self.section(place, || EntryPath::top(layout::INDEX_FILE)))
    }

    /// The content filed under a digest, unproven; `None` where there is none.
    pub fn blob(&self, digest: &Digest) -> Option<Section> {
        self.blobs.get(digest).map(|place| self.section(*place, || EntryPath::of_blob(digest)))
    }

    fn section(&self, place: Place, path: impl FnOnce() -> EntryPath) -> Section {
        match &self.storage {
            Some(storage) => Section::new(storage, place.offset, place.size),
            None => Section::of_path(&self.path.join(path().as_str()), place.size),
        }
    }
}

/// The compression that a file starts with, by its magic number.
fn compression(file: &impl ReadAt) -> io::Result<Option<&'static str>> {
    let mut magic = [0; 6];
    file.read_full_at(&mut magic, 0)?;
    Ok(match magic {
        [0x1f, 0x8b, ..] => Some("gzip"),
        // A frame, and one that is to be skipped.
        [0x28, 0xb5, 0x2f, 0xfd, ..] | [0x50..=0x5f, 0x2a, 0x4d, 0x18, ..] => Some("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some("xz"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        _ => None,
    })
}

/// Whether the file starts like one of our bundles, header damage or not: then it is a damaged bundle, not
/// another file.
fn has_layout_name(file: &impl ReadAt) -> io::Result<bool> {
    let mut start = [0; 1024];
    let count = file.read_full_at(&mut start, 0)?;
    let holds = |needle: &[u8]| start[..count].windows(needle.len()).any(|window| window == needle);
    Ok(holds(layout::LAYOUT_FILE.as_bytes()) || holds(layout::BUNDLE_ID.as_bytes()))
}
