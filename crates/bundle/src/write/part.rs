//! The unfinished file of a bundle: `BUNDLE.part`, locked by who writes it; and `BUNDLE.part.1` and so on,
//! which are unfinished files of earlier plans, set aside because the new plan may find something in them.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_disk::files::with_suffix;
use airlift_oci::{Digest, layout};
use bytes::Bytes;

use crate::plan::TAIL;
use crate::tar::header;
use crate::tar::header::BLOCK;
use crate::tar::path::EntryPath;
use crate::write::error::WriteError;
use crate::write::locks;
use crate::write::locks::Lock;
use crate::zst::stored;

/// More unfinished files of one bundle than this are not kept: the last one gives way.
pub(crate) const MAX_SET_ASIDE: u32 = 9;

/// How often the file is opened again where it takes its final name, or goes away, just then.
const OPENINGS: u32 = 10;

/// The `.part` name of an output.
pub fn part_path(output: &Path) -> PathBuf {
    with_suffix(output, ".part")
}

/// Whether `path` is called as what a build writes before it is complete: a `.part`, that of a volume, or
/// what was set aside.
pub fn is_unfinished(path: &Path) -> bool {
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else { return false };
    let is_number = |end: &str| end.len() == 1 && end.bytes().all(|byte| byte.is_ascii_digit());
    let name = match name.rsplit_once('.') {
        Some((name, end)) if is_number(end) || end == "manifests" => name,
        _ => name,
    };
    name.strip_suffix(".part").is_some_and(|output| !output.is_empty())
}

/// The unfinished file of a build with this output, if there is one; in volumes the first of them.
pub(crate) fn unfinished_of(output: &Path) -> Option<PathBuf> {
    let volume = |digits: usize| with_suffix(output, &format!(".{:0digits$}.part", 1));
    [part_path(output), volume(3), volume(4)].into_iter().find(|path| is_ours(path))
}

/// What earlier runs left beside the `.part` of `output`: unfinished files of other plans, and manifests.
pub fn set_aside_paths(output: &Path) -> Vec<PathBuf> {
    let part = part_path(output);
    let all = numbered(&part).chain([manifests_path(output)]);
    all.filter(|path| is_ours(path)).collect()
}

/// Keeps manifests for the next run, in a file beside the `.part` of `output`: a plain layout without
/// `index.json`. Replaces what was kept before, which therefore has to be among them.
///
/// # Errors
/// If the file can't be written.
pub fn keep_manifests<'a>(
    output: &Path,
    manifests: impl Iterator<Item = (&'a Digest, &'a Bytes)>,
) -> io::Result<PathBuf> {
    let path = manifests_path(output);
    if is_there(&path) && !is_ours(&path) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} is there and is none of ours", path.display()),
        ));
    }
    let mut out = BufWriter::new(File::create(&path)?);
    write_entry(&mut out, &EntryPath::top(layout::LAYOUT_FILE), &layout::encode_plain_layout())?;
    for (digest, bytes) in manifests {
        write_entry(&mut out, &EntryPath::of_blob(digest), bytes)?;
    }
    out.write_all(&[0; TAIL as usize])?;
    out.flush()?;
    Ok(path)
}

fn write_entry(out: &mut impl Write, path: &EntryPath, data: &[u8]) -> io::Result<()> {
    out.write_all(&header::head(path, data.len() as u64))?;
    out.write_all(data)?;
    let padding = header::padded(data.len() as u64) - data.len() as u64;
    out.write_all(&[0; BLOCK as usize][..padding as usize])
}

/// What is put behind an output's name while it is written has at most so many bytes: `.volumes.json.part`.
const LONGEST_SUFFIX: u64 = 18;

/// Whether the folder of `output` takes all names that its files have while it is written.
pub fn has_room_for_names(output: &Path) -> bool {
    let name = output.file_name().map_or(0, |name| name.len() as u64);
    airlift_disk::names::longest_name(airlift_disk::names::folder_of(output))
        .is_none_or(|longest| name + LONGEST_SUFFIX <= longest)
}

fn manifests_path(output: &Path) -> PathBuf {
    with_suffix(&part_path(output), ".manifests")
}

fn numbered(part: &Path) -> impl Iterator<Item = PathBuf> {
    (1..=MAX_SET_ASIDE).map(move |number| with_suffix(part, &format!(".{number}")))
}

