//! What keeps a reference, or a file, from being read.

use airlift_oci::position::excerpt;
use airlift_oci::text::{bounded, harmless};
use airlift_oci::{Position, ReferenceError};

use crate::edit::EditError;
use crate::yaml::YamlFault;

/// Lines that are longer are not shown: all of an object may be one line of JSON.
pub(crate) const LONGEST_LINE: usize = 2_000;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Not YAML, or more of it than is read.
    #[error(transparent)]
    Yaml(YamlFault),
    /// No text that can be read.
    #[error("it is not UTF-8 text")]
    Encoding,
    /// Too large.
    #[error("it is larger than {0} bytes")]
    TooLarge(usize),
    /// A template of Helm.
    #[error("a template is left here ({{{{ … }}}})")]
    Template,
    /// A variable of Compose or of envsubst.
    #[error("a variable is left here: '{}'", harmless(&bounded(.0)))]
    Variable(String),
    /// A parameter that a value is given for when the object runs.
    #[error("the image is a parameter, and its value is known when it runs: '{}'", harmless(&bounded(.0)))]
    Parameter(String),
    /// Something else than a reference.
    #[error(transparent)]
    Reference(ReferenceError),
    /// A number, true or false where a text should be.
    #[error("an image is a text, and this is {}: quotes make it one", harmless(&bounded(.0)))]
    Number(String),
    /// No text.
    #[error("the image is empty")]
    Empty,
    /// A list or a mapping where a text should be.
    #[error("an image is a text, and this is {0}")]
    Structure(&'static str),
    /// A reference that can't be replaced where it stands.
    #[error(transparent)]
    Edit(EditError),
}

/// Something that is wrong with a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{position}: {fault}")]
pub struct Problem {
    /// The file, as its caller named it.
    pub file: String,
    /// The place.
    pub position: Position,
    /// What is wrong.
    pub fault: Fault,
    /// The line, as it stands in the file.
    pub line_text: String,
}

impl Problem {
    /// What is wrong with a place of a file, which has this text.
    pub fn new(file: &str, text: &str, position: Position, fault: Fault) -> Self {
        let line = text.lines().nth(position.line.saturating_sub(1)).unwrap_or_default();
        let line_text = if line.len() > LONGEST_LINE { String::new() } else { line.to_owned() };
        Problem { file: file.to_owned(), position, fault, line_text }
    }

    /// The line and its column, for a message.
    pub fn excerpt(&self) -> String {
        excerpt(&self.line_text, self.position)
    }
}

/// What is no problem, and yet no reference.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoteKind {
    /// A chart that is installed by another program; its images are in its templates.
    #[error("{} installs a chart, which was not looked into", harmless(&bounded(.object)))]
    Chart {
        /// The kind of the object, and its name if it has one.
        object: String,
    },
    /// A new name for an image, whose tag stands in the resources.
    #[error("the entry for {} has neither a tag nor a digest: these stand in the resources", harmless(&bounded(.0)))]
    KeepsTag(String),
    /// An image that Istio's injection fills in.
    #[error("the image 'auto' is filled in by Istio's injection")]
    Injected,
}

/// Something to know about a file, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{position}: {kind}")]
pub struct Note {
    /// The file, as its caller named it.
    pub file: String,
    /// The place.
    pub position: Position,
    /// What is to be known.
    pub kind: NoteKind,
}
