//! The times that are written into locks. `SOURCE_DATE_EPOCH` fixes them, so that a lock can be reproduced.

use std::path::Path;
use std::time::UNIX_EPOCH;

use airlift_lists::Timestamp;

use crate::clock;
use crate::usage_error::UsageError;

const VARIABLE: &str = "SOURCE_DATE_EPOCH";

/// The time that the environment fixes, if it does.
///
/// # Errors
/// If the variable is no count of seconds since 1970.
pub(crate) fn fixed() -> Result<Option<Timestamp>, UsageError> {
    let Some(value) = std::env::var_os(VARIABLE).filter(|value| !value.is_empty()) else { return Ok(None) };
    let text = value.to_string_lossy();
    let time = text.parse().ok().and_then(Timestamp::from_unix);
    time.map(Some).ok_or_else(|| UsageError::SourceDate(text.into_owned()))
}

/// The time now, or the one that the environment fixes.
///
/// # Errors
/// If the variable is no count of seconds since 1970.
pub(crate) fn now() -> Result<Timestamp, UsageError> {
    Ok(fixed()?.unwrap_or_else(clock::now))
}

/// When a file was changed for the last time; 1970 where the system can't say.
pub(crate) fn of_file(path: &Path) -> Timestamp {
    let changed = std::fs::metadata(path).and_then(|found| found.modified()).ok();
    let seconds = changed.and_then(|time| time.duration_since(UNIX_EPOCH).ok());
    seconds.and_then(|since| Timestamp::from_unix(since.as_secs())).unwrap_or_default()
}
