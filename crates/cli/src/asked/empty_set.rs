//! Lists, images files and locks without any image.

use airlift_lists::SetKind;
use airlift_oci::text::harmless;
use airlift_packager::Plural;

/// A file without any image.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{} {why}: no image was asked for", harmless(.file))]
pub(crate) struct EmptySet {
    /// The file, as it is shown.
    file: String,
    /// What there is instead.
    why: &'static str,
}

impl EmptySet {
    /// `groups` are those that were chosen.
    pub(crate) fn new(file: &str, bytes: &[u8], groups: &[String]) -> Self {
        let is_list = SetKind::of(file, bytes) == SetKind::Plain;
        let has_text = bytes.iter().any(|byte| !byte.is_ascii_whitespace());
        let why = match (has_text, is_list, groups.is_empty()) {
            (false, ..) => "is empty",
            (true, true, _) => "has only comments",
            (true, false, true) => "has no images",
            (true, false, false) => "has no images of the groups that were chosen",
        };
        EmptySet { file: file.to_owned(), why }
    }
}

impl Plural for EmptySet {
    fn of(count: usize) -> String {
        format!("{count} files have no image that was asked for")
    }
}