/// Whether a file begins as those do that a build leaves. Others of the same name are somebody else's: they
/// are neither read, nor replaced, nor removed.
pub(crate) fn is_ours(path: &Path) -> bool {
    airlift_disk::read::open_regular(path).and_then(|file| starts_like_ours(&file)).unwrap_or(false)
}

/// A `.part` file, open and locked against other writers for as long as this or a clone of it lives.
#[derive(Clone, Debug)]
pub struct Part {
    path: PathBuf,
    file: Arc<File>,
    lock: Lock,
    resumed: bool,
}

impl Part {
    /// Opens or makes `path`, and locks it.
    pub fn open(path: &Path) -> Result<Self, WriteError> {
        let is_new = !is_there(path);
        let opened =
            Self::open_with(path, OpenOptions::new().read(true).write(true).create(true).truncate(false));
        // Who loses the race for a new file has not made it, but it is nobody's yet either.
        opened.and_then(|part| part.ok_or_else(|| gone(path, is_new)))
    }

    /// Opens and locks `path` if it is there.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, WriteError> {
        if !is_there(path) {
            return Ok(None);
        }
        Self::open_with(path, OpenOptions::new().read(true).write(true))
    }

    fn open_with(path: &Path, options: &OpenOptions) -> Result<Option<Self>, WriteError> {
        let open = |source| WriteError::Open { path: path.to_owned(), source };
        let Some((file, lock)) = open_locked(path, options)? else { return Ok(None) };
        let resumed = file.metadata().map_err(open)?.len() > 0;
        if resumed && !starts_like_ours(&file).map_err(open)? {
            return Err(WriteError::NotOurs { path: path.to_owned() });
        }
        airlift_disk::cache::forget_cached(&file);
        Ok(Some(Part { path: path.to_owned(), file: Arc::new(file), lock, resumed }))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The file: reads what an earlier run left.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Whether others are kept from writing to it.
    pub fn lock(&self) -> Lock {
        self.lock
    }

    /// Whether it had content when it was opened.
    pub fn is_resumed(&self) -> bool {
        self.resumed
    }

    /// Gives it another name, so that a file of a new plan can take its place: the first of `.part.1` … that
    /// is free.
    pub fn set_aside(&self) -> Result<PathBuf, WriteError> {
        let aside = numbered(&self.path).collect::<Vec<_>>();
        let free = aside.iter().find(|path| !is_there(path));
        let to = match free.or_else(|| aside.iter().rfind(|path| is_ours(path))) {
            Some(to) => to.clone(),
            None => return Err(WriteError::NotOurs { path: with_suffix(&self.path, ".1") }),
        };
        let failed = |source| WriteError::Rename { from: self.path.clone(), to: to.clone(), source };
        airlift_disk::names::replace(&self.path, &to).map_err(failed)?;
        Ok(to)
    }
}

/// Opens an unfinished file as `options` say, and locks it where that is possible; `None` where it isn't
/// there.
pub(crate) fn open_locked(path: &Path, options: &OpenOptions) -> Result<Option<(File, Lock)>, WriteError> {
    for _ in 0..OPENINGS {
        if std::fs::symlink_metadata(path).is_ok_and(|found| !found.is_file()) {
            return Err(WriteError::NotAFile { path: path.to_owned() });
        }
        let file = match options.open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound && !is_there(path) && has_folder(path) => {
                return Ok(None);
            }
            Err(source) => return Err(WriteError::Open { path: path.to_owned(), source }),
        };
        let lock = lock(path, &file)?;
        // Whoever had the lock before may have given the file its final name: then this is a finished bundle.
        if still_named(path, &file).map_err(|source| WriteError::Open { path: path.to_owned(), source })? {
            return Ok(Some((file, lock)));
        }
    }
    Err(WriteError::Locked { path: path.to_owned(), holder: None })
}

pub(crate) fn gone(path: &Path, is_new: bool) -> WriteError {
    let why = if is_new { "its folder does not exist" } else { "it went away just now" };
    WriteError::Open { path: path.to_owned(), source: io::Error::new(io::ErrorKind::NotFound, why) }
}

