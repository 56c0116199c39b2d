//! Looks at everything but the blobs' contents: the container, the roots, every manifest, and whether all
//! that they name is there.

use std::collections::{HashMap, HashSet};
use std::io;
use std::path::Path;

use airlift_bundle::recover::ManifestOffsets;
use airlift_bundle::{Archive, Finding, OpenError, Plan, Rule, Section, Storage};
use airlift_oci::document::oddities;
use airlift_oci::graph::ManifestEntry;
use airlift_oci::layout::Root;
use airlift_oci::manifest::MAX_MANIFEST;
use airlift_oci::{Descriptor, Digest, Graph, GraphBuilder, GraphError, Limits, RawManifest, layout};

use crate::frame::{self, Compared};
use crate::report::Findings;

/// Why a bundle could not be looked at.
#[derive(Debug, thiserror::Error)]
pub enum ExamineError {
    /// It can't be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// It can't be read any more.
    #[error("can't read {}", .path.display())]
    Read {
        /// The bundle.
        path: std::path::PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// A bundle whose structure was examined; the blobs' contents were not hashed yet.
#[derive(Debug)]
pub struct Examined {
    pub(crate) archive: Archive,
    pub(crate) id: Option<Digest>,
    /// `None` where the graph could not be walked at all.
    pub(crate) graph: Option<Graph>,
    /// Where each blob's content lies, as far as it is there with the right size.
    pub(crate) blobs: HashMap<Digest, Section>,
    /// Digests whose content is damaged or missing.
    pub(crate) damaged: HashSet<Digest>,
    pub(crate) findings: Findings,
    pub(crate) hashed: u64,
    /// Roots of no known type.
    pub(crate) unknown: Vec<Root>,
}

impl Examined {
    /// Opens and examines a bundle: our archive, another tool's tar, or a layout folder.
    pub fn open(path: &Path, limits: Limits) -> Result<Self, ExamineError> {
        let archive = Archive::open(path)?;
        Examiner {
            archive: &archive,
            findings: Findings::default(),
            damaged: HashSet::new(),
            hashed: 0,
            ours: false,
            unknown: Vec::new(),
        }
        .run(limits)
        .map(|outcome| outcome.into_examined(archive))
        .map_err(|source| ExamineError::Read { path: path.to_owned(), source })
    }

    /// The digest of `index.json`.
    pub fn id(&self) -> Option<Digest> {
        self.id
    }

    /// What was found so far.
    pub fn findings(&self) -> &[Finding] {
        self.findings.as_slice()
    }

    /// The graph below the roots; `None` where it could not be walked.
    pub fn graph(&self) -> Option<&Graph> {
        self.graph.as_ref()
    }

    /// The container.
    pub fn archive(&self) -> &Archive {
        &self.archive
    }

    /// The unproven content of a blob that the graph names; `None` where it isn't there.
    pub fn blob(&self, digest: &Digest) -> Option<&Section> {
        self.blobs.get(digest)
    }

    /// The content of a small blob such as a config, proven; `None` where it isn't there, is large or is
    /// damaged.
    pub fn small_blob(&self, descriptor: &Descriptor) -> Option<Vec<u8>> {
        let section = self.blobs.get(&descriptor.digest).filter(|section| section.size() <= MAX_MANIFEST)?;
        section.read_all().ok().filter(|bytes| descriptor.digest.matches(bytes))
    }
}

pub(crate) struct Examiner<'a> {
    pub(crate) archive: &'a Archive,
    pub(crate) findings: Findings,
    pub(crate) damaged: HashSet<Digest>,
    pub(crate) hashed: u64,
    pub(crate) ours: bool,
    /// Roots of no known type, in other tools' layouts.
    pub(crate) unknown: Vec<Root>,
}

/// Everything of [`Examined`] but the archive.
struct Outcome {
    id: Option<Digest>,
    graph: Option<Graph>,
    blobs: HashMap<Digest, Section>,
    damaged: HashSet<Digest>,
    findings: Findings,
    hashed: u64,
    unknown: Vec<Root>,
}

impl Outcome {
    fn into_examined(self, archive: Archive) -> Examined {
        let Outcome { id, graph, blobs, damaged, findings, hashed, unknown } = self;
        Examined { archive, id, graph, blobs, damaged, findings, hashed, unknown }
    }
}

impl Examiner<'_> {
    fn run(mut self, limits: Limits) -> io::Result<Outcome> {
        self.findings.extend(self.archive.volume_findings().iter().cloned());
        if self.archive.is_unreadable() {
            self.take_container_defects();
            return self.outcome(None, None, HashMap::new());
        }
        if let Some(form) = self.archive.docker_form() {
            self.take_docker_archive(form);
            return self.outcome(None, None, HashMap::new());
        }
        let layout = self.read_top(layout::LAYOUT_FILE, self.archive.layout(), layout::MAX_LAYOUT)?;
        let index = self.read_top(layout::INDEX_FILE, self.archive.index(), layout::MAX_INDEX)?;
        let id = index.as_deref().map(Digest::sha256);
        if let Some(layout) = layout {
            self.judge_layout_file(&layout, id);
        }
        let (Some(index), Some(id)) = (index, id) else {
            self.take_container_defects();
            self.look_at_unlisted(None)?;
            return self.outcome(None, None, HashMap::new());
        };
        self.hold_against_volumes(id);
        let graph = self.graph(&index, limits)?;
        if let Some(graph) = &graph {
            self.tell_of_external_layers(graph);
            self.tell_of_lacking_manifests(graph);
        }
        let planned = match (&graph, self.archive.storage()) {
            (Some(graph), Some(storage)) if self.ours && graph.is_complete() => {
                Plan::with_index(graph.clone(), index).ok().map(|plan| (plan, storage.clone()))
            }
            _ => None,
        };
        let blobs = match &planned {
            Some((plan, storage)) => self.hold_against_plan(plan, storage)?,
            None => None,
        };
        let blobs = match blobs {
            Some(blobs) => blobs,
            None => self.look_by_names(graph.as_ref())?,
        };
        if let Some(graph) = &graph {
            self.look_into_entries(graph, &blobs);
        }
        self.outcome(Some(id), graph, blobs)
    }

