//! One ping of a registry, shared by all requests that wait for it.
//!
//! One request pings at a time and waits for its time limit. Without a shared end, many references of one
//! host would wait for each other, one time limit after the other.

use std::mem;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OnceCell, watch};

use crate::error::Error;
use crate::error::call::{Call, Effort};
use crate::retry::policy::TRIES_WITHOUT_ANSWER;

/// A registry that is pinged once, and given up by all where it doesn't answer a few pings.
pub(crate) struct SharedPing<T> {
    known: OnceCell<Arc<T>>,
    is_known: watch::Sender<bool>,
    unanswered: Mutex<Vec<UnansweredPing>>,
}

/// A ping without an answer.
struct UnansweredPing {
    call: Call,
    waiting_for: &'static str,
    after: Duration,
}

impl<T> Default for SharedPing<T> {
    fn default() -> Self {
        SharedPing {
            known: OnceCell::new(),
            is_known: watch::Sender::new(false),
            unanswered: Mutex::default(),
        }
    }
}

impl<T> SharedPing<T> {
    /// The result of the ping: `ping` is only awaited if there is none yet.
    pub(crate) async fn get(&self, ping: impl Future<Output = Result<T, Error>>) -> Result<Arc<T>, Error> {
        let ask = || async {
            if let Some(error) = self.given_up() {
                return Err(error);
            }
            let result = ping.await;
            result.as_ref().err().into_iter().for_each(|error| self.note(error));
            result.map(Arc::new)
        };
        let known = self.known.get_or_try_init(ask).await.map(Arc::clone);
        self.is_known.send_if_modified(|is_known| !mem::replace(is_known, known.is_ok()) && known.is_ok());
        known
    }

    /// Waits until there is a result.
    pub(crate) async fn answered(&self) {
        // The sender is here, so it is not dropped meanwhile.
        let _ = self.is_known.subscribe().wait_for(|is_known| *is_known).await;
    }

    fn note(&self, error: &Error) {
        if let Error::TimedOut { call, waiting_for, after, .. } = error
            && error.is_unanswered()
        {
            let ping = UnansweredPing { call: call.clone(), waiting_for, after: *after };
            self.unanswered.lock().unwrap_or_else(PoisonError::into_inner).push(ping);
        }
    }

    fn given_up(&self) -> Option<Error> {
        let unanswered = self.unanswered.lock().unwrap_or_else(PoisonError::into_inner);
        let last = unanswered.last().filter(|_| unanswered.len() >= TRIES_WITHOUT_ANSWER as usize)?;
        let UnansweredPing { call, waiting_for, after } = last;
        Some(Error::TimedOut { call: call.clone(), waiting_for, after: *after, effort: Effort::ONCE })
    }
}
