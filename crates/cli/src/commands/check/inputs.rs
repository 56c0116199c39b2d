//! What the arguments are: references, or files that are read by what they are.

use std::fs::File;
use std::io::Read;
use std::path::{Path, PathBuf};

use airlift_bundle::volumes::{PathKind, classify};
use airlift_lists::ReceiptFile;
use airlift_lists::receipt::MAX_RECEIPT;
use airlift_oci::Limits;
use airlift_verifier::{AdmitError, Examined};

use super::subject::Subject;
use crate::failure::{Failure, UsageError};
use crate::ui::term::shown;

/// So much of a file is looked at to find out what it is.
const START: u64 = 4096;
/// Names that end so are those of files. If there is no such file, no image is meant.
const OF_FILES: [&str; 8] = ["lock", "yaml", "yml", "json", "txt", "tar", "zst", "list"];

/// The arguments by what they are.
#[derive(Debug, Default)]
pub(super) struct Inputs {
    pub(super) references: Vec<String>,
    /// Lists, images files and locks.
    pub(super) sets: Vec<PathBuf>,
    pub(super) receipts: Vec<PathBuf>,
    /// Bundles and layouts.
    pub(super) bundles: Vec<PathBuf>,
}

impl Inputs {
    /// Finds out what each argument is.
    pub(super) fn of(arguments: &[String]) -> Result<Self, Failure> {
        let mut inputs = Inputs::default();
        for argument in arguments {
            let path = Path::new(argument);
            if path.is_dir() || classify(path) != PathKind::Other {
                inputs.bundles.push(path.to_owned());
            } else if path.exists() {
                inputs.add_file(path)?;
            } else if is_name_of_file(argument) {
                return Err(UsageError::NoFile(path.to_owned()).into());
            } else {
                inputs.references.push(argument.clone());
            }
        }
        Ok(inputs)
    }

    fn add_file(&mut self, path: &Path) -> Result<(), Failure> {
        let mut start = Vec::new();
        let read = File::open(path).and_then(|file| file.take(START).read_to_end(&mut start));
        read.map_err(|source| cant_read(path, source))?;
        let of_kind = match kind_of(&start) {
            FileKind::Set => &mut self.sets,
            FileKind::Receipt => &mut self.receipts,
            FileKind::Bundle => &mut self.bundles,
        };
        of_kind.push(path.to_owned());
        Ok(())
    }

    /// The images of receipts and bundles.
    pub(super) fn subjects(&self, limits: Limits) -> Result<Vec<Subject>, Failure> {
        let mut subjects = Vec::new();
        for path in &self.bundles {
            subjects.extend(images_of_bundle(path, limits)?);
        }
        for path in &self.receipts {
            subjects.extend(Subject::of_receipt(&read_receipt(path)?));
        }
        Ok(subjects)
    }
}

/// The kinds of files.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FileKind {
    Set,
    Receipt,
    Bundle,
}

/// The kind of a file that starts like this.
fn kind_of(start: &[u8]) -> FileKind {
    let text = start.strip_prefix(b"\xef\xbb\xbf").unwrap_or(start).trim_ascii_start();
    let has = |name: &[u8]| text.windows(name.len()).any(|part| part == name);
    // Archives have zeros in their first block, and compressed ones bytes that no text has.
    if start.contains(&0) || (std::str::from_utf8(start).is_err_and(|error| error.error_len().is_some())) {
        FileKind::Bundle
    } else if text.starts_with(b"{") && has(b"\"airlift.receipt/") {
        FileKind::Receipt
    } else {
        FileKind::Set
    }
}

/// Whether a text that is no file's name looks like one.
fn is_name_of_file(text: &str) -> bool {
    let is_path = ["./", "../", "/", "~"].iter().any(|start| text.starts_with(start));
    let extension = Path::new(text).extension().and_then(|extension| extension.to_str());
    is_path || (!text.contains([':', '@']) && extension.is_some_and(|found| OF_FILES.contains(&found)))
}

/// The images of a bundle whose structure is sound. No blob is hashed.
fn images_of_bundle(path: &Path, limits: Limits) -> Result<Vec<Subject>, Failure> {
    let examined = Examined::open(path, limits)?;
    let report = examined.report();
    match examined.graph().filter(|_| report.ok) {
        Some(graph) => Ok(Subject::of_bundle(graph)),
        None => Err(AdmitError::Refused { path: path.to_owned(), report: Box::new(report) }.into()),
    }
}

fn read_receipt(path: &Path) -> Result<ReceiptFile, Failure> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_RECEIPT + 1).read_to_end(&mut bytes));
    read.map_err(|source| cant_read(path, source))?;
    if bytes.len() as u64 > MAX_RECEIPT {
        let why = std::io::Error::new(std::io::ErrorKind::InvalidData, "it is too large for a receipt");
        return Err(cant_read(path, why));
    }
    Ok(ReceiptFile::parse(&shown(path), &bytes).map_err(UsageError::Lists)?)
}

fn cant_read(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { doing: "read", path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_known_by_their_starts() {
        assert_eq!(kind_of(b"nginx:1.27\n"), FileKind::Set);
        assert_eq!(kind_of(b"version: 1\n"), FileKind::Set);
        assert_eq!(kind_of(b"\xef\xbb\xbf {\n  \"schema\": \"airlift.receipt/v1\""), FileKind::Receipt);
        assert_eq!(kind_of(b"{\"schema\": \"airlift.lock/v1\""), FileKind::Set);
        assert_eq!(kind_of(b"# about \"airlift.receipt/v1\""), FileKind::Set);
        assert_eq!(kind_of(b"oci-layout\0\0"), FileKind::Bundle);
        assert_eq!(kind_of(b"\x28\xb5\x2f\xfd\x04"), FileKind::Bundle);
        assert_eq!(kind_of(b"n\xc3"), FileKind::Set, "a character that was cut");
    }

    #[test]
    fn names_of_files_that_are_not_there_are_no_images() {
        for name in ["images.lock", "./images", "/tmp/x", "b.tar.zst", "a/b.yaml", "~/x.json"] {
            assert!(is_name_of_file(name), "{name}");
        }
        for name in ["nginx", "nginx:1.27", "r.example/a.b/c", "r.example/lock:1.tar", "k8s.gcr.io/pause"] {
            assert!(!is_name_of_file(name), "{name}");
        }
    }
}
