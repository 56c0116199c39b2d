//! Paths to values: `spec.containers[*].image`.

use std::fmt;
use std::str::FromStr;

/// A step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The value of a key.
    Key(String),
    /// The value of every key: `*`.
    EveryKey,
    /// Every item of a list: `[*]`.
    EveryItem,
}

/// The way from an object to some of its values. The empty path leads to the object itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Path(pub(crate) Vec<Step>);

/// Why a text is no path.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PathError {
    /// A step without a name.
    #[error("a name is missing between two dots, or at an end")]
    EmptyKey,
    /// A bracket that isn't closed.
    #[error("a bracket has no end")]
    OpenBracket,
    /// Brackets that hold something else than a star or a quoted key.
    #[error("in brackets there is a star, for every item, or a quoted key, and not '{}'", .0.escape_debug())]
    Bracket(String),
}

impl FromStr for Path {
    type Err = PathError;

    fn from_str(text: &str) -> Result<Self, PathError> {
        let (mut steps, mut rest) = (Vec::new(), text);
        while !rest.is_empty() {
            rest = match rest.strip_prefix('[') {
                Some(inner) => bracket(inner, &mut steps)?,
                None => key(rest, &mut steps)?,
            };
        }
        Ok(Path(steps))
    }
}

/// Reads what stands behind an opening bracket, and gives what is left.
fn bracket<'t>(inner: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, PathError> {
    for quote in ['"', '\''] {
        if let Some(quoted) = inner.strip_prefix(quote) {
            let (name, rest) = quoted.split_once([quote]).ok_or(PathError::OpenBracket)?;
            steps.push(Step::Key(name.to_owned()));
            return rest.strip_prefix(']').ok_or(PathError::OpenBracket);
        }
    }
    match inner.split_once(']').ok_or(PathError::OpenBracket)? {
        ("*", rest) => {
            steps.push(Step::EveryItem);
            Ok(rest)
        }
        (other, _) => Err(PathError::Bracket(other.to_owned())),
    }
}

/// Reads a key, behind a dot unless it is the first step, and gives what is left.
fn key<'t>(rest: &'t str, steps: &mut Vec<Step>) -> Result<&'t str, PathError> {
    let named = match (rest.strip_prefix('.'), steps.is_empty()) {
        (Some(named), false) => named,
        (None, true) => rest,
        _ => return Err(PathError::EmptyKey),
    };
    let (name, rest) = named.split_at(named.find(['.', '[']).unwrap_or(named.len()));
    match name {
        "" => return Err(PathError::EmptyKey),
        "*" => steps.push(Step::EveryKey),
        name => steps.push(Step::Key(name.to_owned())),
    }
    Ok(rest)
}

/// A step as it stands in a path behind others.
impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::Key(name) if name.contains(['.', '[', '/']) => write!(f, "[\"{name}\"]"),
            Step::Key(name) => write!(f, ".{name}"),
            Step::EveryKey => f.write_str(".*"),
            Step::EveryItem => f.write_str("[*]"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(text: &str) -> String {
        let steps = text.parse::<Path>().unwrap().0;
        steps.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn paths_have_steps() {
        assert_eq!(spelt("spec.containers[*].image"), ".spec.containers[*].image");
        assert_eq!(spelt("services.*.image"), ".services.*.image");
        assert_eq!(spelt("a[*][*].b"), ".a[*][*].b");
        assert_eq!(spelt("metadata.annotations['a.b/c'].d"), ".metadata.annotations[\"a.b/c\"].d");
        assert_eq!(spelt("[\"x.y\"]"), "[\"x.y\"]");
        assert_eq!(spelt(""), "");
    }

    #[test]
    fn other_texts_are_refused() {
        for text in ["a..b", ".a", "a.", "a[*]b"] {
            assert_eq!(text.parse::<Path>(), Err(PathError::EmptyKey), "{text}");
        }
        for text in ["a[", "a[*", "a[\"x]", "a['x'.b"] {
            assert_eq!(text.parse::<Path>(), Err(PathError::OpenBracket), "{text}");
        }
        assert_eq!("a[0].b".parse::<Path>(), Err(PathError::Bracket("0".to_owned())));
    }
}
