//! Local content: what a build finds on disk and need not fetch. It is another bundle, an unfinished bundle,
//! or a layout of another tool, and is looked up by digest.
//!
//! Local content is not trusted: manifests are hashed here, blobs by the code that copies them.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::graph::Limits;
use airlift_oci::manifest::MAX_MANIFEST;
use airlift_oci::{Digest, DigestMap};
use bytes::Bytes;

use crate::compare::{Region, entry_difference};
use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::error::OpenError;
use crate::plan::{Content, Plan, PlannedEntry};
use crate::read::archive::Archive;
use crate::recover::recover_plan;
use crate::volumes::{PathKind, classify};

/// A file or folder whose content may save fetching.
#[derive(Debug)]
pub struct LocalContent {
    path: PathBuf,
    lookup: Lookup,
}

/// How content is found by its digest.
#[derive(Debug)]
enum Lookup {
    /// By the plan of one of our archives, finished or not.
    Plan { id: Digest, bytes: Storage, entries: Box<DigestMap<PlannedEntry>> },
    /// By the names in any other layout.
    Names(Box<Archive>),
}

impl LocalContent {
    /// Opens a bundle, an unfinished bundle, or a layout of another tool: archive or folder. Damage doesn't
    /// matter: content that doesn't have its digest is not used.
    ///
    /// # Errors
    /// If it can't be read, or is no image layout.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let read = |source| OpenError::Read { path: path.to_owned(), source };
        if classify(path) == PathKind::Other && std::fs::metadata(path).is_ok_and(|found| found.is_file()) {
            let file = Arc::new(File::open(path).map_err(read)?);
            if let Some(found) = Self::of_file(path, &file).map_err(read)? {
                return Ok(found);
            }
        }
        let archive = Archive::open(path)?;
        let planned = match archive.storage() {
            Some(storage) if archive.volumes().is_some() => Self::of_storage(path, storage).map_err(read)?,
            _ => None,
        };
        Ok(planned
            .unwrap_or(LocalContent { path: path.to_owned(), lookup: Lookup::Names(Box::new(archive)) }))
    }

    /// One of our archives, finished or not, that is open already; `None` if its beginning has no plan.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_file(path: &Path, file: &Arc<File>) -> io::Result<Option<Self>> {
        Self::of_storage(path, &file.into())
    }

    /// The same for an archive that may lie in several files.
    ///
    /// # Errors
    /// If it can't be read.
    pub fn of_storage(path: &Path, bytes: &Storage) -> io::Result<Option<Self>> {
        let plan = recover_plan(bytes, Limits::default())?;
        Ok(plan.map(|plan| {
            let lookup =
                Lookup::Plan { id: plan.id(), bytes: bytes.clone(), entries: Box::new(entries(&plan)) };
            LocalContent { path: path.to_owned(), lookup }
        }))
    }

    /// Why there are no blobs in it, as far as that is known; `None` if there are some.
    pub fn why_empty(&self) -> Option<String> {
        let Lookup::Names(archive) = &self.lookup else { return None };
        if archive.blobs().next().is_some() {
            return None;
        }
        let mut findings = archive.volume_findings().iter().chain(archive.findings());
        let docker = archive.docker_form().map(|form| form.advice().to_owned());
        let finding = || findings.find(|finding| finding.is_error()).map(|finding| finding.message.clone());
        Some(docker.or_else(finding).unwrap_or_else(|| "there are no blobs in it".to_owned()))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The id of the bundle that it is, or is to become; `None` for layouts of other tools.
    pub fn id(&self) -> Option<Digest> {
        match &self.lookup {
            Lookup::Plan { id, .. } => Some(*id),
            Lookup::Names(_) => None,
        }
    }

    /// A manifest, proven by its digest; `None` if it isn't there, or was altered.
    pub fn manifest(&self, digest: &Digest) -> Option<Bytes> {
        self.small(digest, MAX_MANIFEST)
    }

    /// Content of at most `limit` bytes, proven by its digest.
    pub fn small(&self, digest: &Digest, limit: u64) -> Option<Bytes> {
        let section = self.section(digest).filter(|section| section.size() <= limit)?;
        section.read_all().ok().filter(|bytes| digest.matches(bytes)).map(Bytes::from)
    }

    /// A blob of this size, unproven; `None` also if an unfinished bundle has no bytes of it yet.
    pub fn blob(&self, digest: &Digest, size: u64) -> Option<Section> {
        if let Lookup::Plan { bytes, entries, .. } = &self.lookup {
            // The header is written with the first bytes. If it is missing, the blob is nothing but zeros.
            let difference = entry_difference(bytes, entries.get(digest)?).ok()?;
            if matches!(difference, Some((Region::Header, _))) {
                return None;
            }
        }
        self.section(digest).filter(|section| section.size() == size)
    }

    fn section(&self, digest: &Digest) -> Option<Section> {
        match &self.lookup {
            Lookup::Plan { bytes, entries, .. } => {
                let entry = entries.get(digest)?;
                Some(Section::new(bytes, entry.data_offset, entry.size))
            }
            Lookup::Names(archive) => archive.blob(digest),
        }
    }
}

fn entries(plan: &Plan) -> DigestMap<PlannedEntry> {
    let is_filed = |entry: &PlannedEntry| !matches!(entry.content, Content::Layout | Content::Index);
    plan.entries().filter(is_filed).map(|entry| (entry.digest, entry)).collect()
}
