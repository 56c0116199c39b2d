//! Waiting for what a registry has accepted and doesn't show yet.

use std::time::Duration;

use backon::ExponentialBackoff;

use crate::retry::policy::RetryPolicy;

/// The longest pause before we look again for what a registry has accepted.
const LONGEST_PAUSE: Duration = Duration::from_secs(2);

/// A wait for what a registry has accepted and doesn't show yet.
///
/// Registries that keep copies in several places, or their content in an object store, show what they took a
/// second later. There are as many pauses as there are retries, and they grow to two seconds.
pub struct VisibilityWait<'a> {
    policy: &'a RetryPolicy,
    what: String,
    attempts: u32,
    left: u32,
    pauses: ExponentialBackoff,
}

impl VisibilityWait<'_> {
    /// Pauses, and reports it to the observer. `false`, without a pause: the wait was long enough.
    pub async fn wait(&mut self, reason: &str) -> bool {
        self.attempts += 1;
        if self.left == 0 {
            return false;
        }
        self.left -= 1;
        let pause = self.pauses.next().unwrap_or(LONGEST_PAUSE);
        self.policy.pause(&self.what, reason.to_owned(), self.attempts + 1, pause).await;
        true
    }

    /// One pause that the observer doesn't see: time for other writers to finish. No pause if there are no
    /// retries.
    pub async fn rest(&mut self) {
        if self.left > 0 {
            tokio::time::sleep(self.pauses.next().unwrap_or(LONGEST_PAUSE)).await;
        }
    }
}

impl RetryPolicy {
    /// Waits for something that was accepted and doesn't show yet. The observer sees it as `what`.
    pub(crate) fn wait_for_visibility(&self, what: String) -> VisibilityWait<'_> {
        VisibilityWait {
            policy: self,
            what,
            attempts: 0,
            left: self.retries,
            pauses: self.pauses(self.backoff.max(LONGEST_PAUSE)),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use airlift_oci::{Event, Observer};

    use super::*;
    use crate::options::Options;

    #[tokio::test]
    async fn patience_is_bounded_by_the_retries_and_shown() {
        let seen = Arc::new(Seen::default());
        let options = Options { retries: 2, backoff: Duration::from_millis(1), ..Options::default() };
        let policy = RetryPolicy::new(&options, seen.clone());
        let mut wait = policy.wait_for_visibility("r.example/app:1".to_owned());
        assert!(wait.wait("not there yet").await && wait.wait("not there yet").await);
        assert!(!wait.wait("not there yet").await);
        assert_eq!(
            *seen.0.lock().unwrap(),
            [("r.example/app:1".to_owned(), 2), ("r.example/app:1".to_owned(), 3)]
        );
        let policy = RetryPolicy::new(&Options { retries: 0, ..Options::default() }, seen);
        assert!(!policy.wait_for_visibility(String::new()).wait("never").await);
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
}
