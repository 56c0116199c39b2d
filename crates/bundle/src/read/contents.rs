//! What an archive or a folder contains: the files of an image layout, and others.

use airlift_oci::{DigestMap, layout};

use crate::findings::{Finding, Rule};
use crate::read::docker::{DockerFiles, DockerForm};
use crate::tar::path::EntryPath;

/// At most this many files that don't belong to a layout are named one by one; the others are counted.
const MAX_EXTRA: u64 = 100;

/// What a layout came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Container {
    /// A tar archive.
    Tar,
    /// A folder.
    Folder,
}

/// Where a file's bytes are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ByteRange {
    /// Where they start in the archive; zero in a folder.
    pub offset: u64,
    /// How many there are.
    pub size: u64,
}

/// The files of a layout, and what is wrong with the container.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) container: Container,
    /// `oci-layout`.
    pub(super) layout: Option<ByteRange>,
    /// `index.json`.
    pub(super) index: Option<ByteRange>,
    pub(super) blobs: DigestMap<ByteRange>,
    /// The bytes of all files.
    pub(super) size: u64,
    pub(super) findings: Vec<Finding>,
    docker: DockerFiles,
    /// How many files are no part of a layout.
    extra: u64,
}

impl Contents {
    pub(super) fn new(container: Container) -> Self {
        Contents {
            container,
            layout: None,
            index: None,
            blobs: DigestMap::default(),
            size: 0,
            findings: Vec::new(),
            docker: DockerFiles::default(),
            extra: 0,
        }
    }

    /// Adds a file. If there is one of that name already, which the scan has reported, the first counts.
    pub(super) fn add(&mut self, path: &EntryPath, offset: u64, size: u64) {
        self.size = self.size.saturating_add(size);
        let range = ByteRange { offset, size };
        match (path.digest(), path.as_str()) {
            (Some(digest), _) => {
                self.blobs.insert(digest, range);
            }
            (None, layout::LAYOUT_FILE) => {
                self.layout.get_or_insert(range);
            }
            (None, layout::INDEX_FILE) => {
                self.index.get_or_insert(range);
            }
            (None, other) if self.docker.note(other) => {}
            (None, _) => {
                let message = format!("{} is no part of an image layout and was not looked at", path.shown());
                self.add_extra(message, (self.container == Container::Tar).then_some(offset));
            }
        }
    }

    /// Adds something harmless that doesn't belong to a layout.
    pub(super) fn add_extra(&mut self, message: String, offset: Option<u64>) {
        self.extra += 1;
        if self.extra <= MAX_EXTRA {
            self.findings.push(Finding::new(Rule::ExtraFile, message).at(offset));
        }
    }

    /// Counts the extra files that were not named. An archive in Docker's own form has links; these are not
    /// reported.
    pub(super) fn finish(mut self) -> Self {
        if self.docker_form().is_some() {
            self.findings.retain(|finding| !matches!(finding.rule, Rule::TarType | Rule::FolderType));
        }
        if let Some(more) = self.extra.checked_sub(MAX_EXTRA).filter(|more| *more > 0) {
            let message = format!("{more} more files are no part of an image layout and were not looked at");
            self.findings.push(Finding::new(Rule::ExtraFile, message));
        }
        self
    }

    /// Whether any of the files at the top of an image layout is there.
    pub(super) fn has_layout(&self) -> bool {
        self.layout.is_some() || self.index.is_some()
    }

    /// Which form of Docker's own this is; `None` if it has a part of an image layout, or is neither.
    pub(super) fn docker_form(&self) -> Option<DockerForm> {
        match self.container {
            _ if self.has_layout() => None,
            Container::Tar => self.docker.form_of_tar(),
            Container::Folder => self.docker.form_of_folder(),
        }
    }
}
