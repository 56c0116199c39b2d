//! The files that `airlift images` looks through: named ones, standard input, and those in folders.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The ends of the names of files that count in a folder.
const EXTENSIONS: [&str; 3] = ["yaml", "yml", "json"];

/// The folder of git, whose files are no manifests.
const GIT: &str = ".git";

/// A file, or why a folder can't be listed.
pub(crate) type Listed = Result<PathBuf, (PathBuf, io::Error)>;

/// The files that paths stand for, in order. Of a folder, these are all files below it with the name of a
/// manifest; links to folders are not followed, so that no folder is listed twice.
pub(crate) fn manifests(paths: &[PathBuf]) -> Vec<Listed> {
    let mut listed = Vec::new();
    for path in paths {
        if path.is_dir() {
            list(path, &mut listed);
        } else {
            listed.push(Ok(path.clone()));
        }
    }
    listed
}

/// Adds the files below a folder, sorted by name.
fn list(folder: &Path, listed: &mut Vec<Listed>) {
    let mut folders = vec![folder.to_owned()];
    let mut files = Vec::new();
    while let Some(folder) = folders.pop() {
        if let Err(error) = list_one(&folder, &mut folders, &mut files) {
            files.push(Err((folder, error)));
        }
    }
    files.sort_by(|one, other| path_of(one).cmp(path_of(other)));
    listed.append(&mut files);
}

fn path_of(listed: &Listed) -> &Path {
    match listed {
        Ok(path) | Err((path, _)) => path,
    }
}

fn list_one(folder: &Path, folders: &mut Vec<PathBuf>, files: &mut Vec<Listed>) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            if entry.file_name() != GIT {
                folders.push(path);
            }
        } else if is_manifest(&path) && (kind.is_file() || leads_to_file(&path)) {
            files.push(Ok(path));
        }
    }
    Ok(())
}

fn is_manifest(path: &Path) -> bool {
    let extension = path.extension().and_then(|extension| extension.to_str());
    extension.is_some_and(|extension| EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known)))
}

/// Whether a link leads to a file, or to nothing: that is an error to be named. Pipes would wait for ever.
fn leads_to_file(path: &Path) -> bool {
    path.is_symlink() && fs::metadata(path).map_or(true, |found| found.is_file())
}

/// The content of a file or of standard input (`-`), in the place of what was in `bytes`. At most one byte
/// more than `most` is read.
///
/// # Errors
/// If it can't be read.
pub(crate) fn read_into(path: &Path, most: usize, bytes: &mut Vec<u8>) -> io::Result<()> {
    bytes.clear();
    let most = most as u64 + 1;
    match path == Path::new("-") {
        true => io::stdin().lock().take(most).read_to_end(bytes)?,
        false => File::open(path)?.take(most).read_to_end(bytes)?,
    };
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn a_folder_stands_for_the_manifests_below_it() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        for name in ["a", "a/deep", ".git", ".hidden", "other"] {
            fs::create_dir(path(name)).unwrap();
        }
        for name in ["b.yaml", "a/deep/c.YML", "a/d.json", "a/e.txt", ".git/f.yaml", ".hidden/g.yaml", "yaml"]
        {
            fs::write(path(name), "x").unwrap();
        }
        fs::write(path("other/target"), "x").unwrap();
        symlink("..", path("a/loop")).unwrap();
        symlink("..", path("a/loop.yaml")).unwrap();
        symlink("other/target", path("link.yaml")).unwrap();
        symlink("nowhere", path("lost.yaml")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(path("pipe.yaml")).status().unwrap().success());
        let named = [path("a/e.txt"), folder.path().to_owned(), PathBuf::from("-")];
        let found: Vec<String> = manifests(&named)
            .iter()
            .map(|listed| {
                path_of(listed).strip_prefix(folder.path()).unwrap_or(Path::new("-")).display().to_string()
            })
            .collect();
        assert_eq!(
            found,
            [
                "a/e.txt",
                ".hidden/g.yaml",
                "a/d.json",
                "a/deep/c.YML",
                "b.yaml",
                "link.yaml",
                "lost.yaml",
                "-"
            ]
        );
    }
}
