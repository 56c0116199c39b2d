//! The files that a check writes: a list of what is not whole, and a JUnit report.

use std::collections::BTreeSet;
use std::io;
use std::path::Path;

use airlift_checker::{CheckedImage, State};

use super::junit;
use super::places::PlacedSubject;
use crate::asked::select_error::SelectError;
use crate::failure::Failure;
use crate::files::report_file::{ReportFile, ReportKind};
use crate::ui::interrupt::OnInterrupt;

/// The files of one check. All of them can be written when it begins.
pub(super) struct Reports {
    junit: Option<ReportFile>,
    failed: Option<ReportFile>,
}

impl Reports {
    /// Makes sure that the files can be written, and that nothing else is lost by that.
    pub(super) fn prepare(
        junit: Option<&Path>,
        failed: Option<&Path>,
        on_interrupt: &OnInterrupt,
    ) -> Result<Self, Failure> {
        let prepare =
            |kind, path| ReportFile::prepare(kind, path).map(|report| report.finish_before(on_interrupt));
        let junit = junit.map(|path| prepare(ReportKind::Junit, path)).transpose()?;
        let failed = failed.map(|path| prepare(ReportKind::List, path)).transpose()?;
        Ok(Reports { junit, failed })
    }

    /// Writes the list as it is before anything was found out: an interrupted check leaves that of all
    /// images, and not the list of an earlier check.
    pub(super) fn note(&self, asked: &[PlacedSubject], unselected: &[SelectError]) {
        if let Some(failed) = &self.failed {
            failed.note(&list(asked.iter(), unselected));
        }
    }

    /// Writes the files.
    pub(super) fn write(
        &self,
        checked: &[(PlacedSubject, CheckedImage)],
        unselected: &[SelectError],
    ) -> Result<(), Failure> {
        if let Some(file) = &self.junit {
            let report = junit::report(checked).map_err(|error| file.not_written(io::Error::other(error)))?;
            file.write(&report)?;
        }
        if let Some(file) = &self.failed {
            let failed = checked.iter().filter(|(_, image)| image.state != State::Ok);
            file.write(&list(failed.map(|(asked, _)| asked), unselected))?;
        }
        Ok(())
    }
}

/// The references of these images and the selectors that select none, one a line.
fn list<'a>(images: impl Iterator<Item = &'a PlacedSubject>, unselected: &[SelectError]) -> String {
    let images = images.map(|asked| asked.subject.as_line());
    let lines: BTreeSet<String> = images.chain(unselected.iter().map(SelectError::comment)).collect();
    lines.iter().map(|line| format!("{line}\n")).collect()
}