    /// Our own archive: each byte of the frame is compared, which finds all that the scan finds, and can name
    /// it. `None` where another tool has packed it again, so that things are where their names are.
    fn hold_against_plan(
        &mut self,
        plan: &Plan,
        storage: &Storage,
    ) -> io::Result<Option<HashMap<Digest, Section>>> {
        Ok(match frame::compare(self.archive, storage, plan)? {
            Compared::PackedAgain(finding) => {
                self.findings.push(finding);
                None
            }
            Compared::AsPlanned(findings) => {
                self.findings.extend(findings);
                self.findings.extend(frame::compare_cut(storage, plan));
                Some(self.locate_planned(plan, storage))
            }
        })
    }

    /// What is no archive of ours as we write them: content lies where the scan found its name.
    fn look_by_names(&mut self, graph: Option<&Graph>) -> io::Result<HashMap<Digest, Section>> {
        self.take_container_defects();
        let blobs = graph.map(|graph| self.locate_scanned(graph)).unwrap_or_default();
        self.look_at_unlisted(graph)?;
        self.refuse_unplanned_containers();
        Ok(blobs)
    }

    /// What lies below the roots that `index.json` names.
    fn graph(&mut self, index: &[u8], limits: Limits) -> io::Result<Option<Graph>> {
        let place = || vec![layout::INDEX_FILE.to_owned()];
        match layout::parse_index(index) {
            Ok(roots) => {
                if roots.is_empty() {
                    let finding = Finding::new(Rule::IndexEmpty, "index.json names no image");
                    self.findings.push(finding.of(place()));
                }
                self.findings.extend(odd_form(index).map(|finding| finding.of(place())));
                let roots = self.set_apart_unknown(roots)?;
                self.walk(roots, limits, index.len() as u64)
            }
            Err(error) => {
                let finding = Finding::new(Rule::IndexJson, format!("index.json can't be read: {error}"));
                self.findings.push(finding.of(place()));
                Ok(None)
            }
        }
    }

    fn outcome(
        self,
        id: Option<Digest>,
        graph: Option<Graph>,
        blobs: HashMap<Digest, Section>,
    ) -> io::Result<Outcome> {
        let Examiner { findings, damaged, hashed, unknown, .. } = self;
        Ok(Outcome { id, graph, blobs, damaged, findings, hashed, unknown })
    }

