//! The result as a table for the comment of a pull request.

use airlift_checker::{CheckedImage, State};
use airlift_oci::text::harmless;

use super::places::PlacedSubject;
use crate::ui::size;

/// A row for each image.
pub(super) fn table(checked: &[(PlacedSubject, CheckedImage)]) -> String {
    let mut text = "| reference | digest | exists? | platforms | size |\n|---|---|---|---|---|\n".to_owned();
    for (asked, image) in checked {
        let platforms = match image.platforms.is_empty() {
            true => &asked.subject.platforms,
            false => &image.platforms,
        };
        let cells = [
            escaped(&asked.subject.name),
            digests(asked, image),
            exists(image),
            escaped(&platforms.join(", ")),
            if image.size > 0 { size::human(image.size) } else { String::new() },
        ];
        text.push_str(&format!("| {} |\n", cells.join(" | ")));
    }
    text
}

/// The digest, and what stood under the name before.
fn digests(asked: &PlacedSubject, image: &CheckedImage) -> String {
    let new = image.digest.map(|digest| format!("`{digest}`")).unwrap_or_default();
    match asked.subject.before {
        Some(before) => format!("`{before}` → {new}"),
        None => new,
    }
}

fn exists(image: &CheckedImage) -> String {
    let missing = image.missing.len();
    match (image.state, image.tag_digest) {
        (State::Ok, _) => "yes".to_owned(),
        (State::Drift, Some(now)) => format!("yes, but the tag stands for `{now}`"),
        (State::Drift, None) => "yes, but the tag is gone".to_owned(),
        (State::Lost, _) => "**no**".to_owned(),
        (State::Incomplete, _) if missing > 0 => format!("**{} missing**", size::count(missing, "part")),
        (State::Incomplete, _) => "**incomplete**".to_owned(),
        (State::Damaged, _) => format!("**{} damaged**", size::count(image.damaged.len(), "blob")),
        (State::Unreachable, _) => "unknown: no answer".to_owned(),
    }
}

/// A text in which nothing is markup. Names come from layouts of other tools, too.
fn escaped(text: &str) -> String {
    let mut plain = String::new();
    for c in harmless(text).chars() {
        if "\\`*[]<>|#!~&".contains(c) {
            plain.push('\\');
        }
        plain.push(c);
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_no_markup() {
        assert_eq!(escaped("r.example/my_app:1.27"), "r.example/my_app:1.27");
        assert_eq!(escaped("a|b`c`[d](e)<img>"), "a\\|b\\`c\\`\\[d\\](e)\\<img\\>");
        assert!(!escaped("a\nb\r\u{1b}c").contains(['\n', '\r', '\u{1b}']));
    }
}
