//! How often a failed request is made again, and after what pause.
//!
//! Which failures are repeated is in `rules`: broken connections, timeouts, short bodies, 408, 429 and 5xx.
//! Pauses double, have jitter, and are never shorter than the registry's `Retry-After`. If a registry asks
//! for a longer pause than we make, the operation ends at once. It also ends early for hosts that have never
//! answered.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airlift_oci::{Event, Observer};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use futures::future::BoxFuture;

use crate::error::Error;
use crate::error::call::Effort;
use crate::options::Options;
use crate::retry::rules::{Failed, Then};

/// The longest pause that backing off leads to; only `Retry-After` can ask for more.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// How often a host is tried that has not answered once in this run, where each try takes long.
pub(crate) const TRIES_WITHOUT_ANSWER: u32 = 2;

/// Having this much more than ever before starts the count of retries anew.
pub(crate) const MUCH: u64 = 1024 * 1024;

/// How to retry, for a whole transport.
pub(crate) struct RetryPolicy {
    pub(super) retries: u32,
    pub(super) backoff: Duration,
    longest_pause: Duration,
    observer: Arc<dyn Observer>,
}

impl RetryPolicy {
    pub(crate) fn new(options: &Options, observer: Arc<dyn Observer>) -> Self {
        let Options { retries, backoff, longest_pause, .. } = *options;
        RetryPolicy { retries, backoff, longest_pause, observer }
    }

    /// The retries of one operation, which the observer sees as `what`.
    pub(crate) fn start(&self, what: String) -> Retry<'_> {
        Retry {
            policy: self,
            what,
            since: Instant::now(),
            attempts: 0,
            left: self.retries,
            pauses: self.pauses(LONGEST_BACKOFF),
        }
    }

    pub(super) fn pauses(&self, longest: Duration) -> ExponentialBackoff {
        let builder = ExponentialBuilder::default().with_factor(2.0).with_jitter().without_max_times();
        builder.with_min_delay(self.backoff).with_max_delay(longest).build()
    }

    pub(super) async fn pause(&self, what: &str, reason: String, attempt: u32, pause: Duration) {
        tracing::debug!(%what, attempt, ?pause, "trying again");
        self.observer.notice(Event::Retrying {
            what: what.to_owned(),
            reason,
            attempt,
            delay_ms: u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
        });
        tokio::time::sleep(pause).await;
    }
}

/// The retries of one operation.
pub(crate) struct Retry<'a> {
    policy: &'a RetryPolicy,
    what: String,
    since: Instant,
    /// Attempts that have failed.
    attempts: u32,
    left: u32,
    pauses: ExponentialBackoff,
}

impl Retry<'_> {
    /// Repeats `attempt` until it succeeds or fails for good. The error has the number of attempts in it.
    ///
    /// # Errors
    /// With the last attempt's failure.
    pub(crate) async fn run<T, F>(mut self, attempt: impl Fn() -> F) -> Result<T, Error>
    where
        F: Future<Output = Result<T, Failed>>,
    {
        loop {
            match attempt().await {
                Ok(done) => return Ok(done),
                Err(failed) => self.go_on_after(failed).await?,
            }
        }
    }

    /// The same for an operation with a state that each attempt changes.
    ///
    /// # Errors
    /// With the last attempt's failure.
    pub(crate) async fn run_on<S, T>(
        mut self,
        state: &mut S,
        attempt: impl for<'s> Fn(&'s mut S) -> BoxFuture<'s, Result<T, Failed>>,
    ) -> Result<T, Error> {
        loop {
            match attempt(state).await {
                Ok(done) => return Ok(done),
                Err(failed) => self.go_on_after(failed).await?,
            }
        }
    }

    /// Returns, after a pause, where another attempt makes sense; else gives the failure back.
    async fn go_on_after(&mut self, failed: Failed) -> Result<(), Error> {
        let Failed { mut error, then, progressed } = failed;
        if progressed {
            self.left = self.policy.retries;
            self.pauses = self.policy.pauses(LONGEST_BACKOFF);
        }
        if then == Then::AtOnce {
            return Ok(());
        }
        self.attempts += 1;
        let asked = error.refusal().and_then(|refusal| refusal.retry_after).unwrap_or_default();
        let is_hopeless = asked > self.policy.longest_pause
            || (error.is_unanswered() && self.attempts >= TRIES_WITHOUT_ANSWER);
        if then == Then::GiveUp || is_hopeless || self.left == 0 {
            error.set_effort(Effort { attempts: self.attempts, time: self.since.elapsed() });
            return Err(error);
        }
        self.left -= 1;
        let backoff = self.pauses.next().unwrap_or(LONGEST_BACKOFF);
        let pause = backoff.max(asked);
        self.policy.pause(&self.what, reason(&error), self.attempts + 1, pause).await;
        Ok(())
    }
}

/// The failure with its innermost cause, in one line.
fn reason(error: &Error) -> String {
    let mut cause: &dyn std::error::Error = error;
    while let Some(source) = cause.source() {
        cause = source;
    }
    let root = cause.to_string();
    let text = error.to_string();
    if text == root { text } else { format!("{text}: {root}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_double_up_to_a_limit() {
        let options = Options { backoff: Duration::from_millis(500), ..Options::default() };
        let policy = RetryPolicy::new(&options, Arc::new(airlift_oci::Unobserved));
        let mut expected = Duration::from_millis(500);
        for pause in policy.pauses(LONGEST_BACKOFF).take(12) {
            assert!(pause >= expected && pause <= expected * 2, "{pause:?} for {expected:?}");
            expected = (expected * 2).min(LONGEST_BACKOFF);
        }
    }
}
