//! Where in an object the search is, and what it has seen.

use std::collections::HashSet;
use std::sync::Arc;

use airlift_oci::Position;

use super::options::{Guessing, HelmValues};
use super::report::FileReport;
use crate::place::{Object, Place, Written};
use crate::rules::{Ruleset, Shape, Step};
use crate::yaml::{NodeId, Tree};

/// A part that an alias led to, and the steps that are taken from there. Taking them twice finds nothing new,
/// and aliases of aliases would have them taken millions of times.
#[derive(PartialEq, Eq, Hash)]
pub(super) struct Visit {
    part: NodeId,
    /// The place of the steps in memory; a rule's steps stay where they are.
    steps: (usize, usize),
    shape: Shape,
}

impl Visit {
    pub(super) fn new(part: NodeId, steps: &[Step], shape: Shape) -> Self {
        Visit { part, steps: (steps.as_ptr() as usize, steps.len()), shape }
    }
}

/// Looks through the objects of a document.
pub(super) struct ObjectFinder<'f, 'r, 't> {
    pub(super) rules: &'f Ruleset,
    pub(super) guessing: Guessing,
    pub(super) values: HelmValues,
    pub(super) tree: &'f Tree<'t>,
    pub(super) report: &'f mut FileReport<'r>,
    /// The object that is looked through.
    pub(super) object: Object,
    /// The container that is looked through.
    pub(super) container: Option<String>,
    /// The path to the part that is looked at.
    pub(super) field: String,
    /// The key of the member that was last taken because every one is.
    pub(super) key: String,
    /// What aliases led to already.
    pub(super) seen: HashSet<Visit>,
    /// The same of values of a shape.
    pub(super) shaped: HashSet<(NodeId, Shape)>,
    /// The steps that are followed at this moment.
    pub(super) depth: usize,
    /// The scalars whose reference is known.
    pub(super) placed: HashSet<NodeId>,
}

impl<'f, 'r, 't> ObjectFinder<'f, 'r, 't> {
    pub(super) fn new(
        rules: &'f Ruleset,
        guessing: Guessing,
        tree: &'f Tree<'t>,
        report: &'f mut FileReport<'r>,
    ) -> Self {
        ObjectFinder {
            rules,
            guessing,
            values: HelmValues::Skip,
            tree,
            report,
            object: Object::default(),
            container: None,
            field: String::new(),
            key: String::new(),
            seen: HashSet::new(),
            shaped: HashSet::new(),
            depth: 0,
            placed: HashSet::new(),
        }
    }

    /// Does something at a member, one step further down.
    pub(super) fn at_key(&mut self, key: &str, then: impl FnOnce(&mut Self)) {
        let length = self.field.len();
        let step = Step::Key(key.to_owned()).to_string();
        self.field.push_str(if length == 0 { step.trim_start_matches('.') } else { &step });
        then(self);
        self.field.truncate(length);
    }

    /// Does something at an item, one step further down.
    pub(super) fn at_item(&mut self, number: usize, then: impl FnOnce(&mut Self)) {
        let length = self.field.len();
        self.field.push_str(&format!("[{number}]"));
        then(self);
        self.field.truncate(length);
    }

    /// Adds a reference.
    pub(super) fn place(&mut self, reference: String, position: Position, written: Written) {
        self.report.found.places.push(Place {
            file: Arc::clone(&self.report.file),
            reference,
            position,
            object: self.object.clone(),
            container: self.container.clone(),
            field: self.field.clone(),
            written,
        });
    }
}
