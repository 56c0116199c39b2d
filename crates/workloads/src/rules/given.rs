//! Rules that users give: `Kind:path`.

use std::str::FromStr;

use airlift_oci::text::bounded;

use super::path::{Path, PathError};

/// Where images stand in objects of a kind. What is at the end of the path may be a reference, a container, a
/// pod's spec, or a list of these.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rule {
    pub(super) kind: String,
    pub(super) path: Path,
}

/// Why a text is no rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// Without a kind or a path.
    #[error("'{}' is not KIND:PATH, such as MyKind:spec.image", bounded(.0).escape_debug())]
    Form(String),
    /// The path is none.
    #[error("the path of '{}' is no good", bounded(.text).escape_debug())]
    Path {
        /// The rule.
        text: String,
        /// What is wrong with its path.
        source: PathError,
    },
}

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let (kind, path) = match text.split_once(':') {
            Some((kind, path)) if is_kind(kind) && !path.is_empty() => (kind, path),
            _ => return Err(RuleError::Form(text.to_owned())),
        };
        let path = path.parse().map_err(|source| RuleError::Path { text: text.to_owned(), source })?;
        Ok(Rule { kind: kind.to_owned(), path })
    }
}

fn is_kind(kind: &str) -> bool {
    !kind.is_empty() && kind.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_has_a_kind_and_a_path() {
        let rule: Rule = "MyKind:spec.images[*].name".parse().unwrap();
        assert_eq!((rule.kind.as_str(), rule.path.0.len()), ("MyKind", 4));
        for text in ["", "MyKind", "MyKind:", ":spec.image", "my kind:spec", "apps/v1:spec.image"] {
            assert!(matches!(text.parse::<Rule>(), Err(RuleError::Form(_))), "{text}");
        }
        assert!(matches!("K:a..b".parse::<Rule>(), Err(RuleError::Path { .. })));
    }
}
