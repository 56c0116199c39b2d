//! Lists an image layout in a folder, as skopeo's `oci:` and most other tools write it.

use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use airlift_disk::names_in;

use crate::findings::{Finding, Rule};
use crate::read::contents::{Container, Contents};
use crate::tar::path::EntryPath;

/// Below the top, a layout has `blobs/<algorithm>/<hex>` and nothing deeper.
const MAX_DEPTH: usize = 3;

/// More files than this are taken for an attack.
const MAX_FILES: usize = 1_000_000;

/// Lists a folder's files. Links are never followed: they could lead anywhere.
pub(super) fn list(path: &Path) -> io::Result<Contents> {
    list_limited(path, MAX_FILES)
}

/// A folder to be listed.
struct Folder {
    path: PathBuf,
    /// What precedes the names of its files: its own path within the layout.
    prefix: String,
    depth: usize,
}

/// The same with at most `most` files.
fn list_limited(path: &Path, most: usize) -> io::Result<Contents> {
    let mut contents = Contents::new(Container::Folder);
    let mut folders = vec![Folder { path: path.to_owned(), prefix: String::new(), depth: 1 }];
    let mut count = 0;
    while let Some(folder) = folders.pop() {
        let mut names: Vec<_> = names_in(&folder.path)?.take(most).collect::<Result<_, _>>()?;
        count += names.len();
        if count >= most {
            let why = format!("more than {most} files; the rest was not looked at");
            contents.findings.push(Finding::new(Rule::FolderLimit, sentence(&folder.prefix, &why)));
            break;
        }
        names.sort();
        for name in names {
            folders.extend(add(&mut contents, &folder, &name)?);
        }
    }
    Ok(contents.finish())
}

/// Adds an item of a folder; returns it if it is a folder to be listed.
fn add(contents: &mut Contents, folder: &Folder, name: &OsString) -> io::Result<Option<Folder>> {
    let Folder { path, prefix, depth } = folder;
    let (name, item) = (format!("{prefix}{}", name.to_string_lossy()), path.join(name));
    let metadata = std::fs::symlink_metadata(&item)?;
    if metadata.is_dir() && *depth < MAX_DEPTH {
        return Ok(Some(Folder { path: item, prefix: format!("{name}/"), depth: depth + 1 }));
    }
    if metadata.is_file() {
        match EntryPath::parse(name.as_bytes()) {
            Ok(Some(path)) => contents.add(&path, 0, metadata.len()),
            Ok(None) => {}
            Err(error) => contents.add_extra(sentence(&name, &error.to_string()), None),
        }
    } else if metadata.is_dir() {
        contents.add_extra(sentence(&name, "a folder that no layout has"), None);
    } else {
        let message = sentence(&name, other_type(metadata.file_type()));
        contents.findings.push(Finding::new(Rule::FolderType, message));
    }
    Ok(None)
}

/// Names an item that is neither a file nor a folder, and says what the reader can do about it.
fn other_type(kind: std::fs::FileType) -> &'static str {
    if kind.is_symlink() {
        "a symbolic link, which is not followed; a copy in which the files themselves stand is read (cp -rL FOLDER COPY)"
    } else {
        "neither a file nor a folder"
    }
}

fn sentence(name: &str, why: &str) -> String {
    format!("{}: {why}", name.escape_debug())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_number_of_files_has_a_limit() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(folder.path().join("blobs/sha256")).unwrap();
        for name in ["oci-layout", "index.json", "blobs/sha256/x"] {
            std::fs::write(folder.path().join(name), "{}").unwrap();
        }
        let rules = |most| {
            let contents = list_limited(folder.path(), most).unwrap();
            contents.findings.iter().map(|finding| finding.rule).collect::<Vec<_>>()
        };
        assert_eq!(rules(10), [Rule::ExtraFile]);
        for most in [1, 3, 5] {
            assert!(rules(most).contains(&Rule::FolderLimit), "{most}");
        }
    }
}
