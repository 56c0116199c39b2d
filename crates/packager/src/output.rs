//! From plan to file: what is there already is proven and kept, the rest is fetched, and the whole is published in one step.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::frame;
use airlift_bundle::held::{self, Held};
use airlift_bundle::writer::WriteError;
use airlift_bundle::{Event, Existing, Observer, Plan, Writer, zst};

use crate::fetch::{FetchError, Fetched};
use crate::plan::Packing;
use crate::reuse::copy_at_hand;

/// Why there is no bundle.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// Something else has the output's name.
    #[error("{} is there already and is another bundle or file; nothing was changed (--force replaces it)", .path.display())]
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
}

impl Output {
    /// Finds out early whether the path can take a file at all, so that no request is made for nothing.
    pub fn check(&self) -> Result<(), BuildError> {
        let refuse = |why| Err(BuildError::Output { path: self.path.clone(), why });
        match std::fs::metadata(&self.path) {
            Ok(found) if found.is_dir() => return refuse("it is a folder; name a file in it"),
            Ok(found) if !found.is_file() => {
                return refuse("it is not a regular file (use -o - to write to standard output)");
            }
            _ => {}
        }
        if self.path.file_name().is_none() {
            return refuse("it names no file");
        }
        match self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            Some(folder) if !folder.is_dir() => refuse("its folder does not exist"),
            _ => Ok(()),
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
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Built {
    /// How it ended.
    pub outcome: Outcome,
    /// What moved.
    pub fetched: Fetched,
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
        let in_frames = zst::is_asked_for(&output.path);
        let is_there = match in_frames {
            true => self.is_in_frames_at(&output.path, observer).await?,
            false => self.is_at(&output.path, observer).await?,
        };
        if is_there {
            let reused = self.plan.blobs().map(|entry| entry.size).sum();
            return Ok(Built {
                outcome: Outcome::AlreadyComplete,
                fetched: Fetched { downloaded: 0, reused },
            });
        }
        if output.existing == Existing::Keep && std::fs::symlink_metadata(&output.path).is_ok() {
            return Err(BuildError::Exists { path: output.path.clone() });
        }
        let (part, leftovers) = self.source.shelves.part_for(&output.path, &self.plan)?;
        if in_frames {
            let fetched = self.write_frames(&part, output, jobs, observer).await?;
            leftovers.remove();
            return Ok(Built { outcome: Outcome::Written, fetched });
        }
        let writer = Arc::new(Writer::within(part, Arc::clone(&self.plan))?);
        let held = self.held(&writer, observer).await?;
        writer.write_known()?;
        let held = self.copied(&writer, held, observer).await?;
        if !leftovers.is_empty() {
            // What was worth it has been copied; it must be on disk before the only other copy goes.
            writer.sync()?;
            leftovers.remove();
        }
        let fetched = self.fetch(&writer, held, jobs, observer).await?;
        let (path, existing) = (output.path.clone(), output.existing);
        blocking(move || writer.publish(&path, existing)).await??;
        Ok(Built { outcome: Outcome::Written, fetched })
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
            observer.notice(Event::PhaseStarted { phase: "check", bytes: bytes_of_blobs(&plan) });
            let found = frame::is_archive_of(&file, &plan, 0, &*observer);
            observer.notice(Event::PhaseEnded { phase: "check" });
            found
        })
        .await?
        .map_err(read)
    }

    /// How much of each blob a `.part` of an earlier run holds: all is hashed again before it counts.
    async fn held(
        &self,
        writer: &Arc<Writer>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Vec<Held>, BuildError> {
        if !writer.is_resumed() {
            return Ok(vec![Held::Nothing; self.plan.blobs().count()]);
        }
        let (writer, observer) = (Arc::clone(writer), Arc::clone(observer));
        blocking(move || {
            observer.notice(Event::PhaseStarted { phase: "resume", bytes: bytes_of_blobs(writer.plan()) });
            let held = held::held(writer.file(), writer.plan(), 0, &*observer);
            observer.notice(Event::PhaseEnded { phase: "resume" });
            held.map_err(|source| BuildError::Read { path: writer.path().to_owned(), source })
        })
        .await?
    }

    /// The same when all that is at hand elsewhere was copied, too.
    async fn copied(
        &self,
        writer: &Arc<Writer>,
        held: Vec<Held>,
        observer: &Arc<dyn Observer>,
    ) -> Result<Vec<Held>, BuildError> {
        let (source, writer, observer) = (Arc::clone(&self.source), Arc::clone(writer), Arc::clone(observer));
        Ok(blocking(move || copy_at_hand(&source.shelves, &writer, held, &*observer)).await??)
    }
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
