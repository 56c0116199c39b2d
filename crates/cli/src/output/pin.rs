//! What `airlift pin` and `airlift unpin` say.

use schemars::JsonSchema;
use serde::Serialize;

use super::images_found::FileMessage;
use crate::editing::plan::{Plan, PlannedFile, WantedValue};

const PIN: &str = "airlift.pin/v1";

/// Which references change, and which can't.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PinDocument {
    /// `airlift.pin/v1`.
    #[schemars(extend("const" = PIN))]
    pub schema: &'static str,
    /// Whether the exit code is 0.
    pub ok: bool,
    /// The files that were read.
    pub files: Vec<PinnedFile>,
    /// References that the lock or bundle lacks. Where there is one, no file is changed.
    pub missing: Vec<UnpinnedImage>,
    /// References with another digest than the lock or bundle has. Where there is one, no file is changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub different: Vec<UnpinnedImage>,
    /// References that keep their digest, because they have no tag (`unpin`).
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept: Vec<UnpinnedImage>,
    /// What could not be read, or can't be replaced where it stands. Where there is something, no file is
    /// changed.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FileMessage>,
    /// What is to be known: charts that were not looked into, and the like.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<FileMessage>,
}

/// A file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PinnedFile {
    /// Its name; `-` is standard input.
    pub file: String,
    /// Whether its new content is another one.
    pub changed: bool,
    /// The references that change.
    pub values: Vec<PinnedValue>,
}

/// A reference that changes.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PinnedValue {
    /// The line, from 1.
    pub line: usize,
    /// The column of its first character, from 1.
    pub column: usize,
    /// The reference, as it was.
    pub from: String,
    /// The reference, as it becomes.
    pub to: String,
}

/// A reference that stays.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UnpinnedImage {
    /// The file; `-` is standard input.
    pub file: String,
    /// The line, from 1.
    pub line: usize,
    /// The column of its first character, from 1.
    pub column: usize,
    /// The reference, as written.
    pub reference: String,
    /// The digest that the lock or bundle has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

impl PinDocument {
    pub(crate) fn new(plan: &Plan, ok: bool) -> Self {
        let all = |of: fn(&PlannedFile) -> &[WantedValue]| {
            let images =
                plan.files.iter().flat_map(|file| of(file).iter().map(|value| unpinned(file, value)));
            images.collect()
        };
        let unreadable = plan.unreadable.iter().map(|(path, error)| FileMessage::of_file(path, error));
        PinDocument {
            schema: PIN,
            ok,
            files: plan.files.iter().map(PinnedFile::from).collect(),
            missing: all(|file| &file.lacking),
            different: all(|file| &file.other),
            kept: all(|file| &file.only_digest),
            problems: unreadable.chain(plan.problems.iter().map(FileMessage::from)).collect(),
            notes: plan.notes.iter().map(FileMessage::from).collect(),
        }
    }
}

impl From<&PlannedFile> for PinnedFile {
    fn from(file: &PlannedFile) -> Self {
        let values = file.values.iter().map(|value| PinnedValue {
            line: value.position.line,
            column: value.position.column,
            from: value.from.clone(),
            to: value.to.clone(),
        });
        PinnedFile {
            file: file.path.to_string_lossy().into_owned(),
            changed: !file.edits.is_empty(),
            values: values.collect(),
        }
    }
}

fn unpinned(file: &PlannedFile, value: &WantedValue) -> UnpinnedImage {
    UnpinnedImage {
        file: file.path.to_string_lossy().into_owned(),
        line: value.position.line,
        column: value.position.column,
        reference: value.reference.clone(),
        digest: value.digest.map(|digest| digest.to_string()),
    }
}
