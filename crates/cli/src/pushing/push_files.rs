//! The files that a push writes: its receipt, its events, and the list of the images that failed.

use std::path::Path;
use std::sync::Arc;

use airlift_oci::Observer;

use super::event_log::EventLog;
use super::receipt_file::ReceiptFile;
use crate::args::push::PushArgs;
use crate::failure::Failure;
use crate::files::keep_apart::{Input, keep_reports_apart};
use crate::files::report_file::{ReportFile, ReportKind};
use crate::planning::failed_images::FailedImages;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::usage_error::UsageError;

/// The files of one push. All of them can be written when it begins.
pub(crate) struct PushFiles {
    pub(crate) receipt: Option<ReceiptFile>,
    pub(crate) events: Option<EventLog>,
    failed: Option<ReportFile>,
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
        // All of them look at what is there. A list takes a list's place, so it must not be one that is read.
        keep_reports_apart(inputs, &failed.into_iter().collect::<Vec<_>>()).map_err(UsageError::from)?;
        let receipt = args.receipt().map(|path| ReceiptFile::prepare(path, bundle)).transpose()?;
        if let Some(file) = &receipt {
            on_interrupt.wait_for(file.in_use());
        }
        let failed = args.failed().map(|path| ReportFile::prepare(ReportKind::List, path)).transpose()?;
        let failed = failed.map(|file| file.finish_before(on_interrupt));
        let events = args.events().map(|path| EventLog::open(path, ui.observer())).transpose()?;
        let observer = events.as_ref().map_or_else(|| ui.observer(), EventLog::observer);
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
        self.failed.as_ref().map_or(Ok(()), |file| file.write(&failed.list()))
    }

    /// Writes the list as it is if the push ends here: with these names, too. So an interrupted push leaves
    /// the list of what it did not do, and not the one of an earlier push.
    pub(crate) fn note_failed(&self, failed: &FailedImages, names: &[String]) {
        if let Some(file) = &self.failed {
            file.note(&failed.list_with(names));
        }
    }
}
