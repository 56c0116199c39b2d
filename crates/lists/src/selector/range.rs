//! Ranges of versions, such as `>=3.8 <4`.

use std::fmt;

use semver::{Comparator, Version, VersionReq};

/// Longer ranges are mistakes.
const MAX_TEXT: usize = 256;

/// Comparators that must all be met, as Cargo reads them, but separated by spaces or commas.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct VersionRange {
    /// None: any version.
    comparators: Vec<Comparator>,
}

impl VersionRange {
    /// Any version.
    pub(super) fn any() -> Self {
        VersionRange { comparators: Vec::new() }
    }

    /// Reads a range; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.len() > MAX_TEXT {
            return Err(format!("a range has at most {MAX_TEXT} characters"));
        }
        let words = words(text);
        if words.is_empty() {
            return Err("the range is empty: write '*' for any version".to_owned());
        }
        let is_any = |word: &String| matches!(word.as_str(), "*" | "x" | "X");
        let comparators = words.iter().filter(|word| !is_any(word)).map(|word| comparator(word));
        Ok(VersionRange { comparators: comparators.collect::<Result<_, _>>()? })
    }

    /// Whether a version is in the range. One with a suffix is only if a comparator has a suffix and the same
    /// numbers; with `any_suffix`, it is where its numbers are, except that a comparator with a suffix and
    /// the same numbers compares the suffixes.
    pub(super) fn contains(&self, version: &Version, any_suffix: bool) -> bool {
        if version.pre.is_empty() || !any_suffix {
            return VersionReq { comparators: self.comparators.clone() }.matches(version);
        }
        let numbers = Version::new(version.major, version.minor, version.patch);
        self.comparators.iter().all(|comparator| {
            let has_suffix = !comparator.pre.is_empty()
                && (comparator.major, comparator.minor, comparator.patch)
                    == (version.major, Some(version.minor), Some(version.patch));
            let compared = if has_suffix { version } else { &numbers };
            VersionReq { comparators: vec![comparator.clone()] }.matches(compared)
        })
    }
}

/// The comparators with single spaces.
impl fmt::Display for VersionRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.comparators.is_empty() {
            return f.write_str("*");
        }
        let texts: Vec<String> = self.comparators.iter().map(ToString::to_string).collect();
        f.write_str(&texts.join(" "))
    }
}

/// The comparators' texts: an operator may stand apart from its version.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    for part in text.split([' ', '\t', ',']).filter(|part| !part.is_empty()) {
        match words.last_mut() {
            Some(last) if last.chars().all(is_operator) => last.push_str(part),
            _ => words.push(part.to_owned()),
        }
    }
    words
}

fn is_operator(c: char) -> bool {
    matches!(c, '<' | '>' | '=' | '~' | '^' | '!')
}

fn comparator(word: &str) -> Result<Comparator, String> {
    let (operator, version) = word.split_at(word.find(|c| !is_operator(c)).unwrap_or(word.len()));
    let version = version.strip_prefix('v').unwrap_or(version);
    let shown = word.escape_debug();
    match operator {
        _ if word == "||" || word.contains('|') => {
            return Err("a range has no '||': write one entry for each range".to_owned());
        }
        _ if word == "-" => return Err("a range has no ' - ': write '>=1.2 <1.5'".to_owned()),
        "" if !version.contains(['*', 'x', 'X']) && version.starts_with(|c: char| c.is_ascii_digit()) => {
            return Err(format!(
                "'{shown}' means different things to different tools: write '={0}', '~{0}' or '^{0}'",
                version.escape_debug()
            ));
        }
        "!=" | "!" => return Err("a range has no '!=': name such tags in 'except'".to_owned()),
        "" | "=" | "<" | "<=" | ">" | ">=" | "~" | "^" => {}
        _ => return Err(format!("'{shown}' has no operator of =, <, <=, >, >=, ~ and ^")),
    }
    let text = format!("{operator}{}", without_zeros(version));
    Comparator::parse(&text).map_err(|error| format!("'{shown}' is not a range of versions: {error}"))
}

