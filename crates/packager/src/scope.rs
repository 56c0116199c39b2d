//! How far an error of a registry reaches.

use airlift_registry::Error;

/// Whether a registry's answer is about one image, so that it may well give another one.
pub(crate) fn is_of_one_image(error: &Error) -> bool {
    matches!(
        error,
        Error::Unauthorised(_)
            | Error::Denied(_)
            | Error::NotFound(_)
            | Error::Refused(_)
            | Error::Content { .. }
            | Error::Mirror(_)
    )
}
