//! Something of which there is one, and which one user at a time may have.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

/// Holds one thing until it is taken, and again when it is brought back. Clones share it.
pub(crate) struct Exclusive<T>(Arc<Mutex<Option<T>>>);

impl<T> Exclusive<T> {
    pub(crate) fn new(thing: T) -> Self {
        Exclusive(Arc::new(Mutex::new(Some(thing))))
    }

    /// Takes the thing; `None` while another user has it.
    pub(crate) fn take(&self) -> Option<T> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Brings the thing back.
    pub(crate) fn put(&self, thing: T) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(thing);
    }
}

impl<T> Clone for Exclusive<T> {
    fn clone(&self) -> Self {
        Exclusive(Arc::clone(&self.0))
    }
}

impl<T> fmt::Debug for Exclusive<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exclusive")
    }
}
