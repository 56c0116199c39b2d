//! What the arguments are: references, or files that are read by what they are.

use std::path::{Path, PathBuf};

use airlift_bundle::volumes::{PathKind, classify};
use airlift_oci::{Event, Limits, Observer};
use airlift_verifier::{AdmitError, Examined};

use super::subject::Subject;
use crate::failure::Failure;
use crate::files::documents::Document;
use crate::files::kind::FileKind;
use crate::ui::size;
use crate::ui::term::shown;
use crate::usage_error::UsageError;

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
            if path.exists() || classify(path) != PathKind::Other {
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
        let of_kind = match FileKind::of_path(path).map_err(|source| cant_read(path, source))? {
            FileKind::Set => &mut self.sets,
            FileKind::Receipt => &mut self.receipts,
            FileKind::Bundle => &mut self.bundles,
        };
        of_kind.push(path.to_owned());
        Ok(())
    }

    /// The images of receipts and bundles.
    pub(super) fn subjects(&self, limits: Limits, observer: &dyn Observer) -> Result<Vec<Subject>, Failure> {
        let mut subjects = Vec::new();
        for path in &self.bundles {
            subjects.extend(images_of_bundle(path, limits)?);
        }
        for path in &self.receipts {
            if let Document::Receipt(receipt) = Document::read(path)? {
                if !receipt.failed.is_empty() {
                    let images = size::count(receipt.failed.len(), "image");
                    let message = format!(
                        "{}: {images} could not be had at the source, and can't be checked",
                        shown(path)
                    );
                    observer.notice(Event::Warning { message, remedy: None });
                }
                subjects.extend(Subject::of_receipt(&receipt));
            }
        }
        Ok(subjects)
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

fn cant_read(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { doing: "read", path: path.to_owned(), source }
}

#[cfg(test)]
mod tests {
    use super::*;

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
