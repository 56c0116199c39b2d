//! A value that is a reference, or should be one.

use airlift_oci::Reference;

use super::state::ObjectFinder;
use crate::place::Written;
use crate::problem::{Fault, NoteKind};
use crate::yaml::{Content, NodeId, Value};

/// Kinds in which `{{…}}` is a parameter of Argo, and no template of Helm.
const ARGO_KINDS: [&str; 5] =
    ["Workflow", "WorkflowTemplate", "ClusterWorkflowTemplate", "CronWorkflow", "AnalysisTemplate"];

impl ObjectFinder<'_, '_, '_> {
    /// Takes a value for a reference, or says what is wrong with it.
    pub(super) fn image(&mut self, part: NodeId) {
        self.image_behind(part, 0);
    }

    /// The same of a value of which so many bytes aren't the reference's.
    pub(super) fn image_behind(&mut self, part: NodeId, before: usize) {
        let part = self.tree.resolved(part);
        if !self.placed.insert(part) {
            return;
        }
        match self.value_behind(part, before) {
            Ok(value) if value.text == "auto" && self.container.as_deref() == Some("istio-proxy") => {
                self.report.note(value.position, NoteKind::Injected);
            }
            Ok(value) => self.place(value.text.clone(), value.position, Written::Whole(value)),
            Err(fault) => self.report.problem(self.tree, part, fault),
        }
    }

    fn value_behind(&self, part: NodeId, before: usize) -> Result<Value, Fault> {
        let tree = self.tree;
        let scalar = match tree.content(part) {
            Some(Content::Mapping) if tree.source(part).starts_with("{{") => return Err(Fault::Template),
            Some(Content::Mapping) => return Err(Fault::Structure("a mapping")),
            Some(Content::Sequence) => return Err(Fault::Structure("a list")),
            Some(Content::Scalar(scalar)) if !scalar.is_null() => scalar,
            _ => return Err(Fault::Empty),
        };
        if scalar.is_number_or_boolean() {
            return Err(Fault::Number(scalar.text.to_string()));
        }
        let mut value = tree.value(part).ok_or(Fault::Empty)?;
        value.text.drain(..before.min(value.text.len()));
        value.range.start = (value.range.start + before).min(value.range.end);
        value.position.column += before;
        match fault_of(&value.text, &self.object.kind) {
            Some(fault) => Err(fault),
            None => Ok(value),
        }
    }
}

/// Why a text in an object of this kind is no reference.
pub(super) fn fault_of(text: &str, kind: &str) -> Option<Fault> {
    if text.is_empty() {
        Some(Fault::Empty)
    } else if text.contains("{{") && ARGO_KINDS.contains(&kind) || text.contains("$(") {
        Some(Fault::Parameter(text.to_owned()))
    } else if text.contains("{{") {
        Some(Fault::Template)
    } else if text.contains("${") {
        Some(Fault::Variable(text.to_owned()))
    } else {
        text.parse::<Reference>().err().map(Fault::Reference)
    }
}
