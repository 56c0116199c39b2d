//! Local content: what a build finds on disk and need not fetch. It is another bundle, an unfinished bundle, or
//! a layout of another tool, and is looked up by digest.
//!
//! Local content is not trusted: manifests are hashed here, blobs by the code that copies them.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::Digest;
use airlift_oci::graph::Limits;
use airlift_oci::manifest::MAX_MANIFEST;
use bytes::Bytes;

use crate::compare::{Region, entry_difference};
use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::plan::{self, Plan, PlannedEntry};
use crate::read::archive::{Archive, OpenError};
use crate::recover::plan_of;
use crate::volumes::{self, PathKind};

/// A file or folder with content that may be of use.
#[derive(Debug)]
pub struct LocalContent {
    path: PathBuf,
    content: Content,
}

#[derive(Debug)]
enum Content {
    /// One of our archives, finished or not: the plan says where things are, or are to be.
    Planned { id: Digest, bytes: Storage, places: HashMap<Digest, PlannedEntry> },
    /// Anything else: things are where their names are.
    Named(Box<Archive>),
}

impl LocalContent {
    /// Opens a bundle, an unfinished bundle, or a layout of another tool: archive or folder. Damage doesn't
    /// matter: what is not what it is called is not used.
    ///
    /// # Errors
    /// If it can't be read, or holds no image layout.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let read = |source| OpenError::Read { path: path.to_owned(), source };
        if volumes::classify(path) == PathKind::Other
            && std::fs::metadata(path).is_ok_and(|found| found.is_file())
        {
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
            .unwrap_or(LocalContent { path: path.to_owned(), content: Content::Named(Box::new(archive)) }))
    }

    /// One of our archives, finished or not, that is open already; `None` where it doesn't say what it holds.
    pub fn of_file(path: &Path, file: &Arc<File>) -> io::Result<Option<Self>> {
        Self::of_storage(path, &file.into())
    }

    /// The same for one that may lie in several files.
    pub fn of_storage(path: &Path, bytes: &Storage) -> io::Result<Option<Self>> {
        let plan = plan_of(bytes, Limits::default())?;
        Ok(plan.map(|plan| {
            let content = Content::Planned { id: plan.id(), bytes: bytes.clone(), places: places(&plan) };
            LocalContent { path: path.to_owned(), content }
        }))
    }

    /// Why there are no blobs in it, as far as that is known; `None` if there are some.
    pub fn why_empty(&self) -> Option<String> {
        let Content::Named(archive) = &self.content else { return None };
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

    /// The id of the bundle that it is, or is to become; `None` for what isn't ours.
    pub fn id(&self) -> Option<Digest> {
        match &self.content {
            Content::Planned { id, .. } => Some(*id),
            Content::Named(_) => None,
        }
    }

    /// A manifest, proven by its digest; `None` where it isn't there, or is no longer what it is called.
    pub fn manifest(&self, digest: &Digest) -> Option<Bytes> {
        self.small(digest, MAX_MANIFEST)
    }

    /// Content of at most `limit` bytes, proven by its digest.
    pub fn small(&self, digest: &Digest, limit: u64) -> Option<Bytes> {
        let section = self.section(digest).filter(|section| section.size() <= limit)?;
        section.read_all().ok().filter(|bytes| digest.matches(bytes)).map(Bytes::from)
    }

    /// The place of a blob of this size, unproven; `None` also where an unfinished bundle has not begun with
    /// it.
    pub fn blob(&self, digest: &Digest, size: u64) -> Option<Section> {
        if let Content::Planned { bytes, places, .. } = &self.content {
            // The header goes to disk with the first bytes. Without it, gigabytes of zeros would be read for
            // nothing.
            let defect = entry_difference(bytes, places.get(digest)?).ok()?;
            if matches!(defect, Some((Region::Header, _))) {
                return None;
            }
        }
        self.section(digest).filter(|section| section.size() == size)
    }

    fn section(&self, digest: &Digest) -> Option<Section> {
        match &self.content {
            Content::Planned { bytes, places, .. } => {
                let entry = places.get(digest)?;
                Some(Section::new(bytes, entry.data_offset, entry.size))
            }
            Content::Named(archive) => archive.blob(digest),
        }
    }
}

fn places(plan: &Plan) -> HashMap<Digest, PlannedEntry> {
    let is_filed =
        |entry: &&PlannedEntry| !matches!(entry.content, plan::Content::Layout | plan::Content::Index);
    plan.entries().iter().filter(is_filed).map(|entry| (entry.digest, entry.clone())).collect()
}
