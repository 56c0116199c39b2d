//! A plain archive that is cut into several files: `-o b.tar` in volumes of one size.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::{Digest, Event, Observer, Phase};

use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::parallel;
use crate::plan::Plan;
use crate::read::local::LocalContent;
use crate::resume::is_archive_of;
use crate::volumes::{OpenedSet, Split, VolumeSet, manifest_path, open_set, volume_path};
use crate::write::at_offsets::PlacedWriter;
use crate::write::error::{UnfitError, WriteError};
use crate::write::file::OneFile;
use crate::write::file_names;
use crate::write::output::{
    BundleWriter, Leftovers, Measure, OpenOutput, OpenedOutput, OutputForm, OutputSize, Published,
};
use crate::write::unfinished_names::{first_part_of_name, names_behind, part_path};
use crate::write::unfinished_volumes::{self, UnfinishedVolumes};
use crate::write::volume_files::VolumeFiles;

impl OutputForm for Split {
    fn check(&self, path: &Path) -> Result<(), &'static str> {
        file_names::check(path)?;
        let is_utf8 = path.file_name().is_some_and(|name| name.to_str().is_some());
        if is_utf8 { Ok(()) } else { Err("the names of volumes have to be UTF-8") }
    }

    fn shown(&self, path: &Path) -> PathBuf {
        manifest_path(path)
    }

    fn unfinished(&self, path: &Path) -> Vec<PathBuf> {
        vec![part_path(&manifest_path(path)), unfinished_volumes::part_path(path, 1, 1)]
    }

    fn has_name_behind(&self, behind: &[u8]) -> bool {
        let first = first_part_of_name(behind);
        let is_number = matches!(first.len(), 3 | 4) && first.iter().all(u8::is_ascii_digit);
        is_number || first == b"part" || first == b"volumes"
    }

    fn touched(&self, path: &Path) -> Vec<PathBuf> {
        names_behind(path, |behind| self.has_name_behind(behind))
    }

    fn measure(&self, plan: &Plan) -> Result<Measure, UnfitError> {
        let volumes = Some(self.ranges(plan.size())?);
        Ok(Measure { size: OutputSize::Exact(plan.size()), volumes })
    }

    fn taken(&self, path: &Path, plan: &Plan) -> Result<Option<PathBuf>, WriteError> {
        let count = self.ranges(plan.size())?.len();
        // One more: a person who joins all files that are numbered would take it for the last.
        let volumes = (1..=count + 1).map(|number| volume_path(path, number, count));
        Ok(std::iter::once(manifest_path(path)).chain(volumes).find_map(|path| file_names::taken(&path)))
    }

    fn complete_at(
        &self,
        path: &Path,
        plan: &Plan,
        observer: &dyn Observer,
    ) -> io::Result<Option<Published>> {
        let manifest = manifest_path(path);
        if !manifest.is_file() {
            return Ok(None);
        }
        let Ok(OpenedSet { set: Some(set), storage: Some(storage), findings }) = open_set(&manifest) else {
            return Ok(None);
        };
        let is_like_it = set.bundle == plan.id() && set.volume_size == self.volume_size();
        if !findings.is_empty() || !is_like_it || set.size != plan.size() {
            return Ok(None);
        }
        let check = Phase::Check.start(observer, plan.blob_bytes());
        let is_it = is_archive_of(&storage, plan, 0, observer)?;
        drop(check);
        let is_it = is_it && digests_fit(&set, &storage, observer)?;
        Ok(is_it.then(|| Published { size: plan.size(), volumes: Some(set) }))
    }

    /// Volumes also take content from an unfinished archive in one file of the same name.
    fn open(&self, path: &Path) -> Result<OpenedOutput, WriteError> {
        let mut output = OpenVolumes {
            output: path.to_owned(),
            split: *self,
            parts: None,
            id: None,
            set_aside: Vec::new(),
            one_file: None,
        };
        let mut contents = output.find_unfinished()?;
        // A build that writes the archive in one file is no obstacle.
        if let Ok((one_file, more)) = OneFile::open(path) {
            output.set_aside.extend(one_file.unfinished());
            contents.extend(more);
            output.one_file = Some(one_file);
        } else {
            contents.extend(LocalContent::open(path).ok());
        }
        contents.extend(LocalContent::open(&manifest_path(path)).ok());
        Ok(OpenedOutput { output: Box::new(output), contents })
    }
}

/// Whether the volumes have the digests that their manifest names.
fn digests_fit(set: &VolumeSet, storage: &Storage, observer: &dyn Observer) -> io::Result<bool> {
    let _phase = Phase::Digest.start(observer, set.size);
    let digests = parallel::map(&set.volumes, 0, |volume| {
        let digest = volume.sha256.0;
        let section = Section::new(storage, set.offset_of(volume), volume.size);
        section.digest(digest.algorithm(), |bytes| observer.notice(Event::Advanced { digest, bytes }))
    });
    let digests = digests.into_iter().collect::<io::Result<Vec<_>>>()?;
    Ok(set.volumes.iter().map(|volume| volume.sha256.0).eq(digests))
}

/// An output in volumes, with what earlier runs left of it.
#[derive(Debug)]
struct OpenVolumes {
    output: PathBuf,
    split: Split,
    parts: Option<UnfinishedVolumes>,
    /// The bundle that the unfinished volumes are to become; `None` where they don't say.
    id: Option<Digest>,
    set_aside: Vec<PathBuf>,
    /// An unfinished archive in one file, locked until all is over.
    one_file: Option<OneFile>,
}

impl OpenVolumes {
    fn find_unfinished(&mut self) -> Result<Vec<LocalContent>, WriteError> {
        let mut contents = Vec::new();
        if let Some(parts) = UnfinishedVolumes::open_existing(&self.output, self.split)? {
            let open = |source| WriteError::Open { path: parts.path().to_owned(), source };
            let bytes = parts.storage();
            let content = bytes.and_then(|bytes| LocalContent::of_storage(parts.path(), &bytes).transpose());
            let content = content.transpose().map_err(open)?;
            self.id = content.as_ref().and_then(LocalContent::id);
            contents.extend(content);
            self.parts = Some(parts);
        }
        for (bytes, files) in UnfinishedVolumes::all_set_aside(&self.output) {
            let path = files.first().cloned().unwrap_or_default();
            contents.extend(LocalContent::of_storage(&path, &bytes).ok().flatten());
            self.set_aside.extend(files);
        }
        Ok(contents)
    }
}

impl OpenOutput for OpenVolumes {
    fn writer(&self, plan: &Arc<Plan>) -> Result<(Arc<dyn BundleWriter>, Leftovers), WriteError> {
        let mut leftovers = Leftovers { files: self.set_aside.clone() };
        let parts = match &self.parts {
            Some(parts) if self.id.is_none_or(|id| id == plan.id() && parts.fit(plan.size())) => {
                parts.clone()
            }
            Some(parts) => {
                let (parts, files) = parts.set_aside()?;
                leftovers.files.extend(files);
                parts
            }
            None => UnfinishedVolumes::open(&self.output, self.split)?,
        };
        let files = VolumeFiles::within(parts, plan.size())?;
        Ok((Arc::new(PlacedWriter::new(Arc::clone(plan), files)), leftovers))
    }
}
