//! From plan to file: what is there already is proven and kept, the rest is fetched, and the whole is
//! published in one step.

use std::fs::File;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::resume::ResumeState;
use airlift_bundle::volumes::{self, Opened, Split, VolumeSet};
use airlift_bundle::write::part;
use airlift_bundle::{Existing, Lock, Plan, Section, WriteError, Writer, parallel, resume, zst};
use airlift_disk::names_in;
use airlift_oci::{Event, Observer, Phase};

use crate::fetch::{FetchError, Fetched};
use crate::plan::Packing;
use crate::reuse::copy_at_hand;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something else has the output's name.
    #[error("{} is there already and is another bundle or file; nothing was changed", .path.display())]
    Exists {
        /// The output.
        path: PathBuf,
    },
    /// The output can't be a file.
    #[error("{} can't be the output: {why}", .path.display())]
    Output {
        /// The output.
        path: PathBuf,
        /// Why.
        why: &'static str,
    },
    /// What has the output's name can't be read.
    #[error("can't read {}", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A blob could not be fetched or stored.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The archive could not be written.
    #[error(transparent)]
    Write(#[from] WriteError),
    /// A task died.
    #[error("a task ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

/// Where the bundle goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The file.
    pub path: PathBuf,
    /// What to do with a file of that name.
    pub existing: Existing,
    /// In volumes, if it is cut into such: `PATH.001` and so on, with `PATH.volumes.json` beside them.
    pub volumes: Option<Split>,
}

impl Output {
    /// Whether it is written in zstd frames, which its name says.
    fn is_in_frames(&self) -> bool {
        self.volumes.is_none() && zst::is_asked_for(&self.path)
    }

    /// One file.
    pub fn file(path: PathBuf, existing: Existing) -> Self {
        Output { path, existing, volumes: None }
    }

    /// What the bundle goes by: the file, or the manifest of the volumes.
    pub fn shown(&self) -> PathBuf {
        match self.volumes {
            Some(_) => volumes::manifest_path(&self.path),
            None => self.path.clone(),
        }
    }

    /// The first of the files that are there and that the bundle, of `size` bytes, would take the place of.
    fn taken(&self, size: u64) -> Result<Option<PathBuf>, WriteError> {
        let mut names = vec![self.shown()];
        if let Some(split) = self.volumes {
            let count = split.ranges(size)?.len();
            // One more: whoever joins all that are numbered would take it for the last.
            names.extend((1..=count + 1).map(|number| volumes::volume_path(&self.path, number, count)));
        }
        Ok(names.into_iter().find(|path| std::fs::symlink_metadata(path).is_ok()))
    }

    /// The files that are there and that a build to this output may write to, replace or remove.
    pub fn touched(&self) -> Vec<PathBuf> {
        let Some(name) = self.path.file_name() else { return Vec::new() };
        let names = names_in(self.path.parent().unwrap_or(Path::new("."))).into_iter().flatten().flatten();
        let beside = names.filter(|other| {
            let behind =
                other.as_bytes().strip_prefix(name.as_bytes()).and_then(|rest| rest.strip_prefix(b"."));
            behind.is_some_and(|behind| self.is_ours(behind))
        });
        let itself = self.volumes.is_none().then(|| self.path.clone());
        itself.into_iter().chain(beside.map(|other| self.path.with_file_name(other))).collect()
    }

    /// Whether the rest of a name, behind that of the output and a full stop, is one that a build gives, as
    /// `part.1` or `003.part`.
    fn is_ours(&self, behind: &[u8]) -> bool {
        let first = behind.split(|byte| *byte == b'.').next().unwrap_or_default();
        let is_number = matches!(first.len(), 3 | 4) && first.iter().all(u8::is_ascii_digit);
        first == b"part" || self.volumes.is_some() && (is_number || first == b"volumes")
    }