/// The version without zeros before its numbers: `24.04` is `24.4`.
fn without_zeros(version: &str) -> String {
    let (numbers, rest) = version.split_at(version.find(['-', '+']).unwrap_or(version.len()));
    let trimmed = |number: &str| match number.trim_start_matches('0') {
        "" if !number.is_empty() => "0".to_owned(),
        trimmed => trimmed.to_owned(),
    };
    let numbers: Vec<String> = numbers.split('.').map(trimmed).collect();
    numbers.join(".") + rest
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selector::version::TagVersion;

    fn contains(range: &str, tag: &str, any_suffix: bool) -> bool {
        let version = TagVersion::parse(tag).unwrap().version;
        VersionRange::parse(range).unwrap().contains(&version, any_suffix)
    }

    #[test]
    fn ranges_have_one_text() {
        for (written, canonical) in [
            (">=3.8 <4", ">=3.8 <4"),
            (">=3.8,<4", ">=3.8 <4"),
            (" >= v3.8 ,\t< 4 ", ">=3.8 <4"),
            ("*", "*"),
            ("1.27.x", "1.27.*"),
            ("1.*", "1.*"),
            ("~1.27", "~1.27"),
            (">=24.04", ">=24.4"),
            (">=1.2.3-rc.1", ">=1.2.3-rc.1"),
            ("=0", "=0"),
        ] {
            assert_eq!(VersionRange::parse(written).unwrap().to_string(), canonical, "{written}");
            assert_eq!(VersionRange::parse(canonical).unwrap().to_string(), canonical);
        }
    }

    #[test]
    fn what_is_no_range_is_refused() {
        for (text, reason) in [
            ("", "write '*' for any version"),
            (" , ", "write '*' for any version"),
            ("1.27", "write '=1.27', '~1.27' or '^1.27'"),
            (">=1 || <3", "no '||'"),
            ("1.2 - 1.5", "'=1.2'"),
            (">=1 - <2", "no ' - '"),
            ("!=1.2", "'except'"),
            ("=>1", "has no operator of"),
            ("latest", "is not a range of versions"),
            (">=1.2.3.4", "is not a range of versions"),
            (">=", "is not a range of versions"),
            (">=1..2", "is not a range of versions"),
            (&"1".repeat(300), "at most 256"),
        ] {
            let error = VersionRange::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text}: {error}");
        }
    }

    #[test]
    fn ranges_contain_versions() {
        for (range, inside, outside) in [
            (">=3.8 <4", ["3.8", "3.10.1", "v3.9"], ["3.7.9", "4", "4.0.1"]),
            ("~1.27", ["1.27", "1.27.9", "v1.27.0"], ["1.28", "1.26.9", "2"]),
            ("1.27.*", ["1.27", "1.27.9", "v1.27.0"], ["1.28", "1.26.9", "2"]),
            ("^1.27", ["1.27", "1.99", "v1.28.3"], ["2", "1.26.9", "0.1"]),
            ("=1.27", ["1.27", "1.27.1", "v1.27"], ["1.28", "1.26.9", "2"]),
            (">3.8", ["3.9", "4", "v3.10"], ["3.8.5", "3.8", "1"]),
        ] {
            assert!(inside.iter().all(|tag| contains(range, tag, false)), "{range}");
            assert!(!outside.iter().any(|tag| contains(range, tag, false)), "{range}");
        }
    }

    #[test]
    fn suffixes_count_where_they_are_asked_for() {
        assert!(!contains(">=1.27", "1.27-alpine", false));
        assert!(contains(">=1.27", "1.27-alpine", true));
        assert!(!contains("<2", "2.0.0-rc.1", true));
        assert!(contains(">=1.2.3-rc.1", "1.2.3-rc.2", false));
        assert!(!contains(">=1.2.3-rc.1", "1.2.4-rc.2", false));
        assert!(contains(">=1.2.3-rc.1", "1.2.4-rc.2", true));
        assert!(!contains(">=1.2.3-rc.1", "1.2.3-beta", true));
        assert!(!contains("*", "1.27-alpine", false));
        assert!(contains("*", "1.27-alpine", true));
    }
}
