//! Why a document is not read.

use airlift_oci::Position;
use airlift_oci::text::{bounded, harmless};

/// What is wrong with a document.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum YamlFault {
    /// It is no YAML.
    #[error("it is not YAML: {}", harmless(&bounded(.0)))]
    Syntax(String),
    /// A mapping has a key twice, and readers differ in which one they take.
    #[error("the key '{}' is there twice", harmless(&bounded(.0)))]
    DuplicateKey(String),
    /// It has more parts than are kept in memory.
    #[error("a document has more than {0} parts")]
    TooManyParts(usize),
    /// A mapping takes its members from too many others.
    #[error("it merges more than {0} mappings into one")]
    TooManyMerges(usize),
}

/// The first thing that is wrong with a document, and where.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct YamlError {
    pub(crate) fault: YamlFault,
    pub(crate) position: Position,
    /// The byte at this position.
    pub(crate) offset: usize,
}
