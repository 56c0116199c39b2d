//! RemainingBlobs that takes long and waits for nothing, on a thread of its own.

use crate::error::BuildError;

/// Runs `work` where it keeps no other task from running.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> T + Send + 'static,
) -> Result<T, BuildError> {
    tokio::task::spawn_blocking(work).await.map_err(BuildError::Task)
}