    /// Reads and proves every manifest, level by level.
    fn walk(&mut self, roots: Vec<Root>, limits: Limits, index_size: u64) -> io::Result<Option<Graph>> {
        let refuse = |examiner: &mut Self, error: GraphError| {
            let rule = if error.is_limit() { Rule::GraphLimit } else { Rule::Graph };
            examiner.findings.push(Finding::new(rule, error.to_string()).of(place_of(&error)));
        };
        let mut builder = match GraphBuilder::new(roots, limits) {
            Ok(builder) => builder,
            Err(error) => {
                refuse(self, error);
                return Ok(None);
            }
        };
        let mut predicted = self.ours.then(|| ManifestOffsets::after_index(index_size));
        while !builder.wanted().is_empty() {
            let mut answers = Vec::with_capacity(builder.wanted().len());
            for (number, wanted) in builder.wanted().iter().enumerate() {
                let place = predicted.as_mut().and_then(|prediction| prediction.next(&wanted.descriptor));
                let answer = self.manifest(wanted, place, || builder.path_of(number))?;
                answers.push(answer);
            }
            // Children of a damaged manifest are unknown, and so is what lies behind them.
            if answers.iter().any(Option::is_none) {
                predicted = None;
            }
            if let Err(error) = builder.supply(answers) {
                refuse(self, error);
                return Ok(None);
            }
        }
        match builder.finish() {
            Ok(graph) if self.ours => Ok(Some(graph)),
            Ok(graph) => Ok(Some(self.settle_partial(graph, limits).adopt_attached())),
            Err(error) => {
                refuse(self, error);
                Ok(None)
            }
        }
    }

    fn manifest(
        &mut self,
        wanted: &ManifestEntry,
        predicted: Option<u64>,
        path: impl Fn() -> Vec<String>,
    ) -> io::Result<Option<RawManifest>> {
        let descriptor = &wanted.descriptor;
        let digest = descriptor.digest;
        let mut fail = |finding: Finding| {
            self.damaged.insert(digest);
            self.findings.push(finding.about(digest).of(path()));
            Ok(None)
        };
        if descriptor.size > MAX_MANIFEST {
            let message = format!(
                "the manifest is said to have {} bytes; more than {MAX_MANIFEST} is refused",
                descriptor.size
            );
            return fail(Finding::new(Rule::ManifestSize, message));
        }
        let section = match (self.archive.blob(&digest), predicted, self.archive.storage()) {
            (Some(section), ..) => section,
            // The scan had to stop before it came here, but the plan says where it must be.
            (None, Some(offset), Some(storage))
                if offset.saturating_add(descriptor.size) <= self.archive.size() =>
            {
                Section::new(storage, offset, descriptor.size)
            }
            _ => return fail(Finding::new(Rule::ManifestMissing, "the manifest is missing")),
        };
        if section.size() != descriptor.size {
            let message =
                format!("the manifest has {} bytes, but should have {}", section.size(), descriptor.size);
            return fail(Finding::new(Rule::ManifestSize, message).at(section.offset()));
        }
        let bytes = match section.read_all() {
            Ok(bytes) => bytes,
            Err(error) => {
                let message = format!("the manifest can't be read: {error}");
                return fail(Finding::new(Rule::ManifestUnreadable, message).at(section.offset()));
            }
        };
        self.hashed += section.size();
        match RawManifest::prove(bytes.into(), descriptor) {
            Ok(raw) => {
                let odd = odd_form(raw.bytes()).map(|one| one.about(digest).at(section.offset()).of(path()));
                self.findings.extend(odd);
                Ok(Some(raw))
            }
            Err(error) => {
                let rule = match error {
                    airlift_oci::ManifestError::Digest { .. } => Rule::ManifestDigest,
                    _ => Rule::ManifestJson,
                };
                let cause =
                    std::error::Error::source(&error).map(|cause| format!(": {cause}")).unwrap_or_default();
                self.damaged.insert(digest);
                let finding = Finding::new(rule, format!("{error}{cause}"));
                self.findings.push(finding.about(digest).at(section.offset()).of(path()));
                Ok(None)
            }
        }
    }
}

/// What is odd about a manifest and no reason to refuse it: clients that pull it there may be.
fn odd_form(bytes: &[u8]) -> Option<Finding> {
    let odd = oddities(bytes);
    let message = format!("{}: other tools may refuse it", odd.join(", and "));
    (!odd.is_empty()).then(|| Finding::new(Rule::ManifestForm, message))
}

/// Where a graph is wrong: in an index below a root, or in what `index.json` itself says.
fn place_of(error: &GraphError) -> Vec<String> {
    error
        .path()
        .filter(|path| path.len() > 1)
        .map_or_else(|| vec![layout::INDEX_FILE.to_owned()], <[String]>::to_vec)
}
