//! Questions that are asked once, however many ask at the same time.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::OnceCell;

/// The answers to questions, each asked once.
pub(crate) struct Once<K, V>(Mutex<HashMap<K, Arc<OnceCell<V>>>>);

impl<K, V> Default for Once<K, V> {
    fn default() -> Self {
        Once(Mutex::default())
    }
}

impl<K: Eq + Hash, V: Clone> Once<K, V> {
    /// The answer to `key`, which is only asked for if no one did it before.
    pub(crate) async fn get(&self, key: K, ask: impl Future<Output = V>) -> V {
        let cell = Arc::clone(self.lock().entry(key).or_default());
        cell.get_or_init(|| ask).await.clone()
    }

    /// Forgets an answer, because it is too large to keep.
    pub(crate) fn forget(&self, key: &K) {
        self.lock().remove(key);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, HashMap<K, Arc<OnceCell<V>>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
