//! What stands in the string literals of libraries.

use super::{Sources, is_library};

/// A flag is the command line's word: a library that names one can't be used without it.
pub(crate) fn flags(sources: &Sources) -> Vec<String> {
    let mut broken = Vec::new();
    for module in sources.modules_of(is_library) {
        let found = module.uses.texts.iter().filter_map(|text| flag_in(text));
        broken.extend(found.map(|flag| format!("{} names the flag {flag}", module.file)));
    }
    broken
}

/// The first `--word` of a text that doesn't stand within a word or a line of dashes.
fn flag_in(text: &str) -> Option<String> {
    text.match_indices("--").find_map(|(at, dashes)| {
        let is_within = text[..at].ends_with(|c: char| c.is_alphanumeric() || c == '-');
        let word = &text[at + dashes.len()..];
        let begins = word.starts_with(|c: char| c.is_ascii_lowercase() || c == '{');
        let end = word.find(|c: char| !c.is_alphanumeric() && !"-{}".contains(c)).unwrap_or(word.len());
        (!is_within && begins).then(|| format!("{dashes}{}", &word[..end]))
    })
}
