//! An image layout in a folder, as skopeo's `oci:` and most other tools write it.

use std::io;
use std::path::Path;

use airlift_disk::names::names_in;

use crate::findings::{Finding, Rule};
use crate::read::archive::{Archive, Container};
use crate::tar::path::EntryPath;

/// Below the top, a layout has `blobs/<algorithm>/<hex>` and nothing deeper.
const MAX_DEPTH: usize = 3;

/// More files than this are taken for an attack.
const MAX_FILES: usize = 1_000_000;

/// Lists a folder's files. Links are never followed: they could lead anywhere.
pub(crate) fn open(path: &Path) -> io::Result<Archive> {
    open_some(path, MAX_FILES)
}

/// The same with at most so many files.
fn open_some(path: &Path, most: usize) -> io::Result<Archive> {
    let mut archive = Archive::empty(path, Container::Folder, 0);
    let mut folders = vec![(path.to_owned(), String::new(), 1)];
    let mut count = 0;
    while let Some((folder, prefix, depth)) = folders.pop() {
        let mut listed: Vec<_> = names_in(&folder)?.take(most).collect::<Result<_, _>>()?;
        count += listed.len();
        if count >= most {
            let why = format!("more than {most} files; the rest was not looked at");
            archive.add_finding(Finding::new(Rule::FolderLimit, sentence(&prefix, &why)));
            break;
        }
        listed.sort();
        for item in listed {
            let (name, item) = (format!("{prefix}{}", item.to_string_lossy()), folder.join(&item));
            let metadata = std::fs::symlink_metadata(&item)?;
            if metadata.is_dir() && depth < MAX_DEPTH {
                folders.push((item, format!("{name}/"), depth + 1));
            } else if metadata.is_file() {
                match EntryPath::parse(name.as_bytes()) {
                    Ok(Some(path)) => archive.add(path, 0, metadata.len()),
                    Ok(None) => {}
                    Err(error) => archive.add_extra(sentence(&name, &error.to_string()), None),
                }
            } else if metadata.is_dir() {
                archive.add_extra(sentence(&name, "a folder that no layout has"), None);
            } else {
                let message = sentence(&name, what_else(metadata.file_type()));
                archive.add_finding(Finding::new(Rule::FolderType, message));
            }
        }
    }
    archive.sum_up();
    Ok(archive)
}

/// What is neither a file nor a folder, and what can be done about it.
fn what_else(kind: std::fs::FileType) -> &'static str {
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
            let archive = open_some(folder.path(), most).unwrap();
            archive.findings().iter().map(|finding| finding.rule).collect::<Vec<_>>()
        };
        assert_eq!(rules(10), [Rule::ExtraFile]);
        for most in [1, 3, 5] {
            assert!(rules(most).contains(&Rule::FolderLimit), "{most}");
        }
    }
}
