//! The order of the checks.

use std::io;
use std::path::Path;

use airlift_bundle::{Archive, Plan, Storage};
use airlift_oci::{Digest, Graph, Limits, layout};

use super::compare::{self, Compared};
use super::examiner::{BesideImages, Examiner};
use crate::error::ExamineError;
use crate::examined::Examined;
use crate::found_blobs::FoundBlobs;

impl Examined {
    /// Opens and examines a bundle: an archive of Airlift's, another tool's tar, or a layout folder.
    ///
    /// # Errors
    /// If it can't be opened as a layout, or reading it fails. What is wrong with it is no error.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, ExamineError> {
        examine(path, limits, BesideImages::Hash)
    }

    /// The same for a layout whose images are to be copied. Content that no image has is not hashed, so no
    /// more than the manifests is read.
    ///
    /// # Errors
    /// If it can't be opened as a layout, or reading it fails. What is wrong with it is no error.
    pub fn open_to_copy(path: &Path, limits: Limits) -> Result<Self, ExamineError> {
        examine(path, limits, BesideImages::PassOver)
    }
}

fn examine(path: &Path, limits: Limits, beside_images: BesideImages) -> Result<Examined, ExamineError> {
    Examiner::new(Archive::open(path)?, beside_images)
        .run(limits)
        .map_err(|source| ExamineError::Read { path: path.to_owned(), source })
}

impl Examiner {
    fn run(mut self, limits: Limits) -> io::Result<Examined> {
        self.findings.extend(self.archive.volume_findings().iter().cloned());
        if self.archive.is_unreadable() {
            self.add_archive_findings();
            return Ok(self.finish(None, None, FoundBlobs::default()));
        }
        if let Some(form) = self.archive.docker_form() {
            self.refuse_docker_archive(form);
            return Ok(self.finish(None, None, FoundBlobs::default()));
        }
        let layout = self.read_layout_file(layout::LAYOUT_FILE, self.archive.layout(), layout::MAX_LAYOUT)?;
        let index = self.read_layout_file(layout::INDEX_FILE, self.archive.index(), layout::MAX_INDEX)?;
        let id = index.as_deref().map(Digest::sha256);
        if let Some(layout) = layout {
            self.check_oci_layout(&layout, id);
        }
        let (Some(index), Some(id)) = (index, id) else {
            self.add_archive_findings();
            self.hash_unlisted(None);
            return Ok(self.finish(None, None, FoundBlobs::default()));
        };
        self.check_id_of_volumes(id);
        let graph = self.read_graph(&index, limits);
        if let Some(graph) = &graph {
            self.report_external_layers(graph);
            self.report_absent_manifests(graph);
        }
        let blobs = self.find_blobs(graph.as_ref(), index)?;
        if let Some(graph) = &graph {
            self.check_entries_of_unknown_type(graph, &blobs);
        }
        Ok(self.finish(Some(id), graph, blobs))
    }

    /// Finds each blob's content: where the plan says in Airlift's own archives, by its name in others.
    fn find_blobs(&mut self, graph: Option<&Graph>, index: Vec<u8>) -> io::Result<FoundBlobs> {
        if let (Some(graph), Some(storage)) = (graph, self.archive.storage().cloned())
            && self.is_own
            && graph.is_complete()
            && let Ok(plan) = Plan::with_index(graph.clone(), index)
            && let Some(blobs) = self.compare_with_plan(&plan, &storage)?
        {
            return Ok(blobs);
        }
        self.add_archive_findings();
        let blobs = graph.map(|graph| self.find_blobs_by_name(graph)).unwrap_or_default();
        self.hash_unlisted(graph);
        self.refuse_foreign_frames_and_volumes();
        Ok(blobs)
    }

    /// Compares Airlift's own archive with its plan, byte for byte. That finds all that the tar reader finds,
    /// and can name it. `None` where another tool packed the archive again: then blobs lie elsewhere.
    fn compare_with_plan(&mut self, plan: &Plan, storage: &Storage) -> io::Result<Option<FoundBlobs>> {
        match compare::compare(&self.archive, storage, plan)? {
            Compared::PackedAgain(finding) => {
                self.findings.push(finding);
                Ok(None)
            }
            Compared::AsPlanned(findings) => {
                self.findings.extend(findings);
                self.findings.extend(compare::compare_frames(storage, plan));
                Ok(Some(self.find_blobs_by_plan(plan)))
            }
        }
    }
}
