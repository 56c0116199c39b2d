//! A bundle in volumes: the very bytes of the archive, cut into files of one size, and one small file that
//! says what belongs together.
//!
//! `b.tar.001`, `b.tar.002`, … one behind the other are `b.tar`. `b.tar.volumes.json`, the *manifest of
//! volumes* ([`VolumeSet`]), names each with its size and digests: so each can be verified alone, and a set
//! is known to be complete. [`classify`] says what a path means, [`open`](open()) opens a set in place,
//! [`open_one`] a single volume, [`VolumeParts`] are volumes that are being written. `docs/format.md` is the
//! contract.

pub(crate) mod manifest;
mod one;
pub(crate) mod open;
mod renamed;

use std::io;
use std::path::{Path, PathBuf};

use airlift_disk::files::with_suffix;

use crate::OpenError;
use crate::tar::header::BLOCK;

pub use manifest::{Hex, SCHEMA, Volume, VolumeSet, VolumeSetError};
pub use one::{One, altered, open_one};
pub use open::{Opened, open, read_manifest};
pub(crate) use renamed::{Renamed, recognised};

/// Volumes are no smaller: this many bytes.
pub const MIN_VOLUME: u64 = 64 << 10;
/// Sets have no more volumes.
pub const MAX_VOLUMES: u64 = 9_999;
/// What the manifest's name has behind that of the archive.
pub const MANIFEST_SUFFIX: &str = ".volumes.json";

/// Why an archive can't be cut like that.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SplitError {
    /// The volumes would be tiny.
    #[error("volumes of {0} bytes are too small; the least is 64 KiB")]
    TooSmall(u64),
    /// There would be too many of them.
    #[error(
        "{size} bytes in volumes of {volume_size} are {count} volumes, more than {MAX_VOLUMES}; with volumes of {} bytes or more they fit",
        .size.div_ceil(MAX_VOLUMES).next_multiple_of(BLOCK)
    )]
    TooMany {
        /// The archive's size.
        size: u64,
        /// The size of a volume.
        volume_size: u64,
        /// How many there would be.
        count: u64,
    },
}

/// How an archive is cut into volumes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Split {
    volume_size: u64,
}

/// Which bytes of the archive a volume has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VolumeRange {
    /// The volume's number, from 1.
    pub number: usize,
    /// Where it starts, in bytes from the archive's start.
    pub start: u64,
    /// How many bytes it has.
    pub size: u64,
}

impl Split {
    /// Volumes of at most `size` bytes: `size` rounded down to a multiple of tar's block, so that writing
    /// past the page cache works.
    ///
    /// # Errors
    /// If that is less than [`MIN_VOLUME`].
    pub fn of(size: u64) -> Result<Self, SplitError> {
        if size < MIN_VOLUME {
            return Err(SplitError::TooSmall(size));
        }
        Ok(Split { volume_size: size.min(i64::MAX as u64) / BLOCK * BLOCK })
    }

    /// The size of all volumes but the last.
    pub fn volume_size(&self) -> u64 {
        self.volume_size
    }

    /// The volumes of an archive of `size` bytes.
    ///
    /// # Errors
    /// If there would be more than [`MAX_VOLUMES`].
    pub fn ranges(&self, size: u64) -> Result<Vec<VolumeRange>, SplitError> {
        let Split { volume_size } = *self;
        let count = size.div_ceil(volume_size);
        if count > MAX_VOLUMES {
            return Err(SplitError::TooMany { size, volume_size, count });
        }
        let range = |index: u64| {
            let start = index * volume_size;
            VolumeRange { number: index as usize + 1, start, size: volume_size.min(size - start) }
        };
        Ok((0..count).map(range).collect())
    }
}

/// What a path means.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PathKind {
    /// All volumes of a set: the path is that of its manifest, or the archive's name where no such file is.
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

/// Says what a path means. Nothing is read but folders.
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

/// Where opening `path` failed for want of a manifest of volumes: a volume, and the manifest that should lie
/// beside it.
pub(crate) fn lacks_manifest(path: &Path, error: &OpenError) -> Option<(PathBuf, PathBuf)> {
    match error {
        OpenError::NotALayout { .. } => of_volume(path),
        OpenError::Read { source, .. } if source.kind() == io::ErrorKind::NotFound => {
            let first =
                [3, 4].map(|digits| numbered(path, 1, digits)).into_iter().find(|first| first.is_file());
            Some((first?, manifest_path(path)))
        }
        _ => None,
    }
}

/// The same where `path` is called as a first volume is. Of all volumes it alone looks like an archive, one
/// that was cut off.
pub(crate) fn of_first(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let (_, number) = path.file_name()?.to_str()?.rsplit_once('.')?;
    of_volume(path).filter(|_| matches!(number, "001" | "0001"))
}

fn of_volume(path: &Path) -> Option<(PathBuf, PathBuf)> {
    let stem = stem_of(path.file_name()?.to_str()?)?;
    Some((path.to_owned(), manifest_path(&path.with_file_name(stem))))
}

/// `b.tar` of `b.tar.001`; `None` for what can't be a volume's name.
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
fn digits(count: usize) -> usize {
    if count > 999 { 4 } else { 3 }
}

/// `b.tar` and 2 as `b.tar.002`.
fn volume_name(stem: &str, number: usize, digits: usize) -> String {
    format!("{stem}.{number:0digits$}")
}

/// The file of a volume of the set whose archive would be `output`, one of `count`.
pub fn volume_path(output: &Path, number: usize, count: usize) -> PathBuf {
    numbered(output, number, digits(count))
}

pub(crate) fn numbered(output: &Path, number: usize, digits: usize) -> PathBuf {
    with_suffix(output, &format!(".{number:0digits$}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_archive_is_cut_into_equal_volumes_and_a_rest() {
        let split = Split::of(100_000).unwrap();
        assert_eq!(split.volume_size(), 99_840, "a multiple of 512");
        let ranges = split.ranges(250_000).unwrap();
        let places: Vec<_> = ranges.iter().map(|range| (range.number, range.start, range.size)).collect();
        assert_eq!(places, [(1, 0, 99_840), (2, 99_840, 99_840), (3, 199_680, 50_320)]);
        assert_eq!(split.ranges(99_840).unwrap().len(), 1);
        assert_eq!(split.ranges(99_841).unwrap().len(), 2);
        assert_eq!(Split::of(65_535), Err(SplitError::TooSmall(65_535)));
    }

    #[test]
    fn too_many_volumes_are_refused_with_a_size_that_fits() {
        let split = Split::of(MIN_VOLUME).unwrap();
        assert_eq!(split.ranges(MIN_VOLUME * 9_999).unwrap().len(), 9_999);
        let error = split.ranges(MIN_VOLUME * 9_999 + 512).unwrap_err();
        assert!(matches!(error, SplitError::TooMany { count: 10_000, .. }), "{error}");
        assert!(error.to_string().contains("66048 bytes or more"), "{error}");
        assert_eq!(Split::of(66_048).unwrap().ranges(MIN_VOLUME * 9_999 + 512).unwrap().len(), 9_922);
    }

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
