//! A lock that a panic elsewhere doesn't spoil.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it. No one panics while it is held, and if someone did, what was counted would still count.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
