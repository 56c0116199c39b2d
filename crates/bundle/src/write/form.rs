//! The forms that a bundle can be written in.
//!
//! A new form is one more line in [`Form`], one more in [`Form::output`], and a file beside this one that
//! implements [`OutputForm`], [`OpenOutput`](crate::write::output::OpenOutput) and
//! [`BundleWriter`](crate::write::output::BundleWriter).

use std::path::Path;

use crate::volumes::Split;
use crate::write::output::OutputForm;
use crate::write::stream::Stream;
use crate::write::tar::Tar;
use crate::write::zst::Zst;

/// The form that a bundle is written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A plain archive in one file.
    Tar,
    /// An archive in zstd frames, in one file.
    Zst,
    /// A plain archive that is cut into several files.
    Volumes(Split),
    /// A plain archive on standard output.
    Stream,
}

impl Form {
    /// The form of an output in one file, which its name says: zstd frames for `.zst`.
    pub fn of_file(output: &Path) -> Self {
        let is_zst = output.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("zst"));
        if is_zst { Form::Zst } else { Form::Tar }
    }

    /// What writes this form.
    pub fn output(&self) -> &dyn OutputForm {
        match self {
            Form::Tar => &Tar,
            Form::Zst => &Zst,
            Form::Volumes(split) => split,
            Form::Stream => &Stream,
        }
    }
}
