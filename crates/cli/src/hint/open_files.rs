//! Advice where this process may open no more files. Connections count as well.

use airlift_packager::PackError;
use airlift_registry::is_out_of_files;

use crate::failure::Failure;

/// The next step.
pub(super) const WAY_OUT: &str = "that is a limit of this machine, not of the registry: allow more open files (ulimit -n 1024), or give a smaller --jobs";

/// Whether that is why a command failed, or one of several reasons.
pub(super) fn ran_out(failure: &Failure) -> bool {
    is_out_of_files(failure)
        || match failure {
            Failure::Images(errors) => errors.iter().any(|error| is_out_of_files(error)),
            Failure::Resolve(errors) => errors.iter().any(|error| is_out_of_files(error)),
            Failure::Pack(PackError::Several(errors)) => errors.iter().any(|error| is_out_of_files(error)),
            _ => false,
        }
}
