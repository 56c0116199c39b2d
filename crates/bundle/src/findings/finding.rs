//! One thing that is wrong, and where.

use airlift_oci::Digest;
use airlift_oci::graph::Limit;
use schemars::JsonSchema;
use serde::Serialize;

use super::rule::{Rule, Severity};

/// One thing that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's stable name, such as `blob-digest`.
    #[schemars(with = "String")]
    pub rule: Rule,
    /// The sentence to show, without control characters.
    pub message: String,
    /// The digest of the content that it is about. Absent where it is about something else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// Where in the archive, in bytes from its start.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub offset: Option<u64>,
    /// The same place in a volume, where the archive is in volumes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub volume: Option<VolumePlace>,
    /// Image, platform and part, outermost first.
    pub path: Vec<String>,
    /// Whether it only follows from a finding before it. Absent where it doesn't.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub follows: bool,
    /// What the caller can give advice on; for people, not for the document.
    #[serde(skip)]
    pub detail: Option<Detail>,
}

/// What a finding is about, where the caller may know what helps: an option, or how to use another tool.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Detail {
    /// There is more than this limit allows.
    Limit(Limit),
    /// An archive holds a symbolic link.
    SymbolicLink,
    /// An archive holds a hard link that leads to no file before it.
    HardLink,
    /// An archive holds a link's long name, in GNU's form.
    LongLinkName,
    /// An archive holds a sparse file, in GNU's form.
    SparseFile,
}

/// Where in a volume something is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumePlace {
    /// The volume's number, from 1.
    pub number: usize,
    /// Its file name.
    pub name: String,
    /// Where in it, in bytes from its start.
    pub offset: u64,
}

impl Finding {
    /// A finding with nothing but a rule, and a sentence without control characters.
    pub fn new(rule: Rule, message: impl Into<String>) -> Self {
        Finding {
            severity: rule.severity(),
            rule,
            message: message.into(),
            digest: None,
            offset: None,
            volume: None,
            path: Vec::new(),
            follows: false,
            detail: None,
        }
    }

    /// The same as a warning, where the rule is an error elsewhere.
    #[must_use]
    pub fn as_warning(mut self) -> Self {
        self.severity = Severity::Warning;
        self
    }

    /// The same, about content.
    #[must_use]
    pub fn about(mut self, digest: Digest) -> Self {
        self.digest = Some(digest);
        self
    }

    /// The same, at an offset in the archive.
    #[must_use]
    pub fn at(mut self, offset: impl Into<Option<u64>>) -> Self {
        self.offset = offset.into();
        self
    }

    /// The same, of an image's part.
    #[must_use]
    pub fn of(mut self, path: Vec<String>) -> Self {
        self.path = path;
        self
    }

    /// The same, with what advice is given on.
    #[must_use]
    pub fn with(mut self, detail: impl Into<Option<Detail>>) -> Self {
        self.detail = detail.into();
        self
    }

    /// Whether the bundle must not be used because of it.
    pub fn is_error(&self) -> bool {
        self.severity == Severity::Error
    }
}