    /// Finds out early whether the path can take a file at all, so that no request is made for nothing.
    pub fn check(&self) -> Result<(), BuildError> {
        let refuse = |why| Err(BuildError::Output { path: self.path.clone(), why });
        match std::fs::metadata(&self.path) {
            Ok(found) if found.is_dir() => return refuse("it is a folder; name a file in it"),
            Ok(found) if !found.is_file() => {
                return refuse("it is not a regular file");
            }
            _ => {}
        }
        if self.path.file_name().is_none() {
            return refuse("it names no file");
        }
        if self.volumes.is_some() && zst::is_asked_for(&self.path) {
            return refuse("a compressed bundle is not cut into volumes; leave out one of the two");
        }
        if self.volumes.is_some() && self.path.file_name().and_then(std::ffi::OsStr::to_str).is_none() {
            return refuse("the names of volumes have to be UTF-8");
        }
        match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) if !folder.is_dir() => refuse("its folder does not exist"),
            _ if !part::has_room_for_names(&self.path) => refuse(
                "its name is too long for the file system: while it is written, there is more behind it, such as .part; choose a shorter name",
            ),
            _ => Ok(()),
        }
    }

    /// Says so where nothing keeps another build from writing to the same files.
    fn warn_of(&self, lock: Lock, observer: &dyn Observer) {
        if lock == Lock::Lacking {
            let message = format!(
                "the file system of {} has no locks: nothing keeps another build from writing to it meanwhile",
                self.path.display()
            );
            observer.notice(Event::Warning { message });
        }
    }
}

/// How a build ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The bundle was written.
    Written,
    /// The output was that very bundle before; nothing was fetched or changed.
    AlreadyComplete,
}

/// What a build did.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Built {
    /// How it ended.
    pub outcome: Outcome,
    /// What moved.
    pub fetched: Fetched,
    /// The volumes, if it was cut into such.
    pub volumes: Option<VolumeSet>,
}

impl Packing {
    /// Writes the bundle to a file, going on from `OUTPUT.part` if there is one.
    pub async fn write(
        &self,
        output: &Output,
        jobs: usize,
        observer: &Arc<dyn Observer>,
    ) -> Result<Built, BuildError> {
        output.check()?;
        let there = self.complete_at(output, observer).await?;
        if let Some(volumes) = there {
            let reused = self.plan.blobs().map(|entry| entry.size).sum();
            return Ok(Built {
                outcome: Outcome::AlreadyComplete,
                fetched: Fetched { downloaded: 0, reused },
                volumes,
            });
        }
        if output.existing == Existing::Keep
            && let Some(path) = output.taken(self.plan.size())?
        {
            return Err(BuildError::Exists { path });
        }
        if output.is_in_frames() {
            let (part, leftovers) = self.source.shelves.part_for(&output.path, &self.plan)?;
            output.warn_of(part.lock(), &**observer);
            let fetched = self.write_frames(&part, output, jobs, observer).await?;
            leftovers.remove();
            return Ok(Built { outcome: Outcome::Written, fetched, volumes: None });
        }
        let (writer, leftovers) = self.source.shelves.writer_for(output, &self.plan)?;
        let writer = Arc::new(writer);
        output.warn_of(writer.lock(), &**observer);
        let held = self.held(&writer, observer).await?;
        writer.write_known()?;
        let held = self.copied(&writer, held, observer).await?;
        if !leftovers.is_empty() {
            // What was worth it has been copied; it must be on disk before the only other copy goes.
            writer.sync()?;
            leftovers.remove();
        }
        let fetched = self.fetch(&writer, held, jobs, observer).await?;
        let (output, observer) = (output.clone(), Arc::clone(observer));
        let volumes = blocking(move || {
            let Output { path, existing, volumes } = output;
            match volumes {
                Some(_) => writer.publish_volumes(existing, &*observer),
                None => writer.publish(&path, existing).map(|()| None),
            }
        });
        Ok(Built { outcome: Outcome::Written, fetched, volumes: volumes.await?? })
    }

    /// The volumes, if there are such, where the output is this plan's archive already.
    async fn complete_at(
        &self,
        output: &Output,
        observer: &Arc<dyn Observer>,
    ) -> Result<Option<Option<VolumeSet>>, BuildError> {
        if output.is_in_frames() {
            return Ok(self.is_in_frames_at(&output.path, observer).await?.then_some(None));
        }
        let Some(split) = output.volumes else {
            return Ok(self.is_at(&output.path, observer).await?.then_some(None));
        };
        let (manifest, plan) = (output.shown(), Arc::clone(&self.plan));
        if !manifest.is_file() {
            return Ok(None);
        }
        let observer = Arc::clone(observer);
        let found = blocking(move || volumes_at(&manifest, split, &plan, &*observer)).await??;
        Ok(found.map(Some))
    }

