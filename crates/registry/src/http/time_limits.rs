//! How long one request may take, by its parts.

use std::time::Duration;

use crate::error::Error;
use crate::error::call::Call;

/// The time limits of every request of a transport.
#[derive(Clone, Copy, Debug)]
pub(crate) struct TimeLimits {
    /// The longest wait for a connection, TLS included.
    pub(crate) connect: Duration,
    /// The longest wait for the next byte, in either direction.
    pub(crate) idle: Duration,
    /// The longest time for one small answer, and for a registry to acknowledge an upload.
    pub(crate) answer: Duration,
}

impl TimeLimits {
    /// Bounds the time of an operation whose answer is small.
    ///
    /// # Errors
    /// If the operation fails, or takes longer than an answer may take.
    pub(crate) async fn bound<T>(
        &self,
        call: &Call,
        work: impl Future<Output = Result<T, Error>>,
    ) -> Result<T, Error> {
        let result = tokio::time::timeout(self.answer, work).await;
        result.unwrap_or_else(|_| Err(Error::timed_out(call, "no whole answer", self.answer)))
    }
}
