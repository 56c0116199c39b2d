//! What a selector is made of, and what it selects.

use std::fmt;

use super::pattern::TagPattern;
use super::range::VersionRange;
use super::version::TagVersion;

/// So many tags at most are selected: more than that is a mistake in a selector, not a bundle.
const MOST_TAGS: usize = 1000;

/// A selector as people write it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SelectorParts {
    /// A range of versions, such as `>=3.8 <4`.
    pub semver: Option<String>,
    /// What is found in the tag.
    pub regex: Option<String>,
    /// What is not found in the tag.
    pub except: Option<String>,
    /// How many to take, by version order.
    pub newest: Option<usize>,
    /// Whether versions with a suffix count where the range names none.
    pub prerelease: bool,
}

/// One of the parts of a selector.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SelectorPart {
    /// The range of versions.
    Semver,
    /// The pattern.
    Regex,
    /// The pattern of what is left out.
    Except,
    /// How many are taken.
    Newest,
    /// All of it together.
    Whole,
}

/// Why parts make no selector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SelectorError {
    /// The part that is wrong.
    pub part: SelectorPart,
    /// What is wrong with it.
    pub message: String,
}

/// Why a selector can't be used with the tags that there are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SelectionError {
    /// No tag is selected.
    #[error("none of {tags} tags matches {selector}{}", but_for_suffix(.with_suffix))]
    Nothing {
        /// The selector.
        selector: String,
        /// How many tags there are.
        tags: usize,
        /// A tag that would match if versions with a suffix counted.
        with_suffix: Option<String>,
    },
    /// More tags are selected than anyone wants.
    #[error("{found} tags match {selector}, and at most {MOST_TAGS} are taken: choose fewer with newest")]
    TooMany {
        /// The selector.
        selector: String,
        /// How many match.
        found: usize,
    },
}

fn but_for_suffix(tag: &Option<String>) -> String {
    match tag {
        Some(tag) => format!(" ({} has a suffix, which counts with prerelease: true)", tag.escape_debug()),
        None => String::new(),
    }
}

/// Which tags of a repository are wanted: by version, by pattern, or by both, which must then both match.
#[derive(Clone, Debug)]
pub struct TagSelector {
    semver: Option<VersionRange>,
    regex: Option<TagPattern>,
    except: Option<TagPattern>,
    newest: Option<usize>,
    prerelease: bool,
    canonical: String,
}

impl TagSelector {
    /// A selector of these parts. `newest` alone is the newest of all versions.
    ///
    /// # Errors
    /// For each part that can't be read; or if nothing says which tags are wanted.
    pub fn new(parts: &SelectorParts) -> Result<Self, Vec<SelectorError>> {
        let mut errors = Vec::new();
        let mut pattern = |part, text: &Option<String>| {
            let text = text.as_deref()?;
            TagPattern::parse(text).map_err(|message| errors.push(SelectorError { part, message })).ok()
        };
        let regex = pattern(SelectorPart::Regex, &parts.regex);
        let except = pattern(SelectorPart::Except, &parts.except);
        let mut refuse = |part, message: String| errors.push(SelectorError { part, message });
        let semver = match (&parts.semver, &parts.regex, parts.newest) {
            (Some(text), ..) => {
                VersionRange::parse(text).map_err(|message| refuse(SelectorPart::Semver, message)).ok()
            }
            (None, Some(_), _) => None,
            (None, None, Some(_)) => Some(VersionRange::any()),
            (None, None, None) => {
                let message =
                    "it says nothing about the tags: give semver, regex, newest, or several of them";
                refuse(SelectorPart::Whole, message.to_owned());
                None
            }
        };
        if parts.newest.is_some_and(|newest| !(1..=MOST_TAGS).contains(&newest)) {
            refuse(SelectorPart::Newest, format!("newest is a number from 1 to {MOST_TAGS}"));
        }
        if !errors.is_empty() {
            return Err(errors);
        }
        let SelectorParts { newest, prerelease, .. } = *parts;
        let mut selector =
            TagSelector { semver, regex, except, newest, prerelease, canonical: String::new() };
        selector.canonical = selector.text();
        Ok(selector)
    }

