//! What every form of output does: the traits that a build writes through, whatever the form.
//!
//! 1. [`OutputForm`] knows the names of an output and opens it.
//! 2. [`OpenOutput`] holds the locks on unfinished files, and makes the writer once there is a plan.
//! 3. [`BundleWriter`] finds the blobs that are there already, writes the manifests, gives a [`BlobWriter`]
//!    for each other blob, and publishes the bundle.

use std::fmt::Debug;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::Observer;

use crate::plan::{Plan, PlannedEntry};
use crate::read::local::LocalContent;
use crate::resume::ResumeState;
use crate::volumes::{VolumeRange, VolumeSet};
use crate::write::error::{Existing, UnfitError, WriteError};
use crate::write::file_names;
use crate::write::locks::Lock;
use crate::write::unfinished_names::{first_part_of_name, part_path};

/// A form of output. `path` is always the name that the output was given. What a form doesn't say is as for
/// an output in one file of that name.
pub trait OutputForm: Debug + Send + Sync {
    /// Finds out early whether the path can take an output of this form, so that no request is made in vain.
    ///
    /// # Errors
    /// If it can't, with the reason.
    fn check(&self, path: &Path) -> Result<(), &'static str> {
        file_names::check(path)
    }

    /// The path that people and other commands call the finished bundle by.
    fn shown(&self, path: &Path) -> PathBuf {
        path.to_owned()
    }

    /// The unfinished files while the output is written: the one that is there all the time, and, if the
    /// data is in others, the first of those. Empty where nothing stays when a build is interrupted.
    fn unfinished(&self, path: &Path) -> Vec<PathBuf> {
        vec![part_path(path)]
    }

    /// Whether a build may write to a file that is called as the output is, with a full stop and this behind
    /// it.
    fn has_name_behind(&self, behind: &[u8]) -> bool {
        first_part_of_name(behind) == b"part"
    }

    /// The files that are there and that a build may write to, replace or remove.
    fn touched(&self, path: &Path) -> Vec<PathBuf> {
        file_names::touched(path)
    }

    /// How large the output of a plan is.
    ///
    /// # Errors
    /// If an archive of this plan can't have this form.
    fn measure(&self, plan: &Plan) -> Result<Measure, UnfitError>;

    /// The first file that is there and that the output would take the place of.
    ///
    /// # Errors
    /// If an archive of this plan can't have this form.
    fn taken(&self, path: &Path, _plan: &Plan) -> Result<Option<PathBuf>, WriteError> {
        Ok(file_names::taken(path))
    }

    /// The bundle at the path, if it is this plan's archive in this form, to the last byte; `None` for
    /// anything else.
    ///
    /// # Errors
    /// If it can't be read.
    fn complete_at(&self, path: &Path, plan: &Plan, observer: &dyn Observer)
    -> io::Result<Option<Published>>;

    /// Opens and locks the unfinished files of an earlier run.
    ///
    /// # Errors
    /// If another process writes to this output, or another file has the name of an unfinished one.
    fn open(&self, path: &Path) -> Result<OpenedOutput, WriteError>;
}

/// An output that was opened.
#[derive(Debug)]
pub struct OpenedOutput {
    /// Makes the writer, and holds the locks until then.
    pub output: Box<dyn OpenOutput>,
    /// Content that need not be fetched, in the order in which to search it.
    pub contents: Vec<LocalContent>,
}

/// An output whose unfinished files are open and locked.
pub trait OpenOutput: Debug + Send + Sync {
    /// Makes the writer of a plan: into the unfinished files, if they may be those of this plan, else into
    /// new ones. Unfinished files of other plans stay until nothing more is taken from them.
    ///
    /// # Errors
    /// If files can't be made or renamed, or there is no room.
    fn writer(&self, plan: &Arc<Plan>) -> Result<(Arc<dyn BundleWriter>, Leftovers), WriteError>;
}

