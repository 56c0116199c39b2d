//! Why a layout could not be opened.

use std::io;
use std::path::PathBuf;

/// Why a layout could not even be looked at.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It can't be opened or read.
    #[error("can't read {}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is compressed as a whole.
    #[error("{} is compressed ({format}), and not in the way of our own .tar.zst; unpack it first ({format} -d)", .path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
    },
    /// It is one volume of several.
    #[error("{} is one volume of a bundle; all of them go by the name of {}", .path.display(), .manifest.display())]
    OneVolume {
        /// The volume.
        path: PathBuf,
        /// The manifest of all of them.
        manifest: PathBuf,
    },
    /// There are volumes, but not what says which belong together.
    #[error("{} is not there, which says what {} belongs to: carry it along (where no build has written it, the volumes are unfinished; without it they can be joined with cat)", .manifest.display(), .volume.display())]
    NoVolumeSet {
        /// A volume.
        volume: PathBuf,
        /// The manifest that it should lie beside.
        manifest: PathBuf,
    },
    /// It is a volume, or a manifest of volumes, under another name.
    #[error("{} is {name} of the set {}, under another name: rename it to that", .path.display(), .manifest.display())]
    Renamed {
        /// What was asked for.
        path: PathBuf,
        /// The name that it should have.
        name: String,
        /// The manifest of its set.
        manifest: PathBuf,
    },
    /// It is a pipe or a socket.
    #[error("{} is a pipe, and a bundle is read at many places, its manifests first: save it to a file and name that (cat > b.tar)", .path.display())]
    Pipe {
        /// The pipe.
        path: PathBuf,
    },
    /// It is what a build that has not ended, or was broken off, has written so far.
    #[error("{} is no bundle yet: {} is an unfinished build", .path.display(), .part.display())]
    Unfinished {
        /// What was asked for.
        path: PathBuf,
        /// The unfinished file, which may be the same.
        part: PathBuf,
    },
    /// It is neither a tar archive nor a folder.
    #[error("{} is not a bundle: neither a tar archive nor a folder with an image layout", .path.display())]
    NotALayout {
        /// The file.
        path: PathBuf,
    },
}
