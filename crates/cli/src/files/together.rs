//! Several files that are replaced together: all of them, or none.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, fchown};
use std::path::{Path, PathBuf};

use airlift_disk::{behind_links, folder_of, rename_over};
use airlift_oci::Digest;
use tempfile::TempPath;

use super::replaced::{temporary, written_beside};

/// Files that get new content together.
#[derive(Default)]
pub(crate) struct Together {
    staged: Vec<StagedFile>,
}

/// A file whose new content is on disk already.
struct StagedFile {
    /// The file itself, links followed.
    path: PathBuf,
    new: TempPath,
    /// The digest of the content that was read.
    old: Digest,
}

/// A file that was replaced, with its old content.
struct ReplacedFile<'t> {
    path: &'t Path,
    old: TempPath,
}

impl Together {
    /// Writes new content beside a file, with the mode and the owner of that file. `old` is the digest of
    /// what was read of it. A link stays, and the file that it leads to is replaced.
    ///
    /// # Errors
    /// If the file can't be replaced.
    pub(crate) fn stage(&mut self, path: &Path, old: Digest, new: &[u8]) -> io::Result<()> {
        let path = behind_links(path)?;
        // Opening a pipe would wait for its reader.
        if !fs::metadata(&path)?.is_file() {
            return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
        }
        // A file that may not be written to is not replaced either, whatever its folder permits.
        let found = OpenOptions::new().write(true).open(&path)?.metadata()?;
        let keep_owner = |file: &File| {
            let made = file.metadata()?;
            if (made.uid(), made.gid()) == (found.uid(), found.gid()) {
                return Ok(());
            }
            fchown(file, Some(found.uid()), Some(found.gid())).map_err(of_owner)
        };
        let file = written_beside(&path, new, keep_owner)?;
        self.staged.push(StagedFile { path, new: file.into_temp_path(), old });
        Ok(())
    }

    /// Replaces all files. If one can't be replaced, or is no longer what was read, those before it get their
    /// old content back.
    ///
    /// # Errors
    /// With the first file that can't be replaced. No file is changed then, unless the error says otherwise.
    pub(crate) fn replace_all(self) -> Result<(), (PathBuf, io::Error)> {
        let mut replaced = Vec::new();
        for StagedFile { path, new, old } in &self.staged {
            match replace_one(path, new, old) {
                Ok(old) => replaced.push(ReplacedFile { path, old }),
                Err(error) => return Err((path.clone(), put_back(replaced, error))),
            }
        }
        Ok(())
    }
}

/// Replaces a file that still has the content that was read, and gives the old file under another name.
fn replace_one(path: &Path, new: &Path, old: &Digest) -> io::Result<TempPath> {
    let kept = kept(path)?;
    if !old.matches(&fs::read(path)?) {
        return Err(io::Error::other("another program changed it meanwhile"));
    }
    rename_over(new, path)?;
    Ok(kept)
}

/// The file under another name, or a copy of it where a file can't have two.
fn kept(path: &Path) -> io::Result<TempPath> {
    let link = tempfile::Builder::new()
        .prefix(".airlift-")
        .make_in(folder_of(path), |name| fs::hard_link(path, name));
    match link {
        Ok(link) => Ok(link.into_temp_path()),
        Err(_) => {
            let copy = temporary(path)?.into_temp_path();
            fs::copy(path, &copy)?;
            let (made, found) = (File::open(&copy)?, fs::metadata(path)?);
            // The new file has this owner already.
            fchown(&made, Some(found.uid()), Some(found.gid()))?;
            Ok(copy)
        }
    }
}

/// Gives files their old content back, the last one first.
fn put_back(replaced: Vec<ReplacedFile<'_>>, error: io::Error) -> io::Error {
    let mut lost = Vec::new();
    for ReplacedFile { path, old } in replaced.into_iter().rev() {
        if let Err(why) = rename_over(&old, path) {
            let old = old.keep().unwrap_or_else(|error| error.path.to_path_buf());
            lost.push(format!(
                "{} stays replaced ({why}); its old content is in {}",
                path.display(),
                old.display()
            ));
        }
    }
    if lost.is_empty() { error } else { io::Error::other(format!("{error}; {}", lost.join("; "))) }
}

fn of_owner(error: io::Error) -> io::Error {
    io::Error::new(error.kind(), format!("the new file can't have the owner of the old one: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Three files that are staged.
    fn staged(folder: &Path) -> (Vec<PathBuf>, Together) {
        let paths: Vec<PathBuf> = ["a", "b", "c"].iter().map(|name| folder.join(name)).collect();
        let mut together = Together::default();
        for path in &paths {
            fs::write(path, "old").unwrap();
            together.stage(path, Digest::sha256(b"old"), b"new").unwrap();
        }
        (paths, together)
    }

    fn texts(paths: &[PathBuf]) -> Vec<String> {
        paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
    }

    #[test]
    fn all_files_are_replaced_or_none() {
        let folder = tempfile::tempdir().unwrap();
        let (paths, together) = staged(folder.path());
        together.replace_all().unwrap();
        assert_eq!(texts(&paths), ["new", "new", "new"]);
        let (paths, together) = staged(folder.path());
        fs::write(&paths[2], "of another program").unwrap();
        let (path, error) = together.replace_all().unwrap_err();
        assert_eq!((&path, error.to_string().contains("changed it meanwhile")), (&paths[2], true));
        assert_eq!(texts(&paths), ["old", "old", "of another program"]);
        let (paths, together) = staged(folder.path());
        fs::remove_file(&paths[1]).unwrap();
        assert_eq!(together.replace_all().unwrap_err().0, paths[1]);
        assert!(!paths[1].exists(), "what was removed is not made again");
        assert_eq!(fs::read_to_string(&paths[0]).unwrap(), "old");
        let (_, together) = staged(folder.path());
        drop(together);
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 3, "nothing temporary stays");
    }

    #[test]
    fn a_folder_and_a_pipe_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        for path in [folder.path(), &pipe, &folder.path().join("none")] {
            Together::default().stage(path, Digest::sha256(b""), b"new").unwrap_err();
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
    }
}
