//! The files that a push writes: its receipt, its events, and the list of the images that failed.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_oci::Observer;

use super::event_log::EventLog;
use super::receipt_file::ReceiptFile;
use crate::args::push::PushArgs;
use crate::failure::{Failure, UsageError};
use crate::files::keep_apart::{Input, keep_reports_apart};
use crate::files::replaced::{check_writable, replace};
use crate::planning::failed_images::FailedImages;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;

/// The files of one push. All of them can be written when it begins.
pub(crate) struct PushFiles {
    pub(crate) receipt: Option<ReceiptFile>,
    pub(crate) events: Option<EventLog>,
    failed: Option<PathBuf>,
    observer: Arc<dyn Observer>,
}

impl PushFiles {
    /// Makes sure that the files can be written, and that nothing else is lost by that. `inputs` are the
    /// files that the command reads, and `bundle` is what is pushed.
    ///
    /// # Errors
    /// If a file can't be written, or has the place of another one.
    pub(crate) fn prepare(
        args: &PushArgs,
        inputs: &[Input],
        bundle: Option<&Path>,
        (ui, on_interrupt): (&Ui, &OnInterrupt),
    ) -> Result<Self, Failure> {
        if let (Some(_), true) = (args.events().filter(|path| path.as_os_str() == "-"), ui.json) {
            let why = "--events - and --json both want standard output; write the events to a file";
            return Err(UsageError::Combination(why).into());
        }
        let report = |option, path: &Path| Input::Report(option, path.to_owned());
        let receipt = args.receipt().map(|path| report("--receipt", path));
        let events = args.events().map(|path| report("--events", path));
        let failed = args.failed().map(|path| report("--failed", path));
        let reports: Vec<Input> = receipt.into_iter().chain(events.clone()).chain(failed.clone()).collect();
        keep_reports_apart(&[], &reports).map_err(UsageError::from)?;
        // The receipt and the events take the place of no other file: they look at what is there.
        keep_reports_apart(inputs, &failed.into_iter().collect::<Vec<_>>()).map_err(UsageError::from)?;
        let receipt = args.receipt().map(|path| ReceiptFile::prepare(path, bundle)).transpose()?;
        if let Some(file) = &receipt {
            on_interrupt.wait_for(file.in_use());
        }
        if let Some(path) = args.failed() {
            check_writable(path).map_err(|source| not_written(path, source))?;
        }
        let events = args.events().map(|path| EventLog::open(path, ui.observer())).transpose()?;
        let observer = events.as_ref().map_or_else(|| ui.observer(), EventLog::observer);
        let failed = args.failed().map(Path::to_owned);
        Ok(PushFiles { receipt, events, failed, observer })
    }

    /// The observer that the push reports to.
    pub(crate) fn observer(&self) -> &Arc<dyn Observer> {
        &self.observer
    }

    /// Writes the list of the images that failed, if there is to be one.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn write_failed(&self, failed: &FailedImages) -> Result<(), Failure> {
        let Some(path) = &self.failed else { return Ok(()) };
        replace(path, &failed.list()).map_err(|source| not_written(path, source))
    }
}

fn not_written(path: &Path, source: std::io::Error) -> Failure {
    Failure::File { doing: "write", path: path.to_owned(), source }
}
