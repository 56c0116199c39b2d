//! Volumes that are being written: each byte once, at its final place; then the volumes take their names, and
//! their manifest as the last.

use std::fs::{File, OpenOptions};
use std::io;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_disk::{Access, AlignedBuffer, FilePart, FileSequence, identity};
use airlift_oci::{Algorithm, Digest, Event, Observer, Phase};

use crate::content::section::Section;
use crate::content::storage::Storage;
use crate::parallel;
use crate::plan::Plan;
use crate::volumes::read::{read_manifest, start_digest};
use crate::volumes::{VolumeSet, manifest_path, volume_path};
use crate::write::at_offsets::PlacedFiles;
use crate::write::error::{Existing, WriteError};
use crate::write::locks::Lock;
use crate::write::output::Published;
use crate::write::publish::{sync_folder_of, take_name};
use crate::write::unfinished_volumes::{UnfinishedVolumes, part_path};

/// Volumes with all their bytes reserved.
#[derive(Debug)]
pub(crate) struct VolumeFiles {
    parts: UnfinishedVolumes,
    size: u64,
    /// The same files twice, opened for writing and for reading.
    writing: FileSequence,
    reading: Arc<FileSequence>,
}

impl VolumeFiles {
    /// Makes the volumes for an archive of `size` bytes, or takes what an earlier run left, and reserves
    /// their bytes.
    pub(crate) fn within(parts: UnfinishedVolumes, size: u64) -> Result<Self, WriteError> {
        let ranges = parts.split.ranges(size)?;
        let (mut made, mut reading, mut writing) = (Vec::new(), Vec::new(), Vec::new());
        for range in &ranges {
            let path = part_path(&parts.output, range.number, ranges.len());
            let reserved = make(&path, &parts).and_then(|file| {
                made.push(path.clone());
                let reserved =
                    airlift_disk::reserve(&file, range.size).and_then(|()| Ok(identity(&file.metadata()?)));
                reserved.map_err(|source| WriteError::Reserve {
                    path: path.clone(),
                    size: range.size,
                    source,
                })
            });
            let identity = match reserved {
                Ok(identity) => Some(identity),
                Err(error) => {
                    if parts.found.is_none() {
                        // They are still empty, and would only take up space.
                        made.iter()
                            .chain([&parts.lock_path])
                            .for_each(|path| drop(std::fs::remove_file(path)));
                    }
                    return Err(error);
                }
            };
            writing.push(FilePart { path: path.clone(), start: range.start, size: range.size, identity });
            reading.push(FilePart { path, start: range.start, size: range.size, identity });
        }
        if let Some(found) = &parts.found {
            let surplus = found.files().iter().filter(|piece| !made.contains(&piece.path));
            surplus.for_each(|piece| drop(std::fs::remove_file(&piece.path)));
        }
        let reading = Arc::new(FileSequence::new(reading, Access::Read));
        Ok(VolumeFiles { parts, size, writing: FileSequence::new(writing, Access::Write), reading })
    }

    /// Reads all volumes once more, a volume a core. Blobs come in any order, so the digests can't be had
    /// while they are written.
    fn digests(&self, bundle: Digest, observer: &dyn Observer) -> Result<VolumeSet, WriteError> {
        let _phase = Phase::Digest.start(observer, self.size);
        let found = parallel::map(self.reading.files(), 0, |piece| {
            self.digests_of(piece, observer)
                .map_err(|source| WriteError::ReadBack { path: piece.path.clone(), source })
        });
        let found = found.into_iter().collect::<Result<Vec<_>, _>>()?;
        let name = self.parts.output.file_name().unwrap_or_default();
        Ok(VolumeSet::new(bundle, self.size, self.parts.split, &name.to_string_lossy(), &found))
    }

    fn digests_of(&self, piece: &FilePart, observer: &dyn Observer) -> io::Result<(Digest, Digest)> {
        let label = piece.path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let digest = Digest::sha256(label.as_bytes());
        observer.notice(Event::Started { digest, label, size: piece.size });
        let index = self.reading.at(piece.start).map_or(0, |(index, _)| index);
        let file = self.reading.file(index)?;
        let start = start_digest(&file, piece.size)?;
        let all =
            Section::new(self.storage(), piece.start, piece.size).digest(Algorithm::Sha256, |bytes| {
                observer.notice(Event::Advanced { digest, bytes });
            })?;
        observer.notice(Event::Finished { digest });
        Ok((start, all))
    }

