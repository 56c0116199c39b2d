//! What `airlift images` says.

use std::io;
use std::path::Path;

use airlift_workloads::{Note, Place, Problem};
use schemars::JsonSchema;
use serde::Serialize;

const IMAGES: &str = "airlift.images/v1";

/// The references that stand in files.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImagesFoundDocument<'f> {
    /// `airlift.images/v1`.
    #[schemars(extend("const" = IMAGES))]
    pub schema: &'static str,
    /// The places where references stand, in the order of the files.
    pub images: Vec<ImagePlace<'f>>,
    /// What could not be read. Absent where there is nothing of the kind; the exit code is 1 otherwise.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<FileMessage>,
    /// What is to be known: charts that were not looked into, and the like. Absent where there is nothing.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub notes: Vec<FileMessage>,
}

/// A place where a reference stands.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ImagePlace<'f> {
    /// The reference, as written.
    pub reference: &'f str,
    /// The file; `-` is standard input.
    pub file: &'f str,
    /// The line, from 1.
    pub line: usize,
    /// The column of its first character, from 1.
    pub column: usize,
    /// The kind of the object; `Compose`, `Kustomization` and `Chart` for files of these.
    pub kind: &'f str,
    /// The object's namespace, where the file says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<&'f str>,
    /// The object's name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<&'f str>,
    /// The container, or the service of a Compose file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub container: Option<&'f str>,
    /// The path from the object.
    pub field: &'f str,
}

/// A message about a place in a file.
#[derive(Debug, Serialize, JsonSchema)]
pub struct FileMessage {
    /// The file.
    pub file: String,
    /// The line, from 1. Absent where the whole file is meant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub line: Option<usize>,
    /// The column in characters, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub column: Option<usize>,
    /// The message.
    pub message: String,
}

impl<'f> ImagesFoundDocument<'f> {
    pub(crate) fn new(places: &'f [Place], problems: Vec<FileMessage>, notes: &[Note]) -> Self {
        ImagesFoundDocument {
            schema: IMAGES,
            images: places.iter().map(ImagePlace::from).collect(),
            problems,
            notes: notes.iter().map(FileMessage::from).collect(),
        }
    }
}

impl<'f> From<&'f Place> for ImagePlace<'f> {
    fn from(place: &'f Place) -> Self {
        ImagePlace {
            reference: &place.reference,
            file: &place.file,
            line: place.position.line,
            column: place.position.column,
            kind: &place.object.kind,
            namespace: place.object.namespace.as_deref(),
            name: place.object.name.as_deref(),
            container: place.container.as_deref(),
            field: &place.field,
        }
    }
}

impl FileMessage {
    /// Of a file or folder that can't be read.
    pub(crate) fn of_file(path: &Path, error: &io::Error) -> Self {
        let file = path.to_string_lossy().into_owned();
        FileMessage { file, line: None, column: None, message: error.to_string() }
    }
}

impl From<&Problem> for FileMessage {
    fn from(problem: &Problem) -> Self {
        FileMessage {
            file: problem.file.clone(),
            line: Some(problem.position.line),
            column: Some(problem.position.column),
            message: airlift_oci::text::with_causes(&problem.fault),
        }
    }
}

impl From<&Note> for FileMessage {
    fn from(note: &Note) -> Self {
        FileMessage {
            file: note.file.clone(),
            line: Some(note.position.line),
            column: Some(note.position.column),
            message: note.kind.to_string(),
        }
    }
}
