//! An image layout, opened in place: our archive, another tool's tar, or a folder.
//!
//! [`Archive::open`] finds out where things lie and what is wrong with the container. It hashes nothing: the
//! verifier checks that contents have the digests that they are named by.

use std::path::{Path, PathBuf};

use airlift_oci::{Digest, layout};

use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::findings::{Finding, Rule};
use crate::read::contents::{ByteRange, Container, Contents};
use crate::read::docker::DockerForm;
use crate::tar::path::EntryPath;
use crate::volumes::{OpenedSet, Volume, VolumeSet};

/// An opened layout.
#[derive(Debug)]
pub struct Archive {
    pub(super) path: PathBuf,
    pub(super) contents: Contents,
    /// The tar's bytes; `None` for a folder, whose files are opened as they are needed.
    pub(super) storage: Option<Storage>,
    pub(super) size: u64,
    /// The size on disk, if it is another one.
    pub(super) size_on_disk: Option<u64>,
    /// The volumes that the archive lies in.
    pub(super) volumes: Option<OpenedSet>,
}

impl Archive {
    /// Whether it ends too early, as the first volume of several does.
    pub(super) fn is_cut_off(&self) -> bool {
        self.findings().iter().any(|finding| matches!(finding.rule, Rule::TarTruncated | Rule::TarEnd))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it came in.
    pub fn container(&self) -> Container {
        self.contents.container
    }

    /// Its size in bytes: that of the tar archive, or that of all files of a folder.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Whether it is in Docker's own form: `docker save` wrote it before it wrote image layouts, and crane
    /// still does.
    pub fn is_docker_archive(&self) -> bool {
        self.docker_form().is_some()
    }

    /// Which form of Docker's own this is; `None` if it has a part of an image layout, or is neither.
    pub fn docker_form(&self) -> Option<DockerForm> {
        self.contents.docker_form()
    }

    /// The volumes that it lies in; `None` for an archive in one file, and if their manifest is damaged.
    pub fn volumes(&self) -> Option<&VolumeSet> {
        self.volumes.as_ref()?.set.as_ref()
    }

    /// The content of a volume, unproven; `None` if some are missing.
    pub fn volume(&self, volume: &Volume) -> Option<Section> {
        let OpenedSet { set: Some(set), storage: Some(joined), .. } = self.volumes.as_ref()? else {
            return None;
        };
        Some(Section::new(joined, set.offset_of(volume), volume.size))
    }

    /// What is wrong with volumes as such: some are missing, or aren't what their manifest says.
    pub fn volume_findings(&self) -> &[Finding] {
        self.volumes.as_ref().map_or(&[], |volumes| &volumes.findings)
    }

    /// Its size on disk: less than [`Archive::size`] if the archive is compressed.
    pub fn size_on_disk(&self) -> u64 {
        self.size_on_disk.unwrap_or(self.size)
    }

    /// What is wrong with the container itself.
    pub fn findings(&self) -> &[Finding] {
        &self.contents.findings
    }

    /// Whether the archive or its volumes as such have an error, not only warnings.
    pub fn has_errors(&self) -> bool {
        self.findings().iter().chain(self.volume_findings()).any(Finding::is_error)
    }

    /// The digests that its blobs are named by, in no order.
    pub fn blobs(&self) -> impl Iterator<Item = Digest> {
        self.contents.blobs.digests()
    }

    /// Whether nothing of it can be read: the findings say why.
    pub fn is_unreadable(&self) -> bool {
        self.container() == Container::Tar && self.storage.is_none()
    }

    /// The tar's bytes; `None` for a folder, and if they can't be read.
    pub fn storage(&self) -> Option<&Storage> {
        self.storage.as_ref()
    }

    /// `oci-layout`; `None` if there is none.
    pub fn layout(&self) -> Option<Section> {
        self.contents.layout.map(|range| self.section(range, || EntryPath::top(layout::LAYOUT_FILE)))
    }

    /// `index.json`; `None` if there is none.
    pub fn index(&self) -> Option<Section> {
        self.contents.index.map(|range| self.section(range, || EntryPath::top(layout::INDEX_FILE)))
    }

    /// The blob named by a digest, unproven; `None` if there is none.
    pub fn blob(&self, digest: &Digest) -> Option<Section> {
        self.contents.blobs.get(digest).map(|range| self.blob_at(digest, *range))
    }

    /// Where the blob named by a digest lies, and its position among all blobs of the archive; `None` if
    /// there is none.
    pub fn range_of(&self, digest: &Digest) -> Option<(usize, ByteRange)> {
        self.contents.blobs.find(digest).map(|(position, range)| (position, *range))
    }

    /// The blob named by a digest, if its bytes are there.
    pub fn blob_at(&self, digest: &Digest, range: ByteRange) -> Section {
        self.section(range, || EntryPath::of_blob(digest))
    }

    fn section(&self, range: ByteRange, path: impl FnOnce() -> EntryPath) -> Section {
        match &self.storage {
            Some(storage) => Section::new(storage, range.offset, range.size),
            None => Section::of_path(&self.path.join(path().as_str()), range.size),
        }
    }
}
