//! The lists of images in the annotations of a chart: YAML within a text.

use std::sync::Arc;

use airlift_oci::Position;

use super::image::fault_of;
use super::report::FileReport;
use crate::place::{Object, Place, Written};
use crate::yaml::{Documents, NodeId, Tree, Value};

/// The annotations that list images: Artifact Hub's, and that of many charts.
const LISTS: [&str; 2] = ["artifacthub.io/images", "images"];

/// Looks through the description of a chart (`Chart.yaml`).
pub(super) fn of_chart(tree: &Tree<'_>, report: &mut FileReport<'_>) {
    let Some(root) = tree.root() else { return };
    let is_chart =
        matches!(tree.text_at(root, "apiVersion"), Some("v1" | "v2")) && tree.get(root, "kind").is_none();
    let Some(annotations) = tree.get(root, "annotations").filter(|_| is_chart) else { return };
    let name = tree.text_at(root, "name").map(str::to_owned);
    let object = Object { kind: "Chart".to_owned(), namespace: None, name };
    for key in LISTS {
        if let Some(list) = tree.get(annotations, key) {
            let list = List { tree, text: tree.resolved(list), key, object: &object };
            list.read(report);
        }
    }
}

/// An annotation with a list.
struct List<'l, 't> {
    tree: &'l Tree<'t>,
    text: NodeId,
    key: &'static str,
    object: &'l Object,
}

impl List<'_, '_> {
    /// Reads the entries. A text that is no list of images is something else, and no error.
    fn read(&self, report: &mut FileReport<'_>) {
        let Some(scalar) = self.tree.scalar(self.text) else { return };
        let mut documents = Documents::new(&scalar.text);
        let Some(Ok(inner)) = documents.next() else { return };
        let Some(root) = inner.root() else { return };
        for (number, entry) in inner.items(root).enumerate() {
            let value = inner.get(entry, "image").and_then(|image| inner.value(image));
            let Some(value) = value else { continue };
            match fault_of(&value.text, &self.object.kind) {
                Some(fault) => report.problem(self.tree, self.text, fault),
                None => {
                    let place = self.place(&report.file, number, &value);
                    report.found.places.push(place);
                }
            }
        }
    }

    fn place(&self, file: &Arc<str>, number: usize, value: &Value) -> Place {
        Place {
            file: Arc::clone(file),
            reference: value.text.clone(),
            position: self.outer(value),
            object: self.object.clone(),
            container: None,
            field: format!("annotations[\"{}\"][{number}].image", self.key),
            written: Written::Within,
        }
    }

    /// The place in the file of a value in the text: of a literal block, its own, else where the text starts.
    fn outer(&self, value: &Value) -> Position {
        let start = self.tree.position(self.text);
        let source = self.tree.source(self.text);
        let (line, column) = (value.position.line - 1, value.position.column - 1);
        // The first line begins behind its indentation, and the others before theirs.
        let indent = start.column - 1;
        let skipped = if line == 0 { column } else { column + indent };
        let found = source.lines().nth(line).map(|text| text.chars().skip(skipped).collect::<String>());
        match found {
            Some(rest) if rest.starts_with(&value.text) => {
                Position { line: start.line + line, column: column + indent + 1 }
            }
            _ => start,
        }
    }
}
