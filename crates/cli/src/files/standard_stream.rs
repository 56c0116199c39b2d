//! Standard output and standard error by the names that the system has for them, such as /dev/stdout.
//!
//! Opened anew by such a name, a file has a second offset: what is written by the one overwrites what is
//! written by the other. So it is written to the stream itself.

use std::io::{self, Write};
use std::path::{Path, PathBuf};

use airlift_disk::folder_of;

/// So many links are followed, as systems do.
const MOST_LINKS: usize = 40;

/// A stream that every process has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum StandardStream {
    /// Standard output.
    Out,
    /// Standard error.
    Err,
}

impl StandardStream {
    /// The stream that a path names, by itself or by links: `/dev/stdout`, `/dev/fd/1`, `/proc/self/fd/1`.
    pub(crate) fn of(path: &Path) -> Option<Self> {
        let mut path = path.to_owned();
        for _ in 0..MOST_LINKS {
            if is_folder_of_open_files(folder_of(&path)) {
                return match path.file_name()?.to_str()? {
                    "1" => Some(StandardStream::Out),
                    "2" => Some(StandardStream::Err),
                    _ => None,
                };
            }
            path = folder_of(&path).join(std::fs::read_link(&path).ok()?);
        }
        None
    }

    /// Writes a text there.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn write(self, text: &str) -> io::Result<()> {
        let mut out = self.open();
        out.write_all(text.as_bytes())?;
        out.flush()
    }

    /// The stream, to be written to.
    pub(crate) fn open(self) -> Box<dyn Write + Send> {
        match self {
            StandardStream::Out => Box::new(io::stdout()),
            StandardStream::Err => Box::new(io::stderr()),
        }
    }
}

/// Whether a folder has this process's open files, by their numbers.
fn is_folder_of_open_files(folder: &Path) -> bool {
    let is_it = |folder: &Path| folder == Path::new("/dev/fd") || folder == Path::new("/proc/self/fd");
    // Where /proc is, /proc/self is a link to the folder of this process.
    let own = Path::new("/proc/self").canonicalize().unwrap_or_else(|_| PathBuf::from("/proc/self"));
    let is_own = |found: PathBuf| found.starts_with(&own) && found.ends_with("fd");
    is_it(folder) || folder.canonicalize().is_ok_and(is_own)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_known_by_all_its_names() {
        let folder = tempfile::tempdir().unwrap();
        let link = folder.path().join("link");
        std::os::unix::fs::symlink("/dev/stdout", &link).unwrap();
        let own = format!("/proc/{}/fd/2", std::process::id());
        for (name, stream) in [
            ("/dev/stdout", Some(StandardStream::Out)),
            ("/dev/fd/1", Some(StandardStream::Out)),
            ("/proc/self/fd/1", Some(StandardStream::Out)),
            ("/proc/thread-self/fd/1", Some(StandardStream::Out)),
            (link.to_str().unwrap(), Some(StandardStream::Out)),
            ("/dev/stderr", Some(StandardStream::Err)),
            (&own, Some(StandardStream::Err)),
            ("/dev/stdin", None),
            ("/dev/fd/3", None),
            ("/dev/null", None),
            ("/proc/1/fd/1", None),
            ("1", None),
            ("", None),
        ] {
            // Other systems have some of them.
            if stream.is_none() || Path::new(name).exists() {
                assert_eq!(StandardStream::of(Path::new(name)), stream, "{name}");
            }
        }
    }
}
