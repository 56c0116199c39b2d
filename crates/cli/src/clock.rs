//! The time on the wall. It decides nothing: it is written into locks, receipts and events.

use std::time::{SystemTime, UNIX_EPOCH};

use airlift_lists::Timestamp;

/// The time now.
pub(crate) fn now() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    Timestamp::from_unix(since.as_secs()).unwrap_or_default()
}