    /// Whether the file at `path` is this plan's archive, to the last byte.
    async fn is_at(&self, path: &Path, observer: &Arc<dyn Observer>) -> Result<bool, BuildError> {
        let read = |source| BuildError::Read { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(read(error)),
        };
        // Another size is another bundle, and needs no hashing.
        if file.metadata().map_err(read)?.len() != self.plan.size() {
            return Ok(false);
        }
        let (plan, observer) = (Arc::clone(&self.plan), Arc::clone(observer));
        blocking(move || {
            let _phase = Phase::Check.start(&*observer, bytes_of_blobs(&plan));
            resume::is_archive_of(&file, &plan, 0, &*observer)
        })
        .await?
        .map_err(read)
    }

    /// How much of each blob a `.part` of an earlier run holds: all is hashed again before it counts.
    async fn held(
        &self,
        writer: &Arc<Writer>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Vec<ResumeState>, BuildError> {
        if !writer.is_resumed() {
            return Ok(vec![ResumeState::Missing; self.plan.blobs().count()]);
        }
        let (writer, observer) = (Arc::clone(writer), Arc::clone(observer));
        blocking(move || {
            let _phase = Phase::Resume.start(&*observer, bytes_of_blobs(writer.plan()));
            let held = resume::resume_states(writer.storage(), writer.plan(), 0, &*observer);
            held.map_err(|source| BuildError::Read { path: writer.path().to_owned(), source })
        })
        .await?
    }

    /// The same when all that is at hand elsewhere was copied, too.
    async fn copied(
        &self,
        writer: &Arc<Writer>,
        held: Vec<ResumeState>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Vec<ResumeState>, BuildError> {
        let (source, writer, observer) = (Arc::clone(&self.source), Arc::clone(writer), Arc::clone(observer));
        Ok(blocking(move || copy_at_hand(&source.shelves, &writer, held, &*observer)).await??)
    }
}

/// The volumes of a set that is this plan's archive, cut like this, to the last byte; their manifest is held
/// against them, too.
fn volumes_at(
    manifest: &Path,
    split: Split,
    plan: &Plan,
    observer: &dyn Observer,
) -> Result<Option<VolumeSet>, BuildError> {
    let read = |source| BuildError::Read { path: manifest.to_owned(), source };
    let Ok(Opened { set: Some(set), storage: Some(storage), findings }) = volumes::open(manifest) else {
        return Ok(None);
    };
    let is_like_it = set.bundle == plan.id() && set.volume_size == split.volume_size();
    if !findings.is_empty() || !is_like_it || set.size != plan.size() {
        return Ok(None);
    }
    let check = Phase::Check.start(observer, bytes_of_blobs(plan));
    let is_it = resume::is_archive_of(&storage, plan, 0, observer).map_err(read)?;
    drop(check);
    if !is_it {
        return Ok(None);
    }
    let _phase = Phase::Digest.start(observer, set.size);
    let digests = parallel::map(&set.volumes, 0, |volume| {
        let digest = volume.sha256.0;
        let section = Section::new(&storage, set.start_of(volume), volume.size);
        section.digest(digest.algorithm(), |bytes| observer.notice(Event::Advanced { digest, bytes }))
    });
    let digests = digests.into_iter().collect::<io::Result<Vec<_>>>().map_err(read)?;
    let fit = set.volumes.iter().map(|volume| volume.sha256.0).eq(digests);
    Ok(fit.then_some(set))
}

/// What is hashed again to find out what a file holds: everything else is compared in no time.
pub(crate) fn bytes_of_blobs(plan: &Plan) -> u64 {
    plan.blobs().map(|entry| entry.size).sum()
}

pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BuildError> {
    tokio::task::spawn_blocking(work).await.map_err(BuildError::Task)
}
