//! The specification's `errors[]`. OCI distribution-spec 1.1, "Error Codes".

use std::fmt;

use serde::Deserialize;
use serde_json::Value;

/// One entry of the specification's `errors[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError {
    /// The code, such as `MANIFEST_BLOB_UNKNOWN`.
    pub code: String,
    /// The message, as it came.
    pub message: String,
    /// The detail, as it came; its shape is the registry's own.
    pub detail: Option<Value>,
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.escape_debug())?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.escape_debug())?;
        }
        match &self.detail {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(text)) => write!(f, " ({})", text.escape_debug()),
            // JSON keeps control characters escaped, but not those beyond ASCII.
            Some(detail) => {
                write!(f, " (")?;
                for c in detail.to_string().chars() {
                    if c == '"' { f.write_str("\"")? } else { write!(f, "{}", c.escape_debug())? }
                }
                write!(f, ")")
            }
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    code: Option<Value>,
    message: Option<Value>,
    detail: Option<Value>,
}

/// The errors in a body. None where it is something else.
pub(crate) fn parse(body: &[u8]) -> Vec<RegistryError> {
    let text = |value: Option<Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return Vec::new();
    };
    let read = |entry: ErrorEntry| RegistryError {
        code: text(entry.code),
        message: text(entry.message),
        detail: entry.detail,
    };
    envelope.errors.into_iter().map(read).collect()
}
