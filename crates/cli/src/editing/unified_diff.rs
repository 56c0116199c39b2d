//! Diffs that `patch -p1` and `git apply` take.

use std::path::Path;

use similar::TextDiff;

use crate::ui::term::harmless;

/// Lines around a change that are shown, as in git.
const CONTEXT: usize = 3;

/// What differs between two texts of a file.
pub(super) fn unified_diff(path: &Path, old: &str, new: &str) -> String {
    let name = path.to_string_lossy();
    let name = harmless(name.strip_prefix("./").unwrap_or(&name)).into_owned();
    let (from, to) = match name.as_str() {
        "-" => ("a/stdin".to_owned(), "b/stdin".to_owned()),
        name if path.is_absolute() => (name.to_owned(), name.to_owned()),
        name => (format!("a/{name}"), format!("b/{name}")),
    };
    let diff = TextDiff::from_lines(old, new);
    diff.unified_diff().context_radius(CONTEXT).header(&from, &to).to_string()
}
