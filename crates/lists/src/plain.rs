//! Plain lists: one reference a line.

use std::collections::BTreeSet;

use airlift_oci::SourceReference;

use crate::choice::Choice;
use crate::entry::{Entry, Wanted};
use crate::position::{ListErrors, ListText, MOST_ERRORS, Position};
use airlift_oci::text::with_causes;

/// One reference a line. `#` starts a comment at a line's start or behind white space, for references have
/// none. `choice` is what to carry of each image.
///
/// # Errors
/// For the first hundred lines that are no references, and if the file is not UTF-8.
pub fn parse_plain(file: &str, bytes: &[u8], choice: &Choice) -> Result<Vec<Entry>, ListErrors> {
    let text = ListText::new(file, bytes)?;
    let (mut entries, mut errors) = (Vec::new(), Vec::new());
    for (number, line) in text.lines() {
        if errors.len() == MOST_ERRORS {
            break;
        }
        let without_comment = without_comment(line);
        let entry = without_comment.trim();
        if entry.is_empty() {
            continue;
        }
        let before = without_comment.len() - without_comment.trim_start().len();
        let column = without_comment.get(..before).unwrap_or_default().chars().count() + 1;
        let position = Position { line: number, column };
        match entry.parse::<SourceReference>() {
            Ok(reference) => entries.push(Entry {
                wanted: Wanted::Image(reference),
                choice: choice.clone(),
                groups: BTreeSet::new(),
                position,
            }),
            Err(error) => errors.push(text.error(position, with_causes(&error))),
        }
    }
    ListErrors::of(errors).map_or(Ok(entries), Err)
}

fn without_comment(line: &str) -> &str {
    let starts =
        |(position, _): &(usize, &str)| line[..*position].chars().next_back().is_none_or(char::is_whitespace);
    line.match_indices('#').find(starts).map_or(line, |(position, _)| &line[..position])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Result<Vec<String>, ListErrors> {
        let entries = parse_plain("images.txt", text.as_bytes(), &Choice::default())?;
        let name = |entry: &Entry| match &entry.wanted {
            Wanted::Image(reference) => format!("{}={reference}", entry.position),
            other => panic!("{other}"),
        };
        Ok(entries.iter().map(name).collect())
    }

    #[test]
    fn comments_and_blank_lines_are_passed_over() {
        let text = "\u{feff}# the web\nnginx:1.27   # pinned\r\n\n  quay.io/a/b:1\t#x\n   # end\n\t\u{a0}redis \t\r\n";
        assert_eq!(
            names(text).unwrap(),
            ["2:1=docker.io/library/nginx:1.27", "4:3=quay.io/a/b:1", "6:3=docker.io/library/redis:latest"]
        );
        assert_eq!(without_comment("a#b"), "a#b");
        for empty in ["", "# nothing\n", "\u{feff}", "\r\n\r\n", " \t\n"] {
            assert_eq!(names(empty).unwrap(), [""; 0]);
        }
    }

    #[test]
    fn every_form_of_a_reference_is_taken() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let pinned = format!("h:5000/a/b:t@{digest}");
        let text = format!("{pinned}\noci-archive:ours.tar:nginx*=r.example/x # ours\noci:a dir\n");
        assert_eq!(
            names(&text).unwrap(),
            [
                format!("1:1={pinned}"),
                "2:1=oci-archive:ours.tar:nginx*=r.example/x".into(),
                "3:1=oci:a dir".into()
            ]
        );
    }

    #[test]
    fn all_bad_lines_are_named() {
        let errors = names("nginx\n\n  Not A Reference\nnginx:1@sha256:12\nredis nginx\n").unwrap_err();
        assert_eq!(errors.to_string(), "images.txt has 3 errors");
        let all: Vec<String> = errors.iter().map(ToString::to_string).collect();
        assert!(all[0].starts_with("images.txt:3:3: 'Not A Reference' is not an image reference"), "{all:?}");
        assert!(all[1].starts_with("images.txt:4:1: ") && all[2].contains("white space"), "{all:?}");
        assert!(errors.iter().all(|error| error.excerpt().ends_with('^')));
    }

    #[test]
    fn long_lists_are_quick() {
        let text: String = (0..10_000).map(|number| format!("r.example/team/app{number}:1\n")).collect();
        assert_eq!(names(&text).unwrap().len(), 10_000);
        assert_eq!(
            names(&"No Reference\n".repeat(100_000)).unwrap_err().to_string(),
            "images.txt has 100 or more errors"
        );
    }
}
