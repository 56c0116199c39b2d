//! What outputs in one file have in common, plain or compressed: unfinished files, and what there is to take
//! from them.

use std::path::{Path, PathBuf};

use airlift_oci::Digest;

use crate::plan::Plan;
use crate::read::local::LocalContent;
use crate::write::error::WriteError;
use crate::write::output::Leftovers;
use crate::write::unfinished_file::UnfinishedFile;
use crate::write::unfinished_names::{part_path, set_aside_paths};

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
