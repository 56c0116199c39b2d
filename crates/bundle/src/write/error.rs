//! Why an archive could not be written, and what to do with a file that has its name.

use std::io;
use std::path::PathBuf;

use airlift_oci::Digest;

use crate::volumes::SplitError;

/// Why an archive could not be written.
#[derive(Debug, thiserror::Error)]
pub enum WriteError {
    /// The `.part` file can't be opened or made.
    #[error("can't open {} for writing", .path.display())]
    Open {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The path is taken by something that isn't a regular file.
    #[error("{} is there and is not a regular file; move it away, or choose another output", .path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
    },
    /// Another file has the name of the unfinished one.
    #[error("{} is there and is no unfinished bundle; move it away, or choose another output", .path.display())]
    NotOurs {
        /// The file.
        path: PathBuf,
    },
    /// Another process is writing the same file.
    #[error("{} is being written by {}; wait for it, or choose another output", .path.display(), .holder.as_deref().unwrap_or("another process"))]
    Locked {
        /// The file.
        path: PathBuf,
        /// The other process in words, where the system names it.
        holder: Option<String>,
    },
    /// There is no room.
    #[error("can't reserve {size} bytes for {}", .path.display())]
    Reserve {
        /// The file.
        path: PathBuf,
        /// The archive's size.
        size: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A read or write failed.
    #[error("can't write {} at offset {offset}", .path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// Where.
        offset: u64,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// A blob had more or fewer bytes than its descriptor says.
    #[error("{digest} should have {expected} bytes, but {taken} came")]
    Length {
        /// The blob.
        digest: Digest,
        /// The planned size.
        expected: u64,
        /// The bytes that were taken.
        taken: u64,
    },
    /// The data could not be made durable.
    #[error("can't flush {} to disk", .path.display())]
    Sync {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Written bytes can't be read back.
    #[error("can't read {} back", .path.display())]
    ReadBack {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The stream takes no more. The archive lacks its end, and so is no bundle.
    #[error("can't write the archive to the stream")]
    Stream(#[source] io::Error),
    /// A blob came again with other bytes, or does not have its digest. Bytes can't be taken back from a
    /// stream.
    #[error("what is in the stream of {digest} already is not that content")]
    Altered {
        /// The blob.
        digest: Digest,
    },
    /// A writer that takes one blob after the other was given a second one before the first was complete.
    #[error("the blob before this one is not complete")]
    OutOfTurn,
    /// The archive can't be cut into such volumes.
    #[error(transparent)]
    Split(#[from] SplitError),
    /// A file that is in the way, or was finished too early, could not get another name.
    #[error("can't rename {} to {}", .from.display(), .to.display())]
    Rename {
        /// The file.
        from: PathBuf,
        /// The name that it should get.
        to: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// The finished file could not take its name.
    #[error("{} is complete but can't be renamed to {}", .part.display(), .output.display())]
    Publish {
        /// The finished file.
        part: PathBuf,
        /// The name it should have.
        output: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
}

/// What to do with a file that has the output's name already.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Existing {
    /// Leave it alone and fail.
    Keep,
    /// Replace it, in one step.
    Replace,
}

/// Why an archive can't have the form that was asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnfitError {
    /// It can't be cut into such volumes.
    #[error(transparent)]
    Volumes(#[from] SplitError),
    /// It would have more zstd frames than readers take.
    #[error("an archive of {size} bytes would have more frames than readers take")]
    Frames {
        /// The archive's size.
        size: u64,
    },
}