    /// The canonical text in one line, such as `semver >=3.8 <4, newest 2`. Two selectors with the same text
    /// select the same tags.
    pub fn canonical(&self) -> &str {
        &self.canonical
    }

    /// Whether a tag is one of those that are wanted, of which `newest` may take a part.
    pub fn matches(&self, tag: &str) -> bool {
        self.matches_with(tag, self.prerelease)
    }

    /// The wanted ones of all tags of a repository, the newest first: by the order of versions, never by
    /// time. With `newest`, only versions count; without it, what is no version follows in the order of its
    /// letters.
    ///
    /// # Errors
    /// If none of the tags is wanted, or more than a thousand.
    pub fn select<'a>(
        &self,
        tags: impl IntoIterator<Item = &'a str>,
    ) -> Result<Vec<&'a str>, SelectionError> {
        let (mut total, mut with_suffix) = (0, None);
        let (mut versions, mut others) = (Vec::new(), Vec::new());
        for tag in tags {
            total += 1;
            if self.matches(tag) {
                match TagVersion::parse(tag) {
                    Some(version) => versions.push((version, tag)),
                    None => others.push(tag),
                }
            } else if with_suffix.is_none() && self.matches_with(tag, true) {
                with_suffix = Some(tag.to_owned());
            }
        }
        versions.sort_by(|(one, _), (other, _)| other.order(one));
        others.sort_unstable();
        let mut found: Vec<&str> = versions.into_iter().map(|(_, tag)| tag).collect();
        match self.newest {
            Some(newest) => found.truncate(newest),
            None => found.append(&mut others),
        }
        found.dedup();
        let selector = self.canonical.clone();
        match found.len() {
            0 => Err(SelectionError::Nothing { selector, tags: total, with_suffix }),
            found if found > MOST_TAGS => Err(SelectionError::TooMany { selector, found }),
            _ => Ok(found),
        }
    }

    fn matches_with(&self, tag: &str, any_suffix: bool) -> bool {
        let is_in_range = |range: &VersionRange| {
            TagVersion::parse(tag).is_some_and(|tag| range.contains(&tag.version, any_suffix))
        };
        self.semver.as_ref().is_none_or(is_in_range)
            && self.regex.as_ref().is_none_or(|regex| regex.matches(tag))
            && !self.except.as_ref().is_some_and(|except| except.matches(tag))
    }

    fn text(&self) -> String {
        let parts = [
            self.semver.as_ref().map(|range| format!("semver {range}")),
            self.regex.as_ref().map(|regex| format!("regex {}", regex.quoted())),
            self.except.as_ref().map(|except| format!("except {}", except.quoted())),
            self.newest.map(|newest| format!("newest {newest}")),
            // It changes nothing where there is no range.
            (self.prerelease && self.semver.is_some()).then(|| "prerelease".to_owned()),
        ];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }
}

