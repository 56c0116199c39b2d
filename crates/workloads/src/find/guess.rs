//! Texts that look like references, in places that no rule knows.

use airlift_oci::Reference;

use super::options::Guessing;
use super::state::ObjectFinder;
use crate::place::Written;
use crate::yaml::{NodeId, Style, moved};

/// Schemes behind which a reference stands.
const SCHEMES: [&str; 2] = ["docker://", "oci://"];

impl ObjectFinder<'_, '_, '_> {
    /// Takes what looks like references in a scalar.
    pub(super) fn guess(&mut self, part: NodeId) {
        let tree = self.tree;
        let part = tree.resolved(part);
        let Some(scalar) = tree.scalar(part).filter(|_| self.guessing == Guessing::On) else { return };
        if self.placed.contains(&part) {
            return;
        }
        // Escapes would make other words.
        let source = tree.source(part);
        let has_escapes = scalar.style == Style::DoubleQuoted && source.contains('\\');
        let text = if has_escapes { &*scalar.text } else { source };
        let whole = tree.value(part);
        let (mut position, mut behind) = (tree.position(part), 0);
        for (offset, word) in words(text).filter(|(_, word)| looks_like_reference(word)) {
            if !has_escapes {
                position = moved(position, text.get(behind..offset).unwrap_or_default());
                behind = offset;
            }
            let value = whole.as_ref().filter(|value| value.text == word).cloned();
            self.place(word.to_owned(), position, value.map_or(Written::Within, Written::Whole));
        }
        self.placed.insert(part);
    }

    /// Takes what looks like references in the texts of a config map.
    pub(super) fn guess_in_config_map(&mut self, node: NodeId) {
        let tree = self.tree;
        if let Some(data) = tree.get(node, "data").filter(|_| self.guessing == Guessing::On) {
            for (key, value) in tree.members(data) {
                self.at_key("data", |finder| finder.at_key(key, |finder| finder.guess(value)));
            }
        }
    }
}

/// The words of a text, with their offsets. They end where no reference goes on.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let ends = |c: char| c.is_whitespace() || "\"'`=,;|<>()[]{}\\".contains(c);
    text.split(ends).filter(|word| !word.is_empty()).map(move |word| {
        let offset = word.as_ptr() as usize - text.as_ptr() as usize;
        let word = word.trim_end_matches(['.', ':']);
        let scheme =
            SCHEMES.iter().find(|scheme| word.starts_with(**scheme)).map_or(0, |scheme| scheme.len());
        (offset + scheme, &word[scheme..])
    })
}

/// Whether a word has a registry, and a tag or a digest.
fn looks_like_reference(word: &str) -> bool {
    let Some((host, _)) = word.split_once('/') else { return false };
    let name = host.split(':').next().unwrap_or(host);
    let is_host = host == "localhost" || host.contains(':') || name.contains('.');
    let has_letter = name.contains(|c: char| c.is_ascii_alphabetic()) || host.contains(':');
    let last = word.rsplit('/').next().unwrap_or(word);
    let is_marked = last.contains(':') || word.contains('@');
    is_host && has_letter && is_marked && !word.contains("//") && word.parse::<Reference>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_with_a_registry_and_a_tag_look_like_references() {
        let digest = format!("quay.io/a/b@sha256:{}", "a".repeat(64));
        for word in ["quay.io/a/b:1", "localhost:5000/a:1", "10.0.0.1:5000/a:1", "ghcr.io/a:v1", &digest] {
            assert!(looks_like_reference(word), "{word}");
        }
        for word in [
            "nginx:1.27",
            "team/app:1",
            "quay.io/a/b",
            "https://quay.io/a:1",
            "/etc/a:b",
            "quay.io/a:b:c",
            "localhost:8080",
            "a.b/C:1",
            "1.2/3:4",
            "./a:b",
        ] {
            assert!(!looks_like_reference(word), "{word}");
        }
    }

    #[test]
    fn words_end_where_references_do() {
        let text = "--image=quay.io/a/b:1,docker://c.io/d:2. \"e\"";
        assert_eq!(
            words(text).collect::<Vec<_>>(),
            [(0, "--image"), (8, "quay.io/a/b:1"), (31, "c.io/d:2"), (42, "e")]
        );
    }
}
