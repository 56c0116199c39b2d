//! The new content of planned files, printed or written.

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use airlift_workloads::EditError;

use super::plan::{Plan, PlannedFile};
use super::unified_diff::unified_diff;
use crate::failure::Failure;
use crate::files::together::Together;
use crate::ui::interrupt::OnInterrupt;

/// The old and the new text of a file that is still what was read.
fn texts(file: &PlannedFile) -> Result<(String, String), Failure> {
    let failed = |source| Failure::File { doing: "read", path: file.path.clone(), source };
    let old = match &file.text {
        Some(text) => text.clone(),
        None => {
            let text = fs::read_to_string(&file.path).map_err(failed)?;
            if file.read.is_some_and(|read| !read.matches(text.as_bytes())) {
                return Err(failed(std::io::Error::other("another program changed it meanwhile")));
            }
            text
        }
    };
    let new = file.edits.apply(&old).map_err(|error: EditError| failed(std::io::Error::other(error)))?;
    Ok((old, new))
}

/// The new text of the only file.
pub(super) fn new_text(plan: &Plan) -> Result<String, Failure> {
    plan.files.first().map_or_else(|| Ok(String::new()), |file| texts(file).map(|(_, new)| new))
}

/// All that changes, as a unified diff.
pub(super) fn diff(plan: &Plan) -> Result<String, Failure> {
    let mut diff = String::new();
    for file in plan.changed() {
        let (old, new) = texts(file)?;
        diff.push_str(&unified_diff(&file.path, &old, &new));
    }
    Ok(diff)
}

/// Replaces the files that change: all of them, or none.
pub(super) fn replace(plan: &Plan, on_interrupt: &OnInterrupt) -> Result<(), Failure> {
    let failed = |path: &Path, source| Failure::File { doing: "replace", path: path.to_owned(), source };
    let mut together = Together::default();
    for file in plan.changed() {
        let (_, new) = texts(file)?;
        if let Some(read) = file.read {
            together.stage(&file.path, read, new.as_bytes()).map_err(|error| failed(&file.path, error))?;
        }
    }
    let in_use = Arc::new(Mutex::new(()));
    on_interrupt.wait_for(Arc::clone(&in_use));
    let _in_use = in_use.lock().unwrap_or_else(PoisonError::into_inner);
    together.replace_all().map_err(|(path, error)| failed(&path, error))
}
