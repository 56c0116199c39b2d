//! The images of a Kustomization: new names, tags and digests.

use super::image::fault_of;
use super::member::{digest_line, insertion};
use super::state::ObjectFinder;
use crate::place::{Entry, EntryForm, ReferenceParts, Written};
use crate::problem::{Fault, NoteKind};
use crate::yaml::{NodeId, Value};

impl ObjectFinder<'_, '_, '_> {
    /// Looks through a Kustomization. Kustomize has its images at the top, and Flux under `spec`.
    pub(super) fn kustomization(&mut self, node: NodeId) {
        let tree = self.tree;
        (self.container, self.field) = (None, String::new());
        if let Some(images) = tree.get(node, "images") {
            self.at_key("images", |finder| finder.entries(images));
        }
        if let Some(images) = tree.get(node, "spec").and_then(|spec| tree.get(spec, "images")) {
            self.at_key("spec", |finder| finder.at_key("images", |finder| finder.entries(images)));
        }
    }

    fn entries(&mut self, images: NodeId) {
        let tree = self.tree;
        for (number, entry) in tree.items(images).enumerate() {
            if self.placed.insert(tree.resolved(entry)) {
                self.at_item(number, |finder| finder.entry(entry));
            }
        }
    }

    fn entry(&mut self, entry: NodeId) {
        let part = |key| self.tree.get(entry, key).and_then(|value| self.value_of(value));
        let Some(name) = part("newName").or_else(|| part("name")) else {
            return self.report.problem(self.tree, entry, Fault::Empty);
        };
        let (tag, digest) = (part("newTag"), part("digest"));
        let reference = joined(&name, tag.as_ref(), digest.as_ref());
        let kind = &self.object.kind;
        match fault_of(&reference, kind) {
            Some(fault) => self.report.problem(self.tree, entry, fault),
            None if tag.is_none() && digest.is_none() => {
                self.report.note(name.position, NoteKind::KeepsTag(name.text));
            }
            None => {
                let position = name.position;
                let entry = self.described_entry(entry);
                let parts = ReferenceParts { registry: None, name, tag, digest, entry };
                self.place(reference, position, Written::InParts(Box::new(parts)));
            }
        }
    }

    fn described_entry(&self, entry: NodeId) -> Entry {
        let (tree, entry) = (self.tree, self.tree.resolved(entry));
        let is_empty = |key| tree.get(entry, key).is_some_and(|value| self.value_of(value).is_none());
        Entry {
            form: match tree.text_at(entry, "newName") {
                Some(_) => EntryForm::NewName,
                None => EntryForm::SameName,
            },
            start: tree.offset(entry),
            // Beside an empty one, it would be there twice.
            insertion: insertion(tree, entry).filter(|_| !["newName", "digest"].into_iter().any(is_empty)),
            digest_line: digest_line(tree, entry),
        }
    }

    /// The value of a scalar that has a text.
    pub(super) fn value_of(&self, part: NodeId) -> Option<Value> {
        self.tree.text(part)?;
        self.tree.value(part).filter(|value| !value.text.is_empty())
    }
}

/// A reference that is written in parts.
fn joined(name: &Value, tag: Option<&Value>, digest: Option<&Value>) -> String {
    let mut reference = name.text.clone();
    for (sign, part) in [(':', tag), ('@', digest)] {
        if let Some(part) = part {
            reference.push(sign);
            reference.push_str(&part.text);
        }
    }
    reference
}
