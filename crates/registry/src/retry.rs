//! When a failed request is made again, and after what pause.
//!
//! Only for failures that pass by themselves ([`Error::is_passing`]): broken connections, timeouts, short
//! bodies, 408, 429 and 5xx. Pauses double, have jitter, and are never shorter than the registry's
//! `Retry-After`. A registry that wants to be left alone for longer than we wait ends the operation at once,
//! and so do hosts that give no sign of life.

use std::sync::Arc;
use std::time::{Duration, Instant};

use airlift_oci::{Event, Observer};
use backon::{BackoffBuilder, ExponentialBackoff, ExponentialBuilder};
use jiff::Timestamp;
use jiff::fmt::rfc2822::DateTimeParser;

use crate::call::Effort;
use crate::error::Error;
use crate::options::Options;

/// The longest pause that backing off leads to; only `Retry-After` can ask for more.
const LONGEST_BACKOFF: Duration = Duration::from_secs(30);
/// The longest pause before it is looked again for something that a registry has accepted.
const LONGEST_PATIENCE: Duration = Duration::from_secs(2);

/// How often a host is tried that has not answered once in this run, where each try takes long.
pub(crate) const TRIES_IN_SILENCE: u32 = 2;

/// How to retry, for a whole transport.
pub(crate) struct Policy {
    retries: u32,
    backoff: Duration,
    longest_pause: Duration,
    observer: Arc<dyn Observer>,
}

impl Policy {
    pub(crate) fn new(options: &Options, observer: Arc<dyn Observer>) -> Self {
        let Options { retries, backoff, longest_pause, .. } = *options;
        Policy { retries, backoff, longest_pause, observer }
    }

    /// The retries of one operation, told to the observer as `what`.
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

    /// Looks for something that was accepted and doesn't show yet, told to the observer as `what`.
    pub(crate) fn patience(&self, what: String) -> Patience<'_> {
        Patience {
            policy: self,
            what,
            attempts: 0,
            left: self.retries,
            pauses: self.pauses(self.backoff.max(LONGEST_PATIENCE)),
        }
    }

    fn pauses(&self, longest: Duration) -> ExponentialBackoff {
        let builder = ExponentialBuilder::default().with_factor(2.0).with_jitter().without_max_times();
        builder.with_min_delay(self.backoff).with_max_delay(longest).build()
    }

    async fn pause(&self, what: &str, reason: String, attempt: u32, pause: Duration) {
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

/// How long it is waited for what a registry has accepted and doesn't show yet.
///
/// Registries that keep copies in several places, or their content in an object store, show what they took a
/// second later. There are as many pauses as there are retries, and they grow to two seconds.
pub struct Patience<'a> {
    policy: &'a Policy,
    what: String,
    attempts: u32,
    left: u32,
    pauses: ExponentialBackoff,
}

impl Patience<'_> {
    /// Pauses, and says so to the observer. `false`, and no pause: it was waited long enough.
    pub async fn wait(&mut self, reason: &str) -> bool {
        self.attempts += 1;
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let pause = self.pauses.next().unwrap_or(LONGEST_PATIENCE);
        self.policy.pause(&self.what, reason.to_owned(), self.attempts + 1, pause).await;
        true
    }

    /// One pause, of which nothing is said: time for others to end what they began. None where nothing is
    /// ever repeated.
    pub async fn rest(&mut self) {
        if self.left > 0 {
            tokio::time::sleep(self.pauses.next().unwrap_or(LONGEST_PATIENCE)).await;
        }
    }
}

/// The retries of one operation.
pub(crate) struct Retry<'a> {
    policy: &'a Policy,
    what: String,
    since: Instant,
    /// Attempts that have failed.
    attempts: u32,
    left: u32,
    pauses: ExponentialBackoff,
}