    /// Writes the manifest, gives the volumes their names, and the manifest its own when all of them have
    /// theirs, durably.
    fn take_names(&self, set: &VolumeSet, existing: Existing) -> Result<(), WriteError> {
        let UnfinishedVolumes { output, file, lock_path, .. } = &self.parts;
        let manifest = manifest_path(output);
        let write = |source| WriteError::Write { path: lock_path.clone(), offset: 0, source };
        file.write_all_at(&set.encode(), 0).map_err(write)?;
        airlift_disk::sync_file(file)
            .map_err(|source| WriteError::Sync { path: lock_path.clone(), source })?;
        sync_folder_of(output)?;
        let before = match existing {
            Existing::Keep => None,
            Existing::Replace => self.withdraw(&manifest)?,
        };
        for number in 1..=set.count() {
            let part = part_path(output, number, set.count());
            take_name(&part, &volume_path(output, number, set.count()), existing)?;
        }
        sync_folder_of(output)?;
        take_name(lock_path, &manifest, existing)?;
        sync_folder_of(output)?;
        if let Some(before) = before.filter(|before| before.stem() == set.stem()) {
            for old in before.volumes.iter().filter(|old| set.volume(&old.name).is_none()) {
                // The new set doesn't need it. If it can't be removed, that is no reason to fail.
                let _ = std::fs::remove_file(output.with_file_name(&old.name));
            }
        }
        Ok(())
    }

    /// Removes the manifest of a set that is to be replaced, durably, before its volumes go: from here on the
    /// old set is incomplete. Gives the old manifest.
    fn withdraw(&self, manifest: &Path) -> Result<Option<VolumeSet>, WriteError> {
        let before = read_manifest(manifest).ok().and_then(Result::ok);
        remove_if_there(manifest)?;
        sync_folder_of(&self.parts.output)?;
        Ok(before)
    }
}

impl PlacedFiles for VolumeFiles {
    fn path(&self) -> &Path {
        &self.parts.lock_path
    }

    fn lock(&self) -> Lock {
        self.parts.lock
    }

    fn is_resumed(&self) -> bool {
        self.parts.found.is_some()
    }

    fn storage(&self) -> Storage {
        Arc::clone(&self.reading).into()
    }

    /// The blocks may reach into several volumes.
    fn write_at(&self, bytes: &[u8], offset: u64) -> Result<(), WriteError> {
        let (mut left, mut at) = (bytes, offset);
        while !left.is_empty() {
            let failed = |index: usize, within, source| {
                let path = self.writing.files().get(index).map(|piece| piece.path.clone());
                WriteError::Write { path: path.unwrap_or_default(), offset: within, source }
            };
            let end = || failed(0, at, io::ErrorKind::UnexpectedEof.into());
            let (index, within) = self.writing.at(at).ok_or_else(end)?;
            let room = self.writing.files()[index].size.saturating_sub(within);
            let (now, rest) =
                left.split_at(usize::try_from(room).map_or(left.len(), |room| room.min(left.len())));
            if now.is_empty() {
                return Err(end());
            }
            let out = self.writing.direct_file(index).map_err(|source| failed(index, within, source))?;
            let written = if left.len() == bytes.len() {
                out.write_all_at(now, within)
            } else {
                // Behind a volume's end the bytes in memory may not lie as direct writes need them to.
                let mut aligned = AlignedBuffer::new(now.len());
                aligned.fill(now);
                out.write_all_at(aligned.bytes(), within)
            };
            written.map_err(|source| failed(index, within, source))?;
            (left, at) = (rest, at + now.len() as u64);
        }
        Ok(())
    }

    fn sync(&self) -> Result<(), WriteError> {
        for piece in self.reading.files() {
            let synced = File::open(&piece.path).and_then(|file| airlift_disk::sync_file(&file));
            synced.map_err(|source| WriteError::Sync { path: piece.path.clone(), source })?;
        }
        Ok(())
    }

    /// The volumes are read once more, on all cores, for the digests that their manifest names. Then they
    /// take their names, and the manifest takes its own as the last.
    fn publish(
        &self,
        plan: &Plan,
        existing: Existing,
        observer: &dyn Observer,
    ) -> Result<Published, WriteError> {
        self.sync()?;
        let set = self.digests(plan.id(), observer)?;
        self.take_names(&set, existing)?;
        Ok(Published { size: plan.size(), volumes: Some(set) })
    }
}

/// Opens a volume that an earlier run left, or makes it.
fn make(path: &Path, parts: &UnfinishedVolumes) -> Result<File, WriteError> {
    let found = std::fs::symlink_metadata(path);
    if found.as_ref().is_ok_and(|found| !found.is_file()) {
        return Err(WriteError::NotAFile { path: path.to_owned() });
    }
    if found.is_ok() && parts.found.is_none() {
        return Err(WriteError::NotOurs { path: path.to_owned() });
    }
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(path).map_err(|source| WriteError::Open { path: path.to_owned(), source })
}

fn remove_if_there(path: &Path) -> Result<(), WriteError> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            Err(WriteError::Open { path: PathBuf::from(path), source: error })
        }
        _ => Ok(()),
    }
}
