//! Gives finished files their names: the one place where a build renames what it has written.

use std::path::Path;

use airlift_disk::folder_of;

use crate::write::error::{Existing, WriteError};

/// Gives a finished file, which is on disk, its final name.
pub(crate) fn take_name(part: &Path, output: &Path, existing: Existing) -> Result<(), WriteError> {
    let renamed = match existing {
        Existing::Keep => airlift_disk::rename_new(part, output),
        Existing::Replace => airlift_disk::rename_over(part, output),
    };
    renamed.map_err(|source| WriteError::Publish { part: part.to_owned(), output: output.to_owned(), source })
}

/// Makes the names in the folder of `output` durable.
pub(crate) fn sync_folder_of(output: &Path) -> Result<(), WriteError> {
    let folder = folder_of(output);
    airlift_disk::sync_folder(folder).map_err(|source| WriteError::Sync { path: folder.to_owned(), source })
}

/// Both, for an output that is one file.
pub(crate) fn publish_file(part: &Path, output: &Path, existing: Existing) -> Result<(), WriteError> {
    take_name(part, output, existing)?;
    sync_folder_of(output)
}
