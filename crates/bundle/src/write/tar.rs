//! A plain archive in one file: `-o b.tar`.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_disk::DirectFile;
use airlift_oci::{Observer, Phase};

use crate::content::storage::Storage;
use crate::plan::Plan;
use crate::resume::is_archive_of;
use crate::write::at_offsets::{PlacedFiles, PlacedWriter};
use crate::write::error::{Existing, UnfitError, WriteError};
use crate::write::file::OneFile;
use crate::write::locks::Lock;
use crate::write::output::{
    BundleWriter, Leftovers, Measure, OpenOutput, OpenedOutput, OutputForm, Published,
};
use crate::write::publish::publish_file;
use crate::write::unfinished_file::UnfinishedFile;

/// The form of a plain archive in one file.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tar;

impl OutputForm for Tar {
    fn measure(&self, plan: &Plan) -> Result<Measure, UnfitError> {
        Ok(Measure::of_archive(plan))
    }

    fn complete_at(
        &self,
        path: &Path,
        plan: &Plan,
        observer: &dyn Observer,
    ) -> io::Result<Option<Published>> {
        let file = match File::open(path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        // Another size is another bundle, and needs no hashing.
        if file.metadata()?.len() != plan.size() {
            return Ok(None);
        }
        let _phase = Phase::Check.start(observer, plan.blob_bytes());
        let is_it = is_archive_of(&file, plan, 0, observer)?;
        Ok(is_it.then(|| Published { size: plan.size(), volumes: None }))
    }

    fn open(&self, path: &Path) -> Result<OpenedOutput, WriteError> {
        let (file, contents) = OneFile::open(path)?;
        Ok(OpenedOutput { output: Box::new(OpenTar(file)), contents })
    }
}

#[derive(Debug)]
struct OpenTar(OneFile);

impl OpenOutput for OpenTar {
    fn writer(&self, plan: &Arc<Plan>) -> Result<(Arc<dyn BundleWriter>, Leftovers), WriteError> {
        let (part, leftovers) = self.0.part_for(plan)?;
        let file = TarFile::new(part, self.0.output(), plan.size())?;
        Ok((Arc::new(PlacedWriter::new(Arc::clone(plan), file)), leftovers))
    }
}

/// The unfinished file with all its bytes reserved. `part` holds the lock and reads.
struct TarFile {
    part: UnfinishedFile,
    out: DirectFile,
    output: PathBuf,
}

impl TarFile {
    fn new(part: UnfinishedFile, output: &Path, size: u64) -> Result<Self, WriteError> {
        airlift_disk::reserve(part.file(), size).map_err(|source| {
            if !part.is_resumed() {
                // It is still empty, and would only take up space.
                let _ = std::fs::remove_file(part.path());
            }
            WriteError::Reserve { path: part.path().to_owned(), size, source }
        })?;
        let out = DirectFile::open(part.path(), Arc::clone(part.file()));
        Ok(TarFile { part, out, output: output.to_owned() })
    }
}

impl PlacedFiles for TarFile {
    fn path(&self) -> &Path {
        self.part.path()
    }

    fn lock(&self) -> Lock {
        self.part.lock()
    }

    fn is_resumed(&self) -> bool {
        self.part.is_resumed()
    }

    fn storage(&self) -> Storage {
        self.part.file().into()
    }

    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), WriteError> {
        self.out.write_all_at(bytes, offset).map_err(|source| WriteError::Write {
            path: self.part.path().to_owned(),
            offset,
            source,
        })
    }

    fn sync(&self) -> Result<(), WriteError> {
        airlift_disk::sync_file(self.part.file())
            .map_err(|source| WriteError::Sync { path: self.part.path().to_owned(), source })
    }

    fn publish(&self, plan: &Plan, existing: Existing, _: &dyn Observer) -> Result<Published, WriteError> {
        self.sync()?;
        publish_file(self.part.path(), &self.output, existing)?;
        Ok(Published { size: plan.size(), volumes: None })
    }
}
