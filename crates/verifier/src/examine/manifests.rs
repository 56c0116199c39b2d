//! `index.json` and every manifest below it: read, proven by digest, and parsed.

use std::error::Error;

use airlift_bundle::recover::ManifestOffsets;
use airlift_bundle::{Detail, Finding, Rule, Section};
use airlift_oci::document::oddities;
use airlift_oci::layout::Root;
use airlift_oci::manifest::MAX_MANIFEST;
use airlift_oci::{Descriptor, Graph, GraphBuilder, GraphError, Limits, ManifestError, RawManifest, layout};

use super::examiner::Examiner;

impl Examiner {
    /// What lies below the roots that `index.json` names; `None` where that can't be said.
    pub(super) fn read_graph(&mut self, index: &[u8], limits: Limits) -> Option<Graph> {
        let path = || vec![layout::INDEX_FILE.to_owned()];
        let roots = match layout::parse_index(index) {
            Ok(roots) => roots,
            Err(error) => {
                let message = format!("index.json can't be read: {error}");
                self.findings.push(Finding::new(Rule::IndexJson, message).of(path()));
                return None;
            }
        };
        if roots.is_empty() {
            self.findings.push(Finding::new(Rule::IndexEmpty, "index.json names no image").of(path()));
        }
        self.findings.extend(odd_form(index).map(|finding| finding.of(path())));
        let roots = self.split_off_unknown_types(roots);
        match self.walk(roots, limits, index.len() as u64) {
            Ok(graph) if self.is_own => Some(graph),
            Ok(graph) => Some(self.leave_out_missing_platforms(graph, limits).adopt_attached()),
            Err(error) => {
                let limit = error.limit();
                let rule = if limit.is_some() { Rule::GraphLimit } else { Rule::Graph };
                let finding = Finding::new(rule, error.to_string()).of(place_of(&error));
                self.findings.push(finding.with(limit.map(Detail::Limit)));
                None
            }
        }
    }

    /// Reads and proves every manifest, level by level.
    fn walk(&mut self, roots: Vec<Root>, limits: Limits, index_size: u64) -> Result<Graph, GraphError> {
        let mut builder = GraphBuilder::new(roots, limits)?;
        let mut offsets = self.is_own.then(|| ManifestOffsets::after_index(index_size));
        while !builder.wanted().is_empty() {
            let mut answers = Vec::with_capacity(builder.wanted().len());
            for (number, wanted) in builder.wanted().iter().enumerate() {
                let descriptor = builder.descriptor_of(wanted);
                let offset = offsets.as_mut().and_then(|offsets| offsets.next(&descriptor));
                answers.push(self.manifest(&descriptor, offset, || builder.path_of(number)));
            }
            // The children of a damaged manifest are unknown, and so is where the next manifests lie.
            if answers.iter().any(Option::is_none) {
                offsets = None;
            }
            builder.supply(answers)?;
        }
        builder.finish()
    }

    /// One manifest, proven; `None` where something is wrong with it, which is then a finding.
    fn manifest(
        &mut self,
        descriptor: &Descriptor,
        planned: Option<u64>,
        path: impl Fn() -> Vec<String>,
    ) -> Option<RawManifest> {
        let (raw, finding) = match self.read_manifest(descriptor, planned) {
            Ok((raw, offset)) => {
                let odd = odd_form(raw.bytes()).map(|finding| finding.at(offset));
                (Some(raw), odd)
            }
            Err(finding) => {
                self.damaged.insert(descriptor.digest, ());
                (None, Some(finding))
            }
        };
        self.findings.extend(finding.map(|finding| finding.about(descriptor.digest).of(path())));
        raw
    }

    /// Reads and proves a manifest. Says also at which offset it lies.
    fn read_manifest(
        &mut self,
        descriptor: &Descriptor,
        planned: Option<u64>,
    ) -> Result<(RawManifest, u64), Finding> {
        let size = descriptor.size;
        if size > MAX_MANIFEST {
            let message =
                format!("the manifest is said to have {size} bytes; more than {MAX_MANIFEST} is refused");
            return Err(Finding::new(Rule::ManifestSize, message));
        }
        let section = self
            .find_manifest(descriptor, planned)
            .ok_or_else(|| Finding::new(Rule::ManifestMissing, "the manifest is missing"))?;
        let offset = section.offset();
        if section.size() != size {
            let message = format!("the manifest has {} bytes, but should have {size}", section.size());
            return Err(Finding::new(Rule::ManifestSize, message).at(offset));
        }
        let bytes = section.read_all().map_err(|error| {
            let message = format!("the manifest can't be read: {error}");
            Finding::new(Rule::ManifestUnreadable, message).at(offset)
        })?;
        self.hashed += section.size();
        let raw = RawManifest::prove(bytes.into(), descriptor).map_err(|error| refused(&error).at(offset))?;
        Ok((raw, offset))
    }

    /// Where a manifest lies: under its name, or where the plan puts it if the tar reader had to stop before.
    fn find_manifest(&self, descriptor: &Descriptor, planned: Option<u64>) -> Option<Section> {
        let by_plan = || {
            let (offset, storage) = (planned?, self.archive.storage()?);
            let is_inside = offset.saturating_add(descriptor.size) <= self.archive.size();
            is_inside.then(|| Section::new(storage, offset, descriptor.size))
        };
        self.archive.blob(&descriptor.digest).or_else(by_plan)
    }
}

/// A manifest that is not what its descriptor says, or whose form is refused.
fn refused(error: &ManifestError) -> Finding {
    let rule = match error {
        ManifestError::Digest { .. } => Rule::ManifestDigest,
        _ => Rule::ManifestJson,
    };
    let cause = error.source().map(|cause| format!(": {cause}")).unwrap_or_default();
    Finding::new(rule, format!("{error}{cause}"))
}

/// What is odd about a manifest and no reason to refuse it. Other tools may refuse it.
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
