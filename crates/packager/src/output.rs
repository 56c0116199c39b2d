//! Where a bundle goes, and in which form.

use std::path::PathBuf;

use airlift_bundle::write::output::{OpenOutput, OpenedOutput};
use airlift_bundle::{Existing, Form, LocalContent, Lock};
use airlift_oci::{Event, Observer};

use crate::error::BuildError;

/// Where a bundle goes, and in which form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Output {
    /// The name that it was given. A form may write to other files, whose names begin with it.
    pub path: PathBuf,
    /// The form.
    pub form: Form,
    /// What to do with a file that has its name.
    pub existing: Existing,
}

/// An output that is open: other processes are kept from writing to it until this value goes.
#[derive(Debug)]
pub struct LockedOutput {
    pub(crate) output: Output,
    pub(crate) open: Box<dyn OpenOutput>,
}

impl LockedOutput {
    /// The output that was opened.
    pub fn output(&self) -> &Output {
        &self.output
    }
}

impl Output {
    /// The path that stands for the bundle: the file, or the manifest of the volumes.
    pub fn shown(&self) -> PathBuf {
        self.form.output().shown(&self.path)
    }

    /// The unfinished files while it is written, as [`airlift_bundle::write::output::OutputForm::unfinished`]
    /// gives them.
    pub fn unfinished(&self) -> Vec<PathBuf> {
        self.form.output().unfinished(&self.path)
    }

    /// The files that are there and that a build to this output may write to, replace or remove.
    pub fn touched(&self) -> Vec<PathBuf> {
        self.form.output().touched(&self.path)
    }

    /// Finds out early whether the path can take a bundle of this form at all, so that no request is made for
    /// nothing.
    ///
    /// # Errors
    /// If it can't.
    pub fn check(&self) -> Result<(), BuildError> {
        let refused = |why| BuildError::Output { path: self.path.clone(), why };
        self.form.output().check(&self.path).map_err(refused)
    }

    /// Opens and locks the unfinished files that earlier runs left of this output. Gives all content that is
    /// there, which need not be fetched.
    ///
    /// # Errors
    /// If the path can't take a bundle of this form, another process writes to it, or another file has the
    /// name of an unfinished one.
    pub fn open(self) -> Result<(LockedOutput, Vec<LocalContent>), BuildError> {
        self.check()?;
        let OpenedOutput { output: open, contents } = self.form.output().open(&self.path)?;
        Ok((LockedOutput { output: self, open }, contents))
    }

    /// Warns where nothing keeps another build from writing to the same files.
    pub(crate) fn warn_of(&self, lock: Lock, observer: &dyn Observer) {
        if lock == Lock::Lacking {
            let message = format!(
                "the file system of {} has no locks: nothing keeps another build from writing to it meanwhile",
                self.path.display()
            );
            observer.notice(Event::Warning { message, remedy: None });
        }
    }
}