pub(crate) fn is_there(path: &Path) -> bool {
    std::fs::symlink_metadata(path).is_ok()
}

fn has_folder(path: &Path) -> bool {
    path.parent().is_none_or(|folder| folder.as_os_str().is_empty() || folder.is_dir())
}

fn lock(path: &Path, file: &File) -> Result<Lock, WriteError> {
    locks::take(file).map_err(|error| match error {
        TryLockError::WouldBlock => WriteError::Locked { path: path.to_owned(), holder: locks::holder(file) },
        TryLockError::Error(source) => WriteError::Open { path: path.to_owned(), source },
    })
}

/// Whether `path` is the name of the open file. That it can't be looked at is not taken for another file's
/// name.
fn still_named(path: &Path, file: &File) -> io::Result<bool> {
    let identity = |metadata: std::fs::Metadata| (metadata.dev(), metadata.ino());
    match std::fs::symlink_metadata(path) {
        Ok(named) => Ok(identity(named) == identity(file.metadata()?)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}

/// Whether a file starts with the name of a bundle's first entry, or with reserved space that nothing was
/// written to yet.
pub(crate) fn starts_like_ours(file: &File) -> io::Result<bool> {
    let mut start = [0; BLOCK as usize];
    let count = airlift_disk::read::read_full_at(file, &mut start, 0)?;
    Ok(start.starts_with(layout::LAYOUT_FILE.as_bytes())
        || stored::starts_like_ours(&start[..count])
        || start[..count].iter().all(|byte| *byte == 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_writer_is_told_who_the_first_is() {
        let folder = tempfile::tempdir().unwrap();
        let path = part_path(&folder.path().join("b.tar"));
        assert!(Part::open_existing(&path).unwrap().is_none());
        let first = Part::open(&path).unwrap();
        assert!(!first.is_resumed());
        for refused in [Part::open(&path), Part::open_existing(&path).map(Option::unwrap)] {
            let error = refused.unwrap_err();
            assert!(matches!(error, WriteError::Locked { .. }), "{error}");
            #[cfg(target_os = "linux")]
            assert!(error.to_string().contains(&format!("process {}", std::process::id())), "{error}");
        }
        drop(first);
        assert!(Part::open_existing(&path).unwrap().is_some());
    }

    #[test]
    fn a_file_that_took_its_final_name_meanwhile_is_not_written_to() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("b.tar");
        let path = part_path(&output);
        let first = Part::open(&path).unwrap();
        // Opened, but not locked, as the other one was about to.
        let late = OpenOptions::new().read(true).write(true).open(&path).unwrap();
        std::fs::rename(&path, &output).unwrap();
        drop(first);
        lock(&path, &late).unwrap();
        assert!(!still_named(&path, &late).unwrap());
        drop(late);
        let second = Part::open(&path).unwrap();
        assert_ne!(second.file().metadata().unwrap().ino(), output.metadata().unwrap().ino());
    }

    #[test]
    fn files_of_others_are_neither_found_nor_replaced() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("b.tar");
        let all: Vec<PathBuf> = numbered(&part_path(&output)).chain([manifests_path(&output)]).collect();
        for path in &all {
            std::fs::write(path, "somebody's").unwrap();
        }
        assert!(set_aside_paths(&output).is_empty());
        let part = Part::open(&part_path(&output)).unwrap();
        assert!(matches!(part.set_aside(), Err(WriteError::NotOurs { .. })));
        assert!(keep_manifests(&output, std::iter::empty()).is_err());
        for path in &all {
            assert_eq!(std::fs::read(path).unwrap(), b"somebody's");
        }
        std::fs::remove_file(&all[4]).unwrap();
        assert_eq!(part.set_aside().unwrap(), all[4]);
    }

    #[test]
    fn what_is_set_aside_is_found_again() {
        let folder = tempfile::tempdir().unwrap();
        let output = folder.path().join("b.tar");
        for number in 1..=MAX_SET_ASIDE + 2 {
            let part = Part::open(&part_path(&output)).unwrap();
            part.set_aside().unwrap();
            let kept = usize::try_from(number.min(MAX_SET_ASIDE)).unwrap();
            assert_eq!(set_aside_paths(&output).len(), kept);
        }
        assert!(Part::open_existing(&part_path(&output)).unwrap().is_none());
    }
}