/// Writes the archive of one plan.
pub trait BundleWriter: Send + Sync {
    /// Whether other processes are kept from writing to the same output.
    fn lock(&self) -> Lock;

    /// In which order it takes blobs.
    fn order(&self) -> Order;

    /// How much of each blob an earlier run wrote, in archive order. All of it is hashed again.
    ///
    /// # Errors
    /// If it can't be read.
    fn resume(&self, observer: &dyn Observer) -> Result<Vec<ResumeState>, WriteError>;

    /// Writes all that is known before the first blob: layout, index and manifests.
    ///
    /// # Errors
    /// If writing fails.
    fn write_known(&self) -> Result<(), WriteError>;

    /// Starts on one blob.
    ///
    /// # Errors
    /// If it isn't this blob's turn.
    fn blob(&self, entry: &PlannedEntry) -> Result<Box<dyn BlobWriter>, WriteError>;

    /// Makes those bytes durable that are at their final places.
    ///
    /// # Errors
    /// If the system can't flush it.
    fn sync(&self) -> Result<(), WriteError>;

    /// Completes the output, makes it durable, and gives it its name.
    ///
    /// # Errors
    /// If a blob is missing, writing fails, or the name can't be taken.
    fn publish(&self, existing: Existing, observer: &dyn Observer) -> Result<Published, WriteError>;
}

/// In which order a writer takes blobs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// In any order, many at a time: each blob has a place of its own.
    Any,
    /// In archive order, one after the other.
    Archive,
}

/// Takes one blob. If it is dropped before [`BlobWriter::finish`], a later run finds that the blob isn't
/// complete.
pub trait BlobWriter: Send {
    /// Takes the next bytes.
    ///
    /// # Errors
    /// If writing fails, or there are more bytes than the plan says.
    fn write(&mut self, piece: &[u8]) -> Result<(), WriteError>;

    /// Goes back to behind the first `bytes` bytes, a multiple of tar's block, and says how many bytes the
    /// writer has then: as many, or none. A new writer takes them from the unfinished file.
    ///
    /// # Errors
    /// If writing fails.
    fn go_back_to(&mut self, bytes: u64) -> Result<u64, WriteError>;

    /// Whether bytes that were taken can be taken back.
    fn can_go_back(&self) -> bool;

    /// Writes the rest, padding included.
    ///
    /// # Errors
    /// If writing fails, or bytes are missing.
    fn finish(self: Box<Self>) -> Result<(), WriteError>;
}

/// How large an output will be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Measure {
    /// The size of all of it.
    pub size: OutputSize,
    /// Its volumes; `None` for an output in one piece.
    pub volumes: Option<Vec<VolumeRange>>,
}

impl Measure {
    /// Of an output that is the archive as planned, in one piece.
    pub(crate) fn of_archive(plan: &Plan) -> Self {
        Measure { size: OutputSize::Exact(plan.size()), volumes: None }
    }
}

/// A size that is known beforehand, more or less.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputSize {
    /// So many bytes.
    Exact(u64),
    /// Not more bytes than that.
    AtMost(u64),
}

impl OutputSize {
    /// The number of bytes.
    pub fn bytes(&self) -> u64 {
        let (OutputSize::Exact(bytes) | OutputSize::AtMost(bytes)) = self;
        *bytes
    }
}

/// A bundle that is complete.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Published {
    /// Its size in bytes.
    pub size: u64,
    /// Its volumes, if it was cut into such.
    pub volumes: Option<VolumeSet>,
}

/// Unfinished files of other plans, to be removed when nothing more is taken from them.
#[derive(Debug, Default)]
pub struct Leftovers {
    pub(crate) files: Vec<PathBuf>,
}

impl Leftovers {
    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Removes them. If one can't be removed, that is no reason to fail. The first file goes last, because
    /// unfinished volumes are found by their first one.
    pub fn remove(self) {
        for file in self.files.into_iter().rev() {
            let _ = std::fs::remove_file(file);
        }
    }
}
