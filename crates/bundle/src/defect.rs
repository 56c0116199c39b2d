//! What can be wrong with an archive: data, not an error, so that all of it can be told at once.

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// The archive must not be used.
    Error,
    /// Odd, and harmless.
    Warning,
}

/// One thing that is wrong, where it is, and under which rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Defect {
    /// How bad it is.
    pub severity: Severity,
    /// The rule's stable name, such as `tar-checksum`.
    pub rule: &'static str,
    /// The sentence for people, with control characters escaped.
    pub message: String,
    /// Where in the archive, in bytes from its start.
    pub offset: Option<u64>,
}

impl Defect {
    /// An error at an offset.
    pub(crate) fn error(rule: &'static str, offset: u64, message: impl Into<String>) -> Self {
        Defect { severity: Severity::Error, rule, message: message.into(), offset: Some(offset) }
    }
}
