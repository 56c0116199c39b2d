//! Regular expressions for tags.

use regex::bytes::{Regex, RegexBuilder};

/// Longer patterns are mistakes.
const MAX_TEXT: usize = 1000;
/// What a compiled pattern may take, in bytes.
const MAX_SIZE: usize = 1 << 20;

/// A regular expression that is searched for in tags. Tags are ASCII, and so is what `\d` and `\w` match.
#[derive(Clone, Debug)]
pub(super) struct TagPattern {
    regex: Regex,
}

impl TagPattern {
    /// Reads a pattern; the error says what is wrong with it.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("the pattern is empty, and would match every tag".to_owned());
        }
        if text.len() > MAX_TEXT || text.chars().any(char::is_control) {
            return Err(format!("a pattern has at most {MAX_TEXT} bytes, and no control characters"));
        }
        let built =
            RegexBuilder::new(text).unicode(false).size_limit(MAX_SIZE).dfa_size_limit(MAX_SIZE).build();
        match built {
            Ok(regex) => Ok(TagPattern { regex }),
            Err(regex::Error::CompiledTooBig(_)) => {
                Err("the pattern is too large when it is compiled".to_owned())
            }
            Err(error) => {
                // The library's message has several lines, of which the last says what is wrong.
                let text = error.to_string();
                let reason = text.lines().last().unwrap_or_default();
                Err(format!("it is not a regular expression: {}", reason.trim_start_matches("error: ")))
            }
        }
    }

    /// Whether it is found in the tag.
    pub(super) fn matches(&self, tag: &str) -> bool {
        self.regex.is_match(tag.as_bytes())
    }

    /// The pattern in single quotes, as YAML has it: a quote in it is doubled.
    pub(super) fn quoted(&self) -> String {
        format!("'{}'", self.regex.as_str().replace('\'', "''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_searched_for() {
        let pattern = TagPattern::parse(r"^v1\.2\d\.").unwrap();
        assert!(pattern.matches("v1.27.3") && !pattern.matches("v1.3.0") && !pattern.matches("xv1.27.3"));
        assert!(TagPattern::parse("-rc").unwrap().matches("1.2-rc1"));
        assert_eq!(TagPattern::parse("a'b").unwrap().quoted(), "'a''b'");
    }

    #[test]
    fn what_is_no_pattern_is_refused() {
        for (text, reason) in [
            ("", "the pattern is empty"),
            ("(", "not a regular expression: unclosed group"),
            ("a{1000}{1000}", "too large"),
            ("a\u{7}", "no control characters"),
            (&"a".repeat(1001), "at most 1000 bytes"),
        ] {
            let error = TagPattern::parse(text).unwrap_err();
            assert!(error.contains(reason), "{text:?}: {error}");
        }
    }
}
