//! How files are opened, and what identifies them.

use std::fs::{File, Metadata, OpenOptions};
use std::io;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::Path;

use rustix::fs::OFlags;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Reading.
    Read,
    /// Writing.
    Write,
}

/// What is done about a symbolic link at the end of a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Links {
    /// It is an error.
    Refuse,
    /// The file that it leads to is opened: links can bring volumes on several media together.
    Follow,
}

/// Opens a regular file for reading. A pipe or a device is an error, and opening it doesn't block.
///
/// # Errors
/// If the system can't open it, it is not a regular file, or it is a link and links are refused.
pub fn open_regular(path: &Path, links: Links) -> io::Result<File> {
    let flags = match links {
        Links::Refuse => OFlags::NOFOLLOW | OFlags::NONBLOCK,
        Links::Follow => {
            check_regular(&std::fs::metadata(path)?)?;
            OFlags::empty()
        }
    };
    let file = OpenOptions::new().read(true).custom_flags(flags.bits() as i32).open(path)?;
    check_regular(&file.metadata()?)?;
    Ok(file)
}

fn check_regular(metadata: &Metadata) -> io::Result<()> {
    match metadata.is_file() {
        true => Ok(()),
        false => Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file")),
    }
}

/// Device and inode: no two files have the same.
pub fn identity(metadata: &Metadata) -> (u64, u64) {
    (metadata.dev(), metadata.ino())
}
