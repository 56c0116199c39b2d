//! What outputs in one file have in common, plain or compressed: names, unfinished files, and what there is
//! to take from them.

use std::path::{Path, PathBuf};

use airlift_oci::Digest;

use crate::plan::Plan;
use crate::read::local::LocalContent;
use crate::write::error::WriteError;
use crate::write::output::Leftovers;
use crate::write::unfinished_file::UnfinishedFile;
use crate::write::unfinished_names::{
    first_part_of_name, has_room_for_names, names_behind, part_path, set_aside_paths,
};

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

/// An output in one file, with what earlier runs left of it.
#[derive(Debug)]
pub(crate) struct OneFile {
    output: PathBuf,
    part: Option<UnfinishedFile>,
    /// The bundle that the unfinished file is to become; `None` where the file doesn't say.
    id: Option<Digest>,
    set_aside: Vec<PathBuf>,
}

impl OneFile {
    /// Looks for what earlier runs left. The unfinished file, if there is one, is locked from here on.
    pub(crate) fn open(output: &Path) -> Result<(Self, Vec<LocalContent>), WriteError> {
        let mut file = OneFile { output: output.to_owned(), part: None, id: None, set_aside: Vec::new() };
        let mut contents = Vec::new();
        if let Some(part) = UnfinishedFile::open_existing(&part_path(output))? {
            let open = |source| WriteError::Open { path: part.path().to_owned(), source };
            let content = LocalContent::of_file(part.path(), part.file()).map_err(open)?;
            file.id = content.as_ref().and_then(LocalContent::id);
            contents.extend(content);
            file.part = Some(part);
        }
        file.set_aside = set_aside_paths(output);
        contents.extend(file.set_aside.iter().filter_map(|path| LocalContent::open(path).ok()));
        // It is decided later whether it may be replaced. Its content need not be fetched in any case.
        contents.extend(LocalContent::open(output).ok());
        Ok((file, contents))
    }

    pub(crate) fn output(&self) -> &Path {
        &self.output
    }

    /// All that is unfinished, for an output of another form that has no other use for it.
    pub(crate) fn unfinished(&self) -> Vec<PathBuf> {
        let part = self.part.iter().map(|part| part.path().to_owned());
        self.set_aside.iter().cloned().chain(part).collect()
    }

    /// The file to write `plan` to: the unfinished file that is there, if it may be that of this plan; else a
    /// new one, beside which the other stays until nothing more is taken from it.
    pub(crate) fn part_for(&self, plan: &Plan) -> Result<(UnfinishedFile, Leftovers), WriteError> {
        let mut leftovers = Leftovers { files: self.set_aside.clone() };
        let part = match &self.part {
            Some(part) if self.id.is_none_or(|id| id == plan.id()) => part.clone(),
            Some(part) => {
                leftovers.files.push(part.set_aside()?);
                UnfinishedFile::open(&part_path(&self.output))?
            }
            None => UnfinishedFile::open(&part_path(&self.output))?,
        };
        Ok((part, leftovers))
    }
}