impl fmt::Display for TagSelector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.canonical)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn selector(semver: &str, regex: &str, except: &str, newest: usize) -> TagSelector {
        let text = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        let newest = Some(newest).filter(|newest| *newest > 0);
        let parts = SelectorParts {
            semver: text(semver),
            regex: text(regex),
            except: text(except),
            newest,
            prerelease: false,
        };
        TagSelector::new(&parts).unwrap()
    }

    const TAGS: [&str; 12] = [
        "1.9",
        "1.10",
        "1.10.1",
        "1.10.1-alpine",
        "1.11-rc1",
        "latest",
        "v1.10.2",
        "stable",
        "2",
        "1.10.1",
        "sha256-00.sig",
        "1.10.2-debug",
    ];

    #[test]
    fn the_newest_are_those_of_the_highest_versions() {
        let select = |selector: TagSelector| selector.select(TAGS).unwrap();
        assert_eq!(select(selector(">=1.10 <2", "", "", 0)), ["v1.10.2", "1.10.1", "1.10"]);
        assert_eq!(select(selector(">=1.9", "", "", 2)), ["2", "v1.10.2"]);
        assert_eq!(select(selector("", "", "", 1)), ["2"]);
        assert_eq!(select(selector("", "-alpine$|-debug$", "", 1)), ["1.10.2-debug"]);
        assert_eq!(select(selector("", "^[a-z]", "sig$", 0)), ["v1.10.2", "latest", "stable"]);
        assert_eq!(select(selector("", "^[a-z]", "sig$", 5)), ["v1.10.2"]);
        assert_eq!(select(selector("<2", "^1", "", 0)), ["1.10.1", "1.10", "1.9"]);
    }

    #[test]
    fn suffixes_count_if_they_are_asked_for() {
        let parts = SelectorParts {
            semver: Some(">=1.10.1 <2".to_owned()),
            prerelease: true,
            ..SelectorParts::default()
        };
        let selector = TagSelector::new(&parts).unwrap();
        assert_eq!(
            selector.select(TAGS).unwrap(),
            ["1.11-rc1", "v1.10.2", "1.10.2-debug", "1.10.1", "1.10.1-alpine"]
        );
        assert_eq!(selector.canonical(), "semver >=1.10.1 <2, prerelease");
    }

    #[test]
    fn nothing_and_too_many_are_errors() {
        let error = selector(">=1.11 <2", "", "", 0).select(TAGS).unwrap_err();
        assert_eq!(
            error.to_string(),
            "none of 12 tags matches semver >=1.11 <2 (1.11-rc1 has a suffix, which counts with prerelease: true)"
        );
        assert_eq!(
            selector("", "x", "", 0).select([]).unwrap_err().to_string(),
            "none of 0 tags matches regex 'x'"
        );
        let many: Vec<String> = (0..5000).map(|number| format!("1.{number}")).collect();
        let error = selector("*", "", "", 0).select(many.iter().map(String::as_str)).unwrap_err();
        assert!(error.to_string().starts_with("5000 tags match semver *, and at most 1000"), "{error}");
        let found = selector("*", "", "", 3);
        assert_eq!(found.select(many.iter().map(String::as_str)).unwrap(), ["1.4999", "1.4998", "1.4997"]);
    }

    #[test]
    fn a_selector_has_one_text() {
        let of = |parts: SelectorParts| TagSelector::new(&parts).unwrap().to_string();
        let text = |text: &str| Some(text.to_owned());
        let parts = SelectorParts { semver: text(">= 3.8, <4"), newest: Some(2), ..SelectorParts::default() };
        assert_eq!(of(parts), "semver >=3.8 <4, newest 2");
        let parts = SelectorParts {
            regex: text(r"^v1\."),
            except: text("-rc"),
            prerelease: true,
            ..SelectorParts::default()
        };
        assert_eq!(of(parts), r"regex '^v1\.', except '-rc'");
        assert_eq!(of(SelectorParts { newest: Some(1), ..SelectorParts::default() }), "semver *, newest 1");
    }

    #[test]
    fn wrong_parts_are_named() {
        let text = |text: &str| Some(text.to_owned());
        for (parts, part) in [
            (SelectorParts { semver: text("1.2"), ..SelectorParts::default() }, SelectorPart::Semver),
            (SelectorParts { regex: text("("), ..SelectorParts::default() }, SelectorPart::Regex),
            (
                SelectorParts { newest: Some(1), except: text("["), ..SelectorParts::default() },
                SelectorPart::Except,
            ),
            (SelectorParts { newest: Some(0), ..SelectorParts::default() }, SelectorPart::Newest),
            (SelectorParts { newest: Some(1001), ..SelectorParts::default() }, SelectorPart::Newest),
            (
                SelectorParts { except: text("a"), prerelease: true, ..SelectorParts::default() },
                SelectorPart::Whole,
            ),
        ] {
            let errors = TagSelector::new(&parts).unwrap_err();
            assert_eq!((errors.len(), errors[0].part), (1, part), "{parts:?}");
        }
        let bad = |text: &str| Some(text.to_owned());
        let (newest, prerelease) = (Some(0), false);
        let all = SelectorParts { semver: bad("1.2"), regex: bad("("), except: bad("["), newest, prerelease };
        assert_eq!(TagSelector::new(&all).unwrap_err().len(), 4);
    }
}
