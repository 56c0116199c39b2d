//! The names of an output in one file: whether it can have its name, and which files have it already.

use std::path::{Path, PathBuf};

use crate::write::unfinished_names::{first_part_of_name, has_room_for_names, names_behind};

/// Whether a file can be written to this path.
pub(crate) fn check(path: &Path) -> Result<(), &'static str> {
    match std::fs::metadata(path) {
        Ok(found) if found.is_dir() => return Err("it is a folder; name a file in it"),
        Ok(found) if !found.is_file() => return Err("it is not a regular file"),
        _ => {}
    }
    if path.file_name().is_none() {
        return Err("it names no file");
    }
    match path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        Some(folder) if !folder.is_dir() => Err("its folder does not exist"),
        _ if !has_room_for_names(path) => Err(
            "its name is too long for the file system: while it is written, there is more behind it, such as .part; choose a shorter name",
        ),
        _ => Ok(()),
    }
}

/// The output itself, and the files beside it that are called as a build calls its unfinished ones.
pub(crate) fn touched(path: &Path) -> Vec<PathBuf> {
    let unfinished = names_behind(path, |behind| first_part_of_name(behind) == b"part");
    if path.file_name().is_none() { Vec::new() } else { [vec![path.to_owned()], unfinished].concat() }
}

/// The path, if something is there.
pub(crate) fn taken(path: &Path) -> Option<PathBuf> {
    std::fs::symlink_metadata(path).is_ok().then(|| path.to_owned())
}
