//! The file that gets the receipt, on the way and at the end.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use airlift_bundle::volumes::manifest_path;
use airlift_pusher::Receipt;

use crate::failure::Failure;
use crate::files::replaced::{check_writable, replace};
use crate::ui::Ui;

/// Where the receipt goes: found writable before the push, and replaced in one step whenever an image is
/// through. So an interrupted push leaves the receipt of what it did, and nothing else. The receipt of an
/// earlier push is replaced as soon as this one begins.
pub(crate) struct ReceiptFile {
    path: PathBuf,
    /// Held while the file is written, so a signal leaves nothing unfinished.
    in_use: Arc<Mutex<()>>,
    /// Whether a failure was reported. The next images would fail in the same way.
    has_warned: AtomicBool,
}

impl ReceiptFile {
    /// Makes sure that the receipt can be written to `path`, and that nothing else is lost by that. `bundle`
    /// is what is pushed.
    pub(crate) fn prepare(path: &Path, bundle: Option<&Path>) -> Result<Self, Failure> {
        let file =
            ReceiptFile { path: path.to_owned(), in_use: Arc::default(), has_warned: AtomicBool::default() };
        // Given its name in one step, it would take the place of a device or a pipe, or of the bundle.
        let refuse = |why: &str| file.failed(std::io::Error::new(std::io::ErrorKind::InvalidInput, why));
        if path == Path::new("-") {
            return Err(refuse("it takes a file; --json prints the receipt to standard output"));
        }
        match std::fs::symlink_metadata(path) {
            // A name of its own that isn't taken: unless it is the one by which volumes go.
            Err(_) if Some(path) == bundle || manifest_path(path).exists() => {
                return Err(refuse("a bundle in volumes goes by that name"));
            }
            Err(_) => {}
            Ok(found) if !found.is_file() => {
                return Err(refuse("it is there and is not a regular file"));
            }
            Ok(found) if found.len() > 0 && !is_receipt(path).map_err(|source| file.failed(source))? => {
                return Err(refuse("it is there and is no receipt; name another file"));
            }
            Ok(_) => {}
        }
        check_writable(path).map_err(|source| file.failed(source))?;
        Ok(file)
    }

    /// The lock that is held while the file is written.
    pub(crate) fn in_use(&self) -> Arc<Mutex<()>> {
        Arc::clone(&self.in_use)
    }

    /// Writes a receipt while the push goes on. A failure is only a warning here, given once, and an error at
    /// the end.
    /// As long as no image is through, there is nothing to write down, unless an earlier push's receipt would
    /// pass for this one's.
    pub(crate) fn note(&self, receipt: &Receipt, ui: &Ui) {
        if receipt.images.iter().all(|image| !image.is_through()) && !self.path.exists() {
            return;
        }
        if let Err(failure) = self.write(receipt)
            && !self.has_warned.swap(true, Ordering::Relaxed)
        {
            let cause = std::error::Error::source(&failure).map(|cause| format!(": {cause}"));
            ui.warn(&format!("{failure}{}; the push goes on", cause.unwrap_or_default()));
        }
    }

    pub(crate) fn write(&self, receipt: &Receipt) -> Result<(), Failure> {
        let json = crate::output::written(receipt)?;
        let _held = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        replace(&self.path, &json).map_err(|source| self.failed(source))
    }

    fn failed(&self, source: std::io::Error) -> Failure {
        Failure::File { doing: "write the receipt", path: self.path.clone(), source }
    }
}

/// Whether a file begins as a receipt does. No other file is replaced: it may be a bundle, one of its
/// volumes, or a file of credentials.
fn is_receipt(path: &Path) -> std::io::Result<bool> {
    let mut start = Vec::new();
    std::fs::File::open(path)?.take(200).read_to_end(&mut start)?;
    Ok(String::from_utf8_lossy(&start).contains("\"airlift.receipt/"))
}
