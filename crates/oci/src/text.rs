//! Texts from outside, made fit to be shown: one rule for messages and for JSON documents.

use std::borrow::Cow;
use std::error::Error;

/// Whether a character shows as itself and has no effect on a terminal. False for control characters (U+0080
/// to U+009F among them), for those that turn the direction of writing or end a line, and for those that are
/// invisible or change the character before them.
pub fn shows(c: char) -> bool {
    matches!(c, '\'' | '"' | '\\') || c.escape_debug().len() == 1
}

/// A text from outside, with every character escaped that has an effect on a terminal or doesn't show.
pub fn harmless(text: &str) -> Cow<'_, str> {
    spelt_out(text, shows, |c, out| out.extend(c.escape_debug()))
}

/// A JSON document of the same meaning, in which every character that has an effect on a terminal or doesn't
/// show is written as `\u` and four hex digits.
///
/// JSON's own writers leave U+007F and all that lies beyond ASCII as it is. Outside of strings a document has
/// no such characters.
pub fn harmless_json(document: &str) -> Cow<'_, str> {
    spelt_out(
        document,
        |c| shows(c) || c == '\n',
        |c, out| {
            for unit in c.encode_utf16(&mut [0; 2]) {
                out.push_str(&format!("\\u{unit:04x}"));
            }
        },
    )
}

fn spelt_out(text: &str, stays: impl Fn(char) -> bool, spell: impl Fn(char, &mut String)) -> Cow<'_, str> {
    if text.chars().all(&stays) {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len() + 8);
    for c in text.chars() {
        if stays(c) {
            out.push(c);
        } else {
            spell(c, &mut out);
        }
    }
    Cow::Owned(out)
}

/// An error and its causes, in one line. A cause that the text already ends with is not said again.
pub fn with_causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !text.ends_with(&next) {
            text.push_str(": ");
            text.push_str(&next);
        }
        cause = error.source();
    }
    text
}

/// A text that a user typed, fit for a message: short enough, and without a password. No grammar here has
/// `user:password@host`, but people try it, and messages end up in logs.
pub fn without_password(text: &str) -> String {
    match text.rsplit_once('@') {
        Some((before, after)) if before.contains(':') && !after.starts_with("sha") => {
            bounded(&format!("…@{after}"))
        }
        _ => bounded(text),
    }
}

/// A line of a file with a star for each character of what looks like `user:password` in front of a host, so
/// that columns stay what they are.
pub fn with_stars(line: &str) -> String {
    with_hidden(line, |login| "*".repeat(login.chars().count()))
}

/// A message without what looks like `user:password` in front of a host. People give addresses where files
/// are wanted, and the errors of files repeat the names.
pub fn message_without_passwords(message: &str) -> String {
    with_hidden(message, |_| "…".to_owned())
}

/// A text in which `hide` has replaced what looks like `user:password` at the start of each word.
fn with_hidden(text: &str, hide: impl Fn(&str) -> String) -> String {
    let ends_word = |c: char| c.is_whitespace() || matches!(c, '"' | '\'');
    let hidden = |word: &str| match word.trim_end_matches(ends_word).rfind('@') {
        Some(at) if word[..at].contains(':') && !word[at + 1..].starts_with("sha") => {
            format!("{}{}", hide(&word[..at]), &word[at..])
        }
        _ => word.to_owned(),
    };
    text.split_inclusive(ends_word).map(hidden).collect()
}

/// Text from outside, short enough for a message.
pub fn bounded(text: &str) -> String {
    const LONGEST: usize = 300;
    match text.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

/// A name for people: control characters escaped, and no longer than a line or two. It is repeated in every
/// message about what lies below it.
pub(crate) fn shown_name(name: &str) -> String {
    bounded(name).escape_debug().to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_keeps_its_columns_and_loses_its_passwords() {
        for (line, shown) in [
            ("ann:hunter2@127.0.0.1:5924/x:1", "***********@127.0.0.1:5924/x:1"),
            ("  - 'https://ann:p@ss@q.example/x' # ä", "  - '****************@q.example/x' # ä"),
            ("\"from\": \"a:b@c/d\",", "\"from\": \"***@c/d\","),
            ("nginx:1@sha256:00 me@x", "nginx:1@sha256:00 me@x"),
        ] {
            assert_eq!(with_stars(line), shown);
        }
    }

    #[test]
    fn a_message_keeps_its_words_and_loses_its_passwords() {
        for (message, shown) in [
            ("can't read https://bob:hunter2@x/y", "can't read …@x/y"),
            ("can't write bob:hunter2@x/y: no such folder", "can't write …@x/y: no such folder"),
            ("'ann:p@ss@q.example/x' and b:c@d", "'…@q.example/x' and …@d"),
            (
                "team/app:1@sha256:00 at r.example:5000\n me@x",
                "team/app:1@sha256:00 at r.example:5000\n me@x",
            ),
        ] {
            assert_eq!(message_without_passwords(message), shown);
        }
    }

    /// Of each kind some: C0, DEL, C1 with its CSI, separators of lines, bidi, invisible ones, private use,
    /// beyond the first plane.
    const HOSTILE: &str = "\u{0}\t\r\u{1b}\u{7f}\u{80}\u{85}\u{9b}\u{9f}\u{ad}\u{200b}\u{200d}\u{200e}\u{200f}\u{2028}\u{2029}\
        \u{202a}\u{202b}\u{202c}\u{202d}\u{202e}\u{2066}\u{2067}\u{2068}\u{2069}\u{feff}\u{e000}\u{e0001}\u{1d173}";

    #[test]
    fn texts_lose_what_a_terminal_obeys_and_nothing_else() {
        assert_eq!(harmless("it's \"fine\" \\ → ä 日本 🚀"), "it's \"fine\" \\ → ä 日本 🚀");
        assert_eq!(harmless("a\x1b[2J\r\n\u{202e}\u{9b}"), "a\\u{1b}[2J\\r\\n\\u{202e}\\u{9b}");
        assert!(harmless(HOSTILE).chars().all(|c| c.is_ascii_graphic()), "{}", harmless(HOSTILE));
    }

    #[test]
    fn documents_keep_their_value_and_hold_nothing_raw() {
        let value = serde_json::json!({ HOSTILE: [HOSTILE, "it's \"fine\" \\ → ä 日本 🚀"] });
        let written = serde_json::to_string_pretty(&value).unwrap();
        let harmless = harmless_json(&written);
        assert_eq!(serde_json::from_str::<serde_json::Value>(&harmless).unwrap(), value);
        assert!(harmless.chars().all(|c| shows(c) || c == '\n'), "{harmless}");
        assert!(harmless.contains("\\u007f\\u0080\\u0085\\u009b") && harmless.contains("→ ä 日本 🚀"));
        assert!(harmless.contains("\\udb40\\udc01"), "{harmless}");
    }
}
