//! Reports that a run writes beside its work: lists of what failed, and JUnit reports. They take the place
//! of nothing but an older report of their kind.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use airlift_lists::{Choice, parse_plain};

use super::replaced::{check_writable, replace, replaced_file};
use crate::failure::Failure;
use crate::ui::interrupt::OnInterrupt;

/// No list of images is larger. What is larger is no such list.
const MAX_LIST: u64 = 64 << 20;
/// So much of a JUnit report is looked at.
const START: u64 = 4096;

/// What a report is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum ReportKind {
    /// References, one a line.
    List,
    /// XML with the results of tests.
    Junit,
}

/// A report that was found writable, and whose place holds nothing else.
#[derive(Debug)]
pub(crate) struct ReportFile {
    path: PathBuf,
    /// Held while the file is written, so a signal leaves nothing unfinished.
    in_use: Arc<Mutex<()>>,
}

impl ReportFile {
    /// Makes sure that a report can be written to `path`, and that nothing else is lost by that. Pipes and
    /// devices are taken as they are.
    ///
    /// # Errors
    /// If it can't be written, or if something else is there.
    pub(crate) fn prepare(kind: ReportKind, path: &Path) -> Result<Self, Failure> {
        let report = ReportFile { path: path.to_owned(), in_use: Arc::default() };
        check_writable(path).map_err(|source| report.not_written(source))?;
        let is_other = replaced_file(path).and_then(|file| match file {
            Some(file) => Ok(!kind.may_replace(&file)?),
            None => Ok(false),
        });
        match is_other {
            Ok(false) => Ok(report),
            Ok(true) => {
                let error = io::Error::new(io::ErrorKind::AlreadyExists, kind.why_not());
                Err(report.not_written(error))
            }
            Err(error) => Err(report.not_written(error)),
        }
    }

    /// Lets a signal wait until the file is written.
    pub(crate) fn finish_before(self, on_interrupt: &OnInterrupt) -> Self {
        on_interrupt.wait_for(Arc::clone(&self.in_use));
        self
    }

    /// Writes the report.
    ///
    /// # Errors
    /// If it can't be written.
    pub(crate) fn write(&self, text: &str) -> Result<(), Failure> {
        let _held = self.in_use.lock().unwrap_or_else(PoisonError::into_inner);
        replace(&self.path, text).map_err(|source| self.not_written(source))
    }

    /// Writes a report that holds if the run ends here. A pipe gets the last one only. A failure is an error
    /// at the end.
    pub(crate) fn note(&self, text: &str) {
        if let Ok(Some(_)) = replaced_file(&self.path) {
            let _ = self.write(text);
        }
    }

    /// The failure to write it.
    pub(crate) fn not_written(&self, source: io::Error) -> Failure {
        Failure::File { doing: "write", path: self.path.clone(), source }
    }
}

impl ReportKind {
    /// Whether what is at a path is a report of this kind, or nothing.
    fn may_replace(self, path: &Path) -> io::Result<bool> {
        let limit = match self {
            ReportKind::List => MAX_LIST + 1,
            ReportKind::Junit => START,
        };
        let mut start = Vec::new();
        match File::open(path) {
            Ok(file) => file.take(limit).read_to_end(&mut start)?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(true),
            Err(error) => return Err(error),
        };
        Ok(start.is_empty() || self.is_start(&start))
    }

    fn is_start(self, start: &[u8]) -> bool {
        match self {
            ReportKind::List => {
                // A script has comments, and may have words that are names of images.
                !start.starts_with(b"#!")
                    && start.len() as u64 <= MAX_LIST
                    && parse_plain("", start, &Choice::default()).is_ok()
            }
            ReportKind::Junit => is_junit(&String::from_utf8_lossy(start)),
        }
    }

    fn why_not(self) -> &'static str {
        match self {
            ReportKind::List => "it is there and is no list of images; name another file",
            ReportKind::Junit => "it is there and is no JUnit report; name another file",
        }
    }
}

/// Whether a text starts as a JUnit report does.
fn is_junit(text: &str) -> bool {
    let text = text.trim_start_matches('\u{feff}').trim_start();
    let root = match text.strip_prefix("<?xml").and_then(|rest| rest.split_once("?>")) {
        Some((_, rest)) => rest.trim_start(),
        None => text,
    };
    root.strip_prefix("<testsuites").is_some_and(|rest| rest.starts_with([' ', '>', '/', '\t', '\r', '\n']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reports_replace_their_own_kind_alone() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("x");
        let lists = ["nginx:1.27\n# r.example/a (>=1)\n\n", "# odd\n", " \n"];
        let junit = ["<?xml version=\"1.0\"?>\n<testsuites name=\"x\">", "\u{feff}<testsuites/>"];
        let others = [
            "{\"schema\": \"airlift.lock/v1\"}",
            "version: 1\n",
            "-----BEGIN KEY-----\n",
            "a\0b",
            "#!/bin/sh\n# run\n",
        ];
        for (texts, takes_list, takes_junit) in
            [(&lists[..], true, false), (&junit, false, true), (&others, false, false), (&[""], true, true)]
        {
            for text in texts {
                for (kind, takes) in [(ReportKind::List, takes_list), (ReportKind::Junit, takes_junit)] {
                    std::fs::write(&path, text).unwrap();
                    assert_eq!(ReportFile::prepare(kind, &path).is_ok(), takes, "{kind:?} {text:?}");
                    assert_eq!(std::fs::read_to_string(&path).unwrap(), *text);
                }
            }
        }
        assert!(!is_junit("<testsuitesx/>") && !is_junit("<html><testsuites>"));
        std::fs::remove_file(&path).unwrap();
        ReportFile::prepare(ReportKind::Junit, &path).unwrap();
        assert!(!path.exists());
    }
}
