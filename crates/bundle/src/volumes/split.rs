//! How an archive is cut into volumes.

use crate::tar::header::BLOCK;

/// The smallest size of a volume, in bytes.
pub const MIN_VOLUME: u64 = 64 << 10;
/// The most volumes that a set may have.
pub const MAX_VOLUMES: u64 = 9_999;
/// Why an archive can't be cut into volumes of a size.
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
}