impl Retry<'_> {
    /// Takes a failure: returns after a pause where another attempt makes sense, else gives the failure back
    /// with the number of attempts in it.
    pub(crate) async fn pause_or_give_up(&mut self, error: Error) -> Result<(), Error> {
        let passing = error.is_passing();
        self.pause_if(passing, error).await
    }

    /// The same, where the caller knows better whether the failure passes.
    pub(crate) async fn pause_if(&mut self, passing: bool, mut error: Error) -> Result<(), Error> {
        self.attempts += 1;
        let asked = error.refusal().and_then(|refusal| refusal.retry_after).unwrap_or_default();
        let is_hopeless =
            asked > self.policy.longest_pause || (error.is_silence() && self.attempts >= TRIES_IN_SILENCE);
        if !passing || is_hopeless || self.left == 0 {
            error.set_effort(Effort { attempts: self.attempts, time: self.since.elapsed() });
            return Err(error);
        }
        self.left -= 1;
        let backoff = self.pauses.next().unwrap_or(LONGEST_BACKOFF);
        let pause = backoff.max(asked);
        self.policy.pause(&self.what, reason(&error), self.attempts + 1, pause).await;
        Ok(())
    }

    /// Much was moved since the last failure: the retries count from the start again, so that a large blob
    /// over a poor line gets there, while one that doesn't move at all gives up soon.
    pub(crate) fn renew(&mut self) {
        self.left = self.policy.retries;
        self.pauses = self.policy.pauses(LONGEST_BACKOFF);
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

/// What a `Retry-After` header asks for: seconds, or a date (RFC 9110, section 10.2.3).
pub(crate) fn retry_after(value: &str, now: Timestamp) -> Option<Duration> {
    let value = value.trim();
    if !value.is_empty() && value.bytes().all(|byte| byte.is_ascii_digit()) {
        // Too many digits for a number still mean: very long.
        return Some(Duration::from_secs(value.parse().unwrap_or(u64::from(u32::MAX))));
    }
    // Some get the day of the week wrong, which nothing depends on.
    let then = DateTimeParser::new().relaxed_weekday(true).parse_timestamp(value).ok()?;
    let seconds = then.as_second().saturating_sub(now.as_second());
    Some(Duration::from_secs(u64::try_from(seconds).unwrap_or(0)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retry_after_in_seconds_and_as_a_date() {
        let now: Timestamp = "1994-11-06T08:49:00Z".parse().unwrap();
        for (value, seconds) in [
            ("0", Some(0)),
            (" 120 ", Some(120)),
            ("99999999999999999999999", Some(u64::from(u32::MAX))),
            ("Sun, 06 Nov 1994 08:49:37 GMT", Some(37)),
            ("Sun, 06 Nov 1994 08:48:00 GMT", Some(0)),
            ("soon", None),
            ("-5", None),
            ("1.5", None),
            ("", None),
            ("Sun, 06 Nov 99999 08:49:37 GMT", None),
        ] {
            assert_eq!(retry_after(value, now), seconds.map(Duration::from_secs), "{value:?}");
        }
    }

    #[tokio::test]
    async fn patience_is_bounded_by_the_retries_and_shown() {
        let seen = Arc::new(Seen::default());
        let options = Options { retries: 2, backoff: Duration::from_millis(1), ..Options::default() };
        let policy = Policy::new(&options, seen.clone());
        let mut patience = policy.patience("r.example/app:1".to_owned());
        assert!(patience.wait("not there yet").await && patience.wait("not there yet").await);
        assert!(!patience.wait("not there yet").await);
        assert_eq!(
            *seen.0.lock().unwrap(),
            [("r.example/app:1".to_owned(), 2), ("r.example/app:1".to_owned(), 3)]
        );
        let policy = Policy::new(&Options { retries: 0, ..Options::default() }, seen);
        assert!(!policy.patience(String::new()).wait("never").await);
    }

    #[derive(Default)]
    struct Seen(std::sync::Mutex<Vec<(String, u32)>>);

    impl Observer for Seen {
        fn notice(&self, event: Event) {
            if let Event::Retrying { what, attempt, .. } = event {
                self.0.lock().unwrap().push((what, attempt));
            }
        }
    }

    #[test]
    fn pauses_double_up_to_a_limit() {
        let options = Options { backoff: Duration::from_millis(500), ..Options::default() };
        let policy = Policy::new(&options, Arc::new(airlift_oci::Unobserved));
        let mut expected = Duration::from_millis(500);
        for pause in policy.pauses(LONGEST_BACKOFF).take(12) {
            assert!(pause >= expected && pause <= expected * 2, "{pause:?} for {expected:?}");
            expected = (expected * 2).min(LONGEST_BACKOFF);
        }
    }
}
