//! Manifests that are kept for the next run, where a registry's limit ends this one.

use std::path::Path;

use airlift_bundle::Form;
use airlift_packager::{LockedOutput, Output, Source};

use crate::failure::Failure;
use crate::ui::Ui;
use crate::ui::term::shown;

/// Keeps the manifests that came, if a registry's limit ended the plan.
pub(super) fn keep_manifests(
    failure: &Failure,
    source: &Source,
    output: Option<&LockedOutput>,
    ui: &Ui,
) -> Result<(), Failure> {
    let output = output.map(LockedOutput::output).filter(|output| output.form != Form::Stream);
    let Some(Output { path: output, .. }) = output else { return Ok(()) };
    let not_kept = |source| not_kept(output, source);
    if failure.is_limited()
        && let Some(kept) = source.keep_manifests(output).map_err(not_kept)?
    {
        ui.note(&format!(
            "the manifests that came are kept in {}: the same command goes on from there\n",
            shown(&kept)
        ));
    }
    Ok(())
}

fn not_kept(output: &Path, source: std::io::Error) -> Failure {
    Failure::File { doing: "keep manifests beside", path: output.to_owned(), source }
}
