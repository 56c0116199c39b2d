//! A lock that a panic elsewhere doesn't spoil.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// Locks it. If another task panicked while it held the lock, the data is used as that task left it.
pub(crate) fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
