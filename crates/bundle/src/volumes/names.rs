//! The names of volumes and of their manifest.

use std::path::{Path, PathBuf};

use airlift_disk::with_suffix;

/// The manifest's name is the archive's name with this suffix.
pub const MANIFEST_SUFFIX: &str = ".volumes.json";

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// All volumes of a set: the path is that of its manifest, or the archive's name if no such file is
    /// there.
    Set {
        /// The manifest.
        manifest: PathBuf,
    },
    /// One volume, which may be missing.
    Volume {
        /// The manifest beside it.
        manifest: PathBuf,
        /// The volume's file name.
        name: String,
    },
    /// Something else.
    Other,
}

/// Says what a path means. It looks at names only, and reads no file.
pub fn classify(path: &Path) -> PathKind {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return PathKind::Other };
    if name.ends_with(MANIFEST_SUFFIX) && path.is_file() {
        return PathKind::Set { manifest: path.to_owned() };
    }
    if let Some(stem) = stem_of(name) {
        let manifest = manifest_path(&path.with_file_name(stem));
        if manifest.is_file() {
            return PathKind::Volume { manifest, name: name.to_owned() };
        }
    }
    let manifest = manifest_path(path);
    if std::fs::symlink_metadata(path).is_err() && manifest.is_file() {
        return PathKind::Set { manifest };
    }
    PathKind::Other
}

/// The manifest that should lie beside a volume; `None` if the path isn't named like a volume.
pub(crate) fn manifest_of_volume(path: &Path) -> Option<PathBuf> {
    let stem = stem_of(path.file_name()?.to_str()?)?;
    Some(manifest_path(&path.with_file_name(stem)))
}

/// Whether a path is named like a first volume. Only the first volume looks like an archive, one that was cut
/// off.
pub(crate) fn is_first_volume(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str());
    name.and_then(|name| name.rsplit_once('.')).is_some_and(|(_, number)| matches!(number, "001" | "0001"))
}

/// The first volume of the archive that would be `output`, if it is there.
pub(crate) fn first_volume_of(output: &Path) -> Option<PathBuf> {
    [3, 4].map(|digits| numbered(output, 1, digits)).into_iter().find(|first| first.is_file())
}

/// `b.tar` of `b.tar.001`; `None` if it can't be a volume's name.
pub(crate) fn stem_of(name: &str) -> Option<&str> {
    let (stem, number) = name.rsplit_once('.')?;
    let is_number = matches!(number.len(), 3 | 4) && number.bytes().all(|byte| byte.is_ascii_digit());
    (is_number && !stem.is_empty()).then_some(stem)
}

/// The manifest of the set whose archive would be `output`.
pub fn manifest_path(output: &Path) -> PathBuf {
    with_suffix(output, MANIFEST_SUFFIX)
}

/// How many digits the numbers of `count` volumes have.
pub(crate) fn digits(count: usize) -> usize {
    if count > 999 { 4 } else { 3 }
}

/// `b.tar` and 2 as `b.tar.002`.
pub(crate) fn volume_name(stem: &str, number: usize, digits: usize) -> String {
    format!("{stem}.{number:0digits$}")
}

/// The file of a volume of the set whose archive would be `output`, one of `count`.
pub fn volume_path(output: &Path, number: usize, count: usize) -> PathBuf {
    numbered(output, number, digits(count))
}

/// The path of a volume whose number has `digits` digits.
pub(crate) fn numbered(output: &Path, number: usize, digits: usize) -> PathBuf {
    with_suffix(output, &format!(".{number:0digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_have_equal_width() {
        let name = |number, count| volume_path(Path::new("d/b.tar"), number, count);
        assert_eq!(name(7, 999), Path::new("d/b.tar.007"));
        assert_eq!(name(7, 1_000), Path::new("d/b.tar.0007"));
        for (text, stem) in [
            ("b.tar.001", Some("b.tar")),
            ("b.tar.0001", Some("b.tar")),
            ("b.tar.01", None),
            ("b.tar.00001", None),
            ("b.tar.00a", None),
            (".001", None),
            ("b.tar", None),
        ] {
            assert_eq!(stem_of(text), stem, "{text}");
        }
    }
}
