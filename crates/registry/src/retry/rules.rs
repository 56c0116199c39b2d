//! The rules: which failures are worth another attempt, and which leave open what the registry did.

use std::sync::atomic::{AtomicBool, Ordering};

use reqwest::StatusCode;

use crate::error::call::Contact;
use crate::error::content::ContentFault;
use crate::error::{Error, Obstacle};

/// A failed attempt, and what follows it.
#[derive(Debug)]
pub(crate) struct Failed {
    pub(super) error: Error,
    pub(super) then: Then,
    /// Whether so much was moved that the retries count from the start again: a large blob over a poor line
    /// arrives that way, while one that doesn't move at all is given up soon.
    pub(super) progressed: bool,
}

/// What follows a failed attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Then {
    /// Another attempt after a pause, as long as there are retries left.
    Pause,
    /// Another attempt at once, in another way. It doesn't count as a retry.
    AtOnce,
    /// Nothing: the failure is final.
    GiveUp,
}

impl Failed {
    /// A failure that is final.
    pub(crate) fn for_good(error: Error) -> Self {
        Failed { error, then: Then::GiveUp, progressed: false }
    }

    /// A failure that is worth a retry, though the rule for all requests may say otherwise.
    pub(crate) fn worth_a_retry(error: Error) -> Self {
        Failed { error, then: Then::Pause, progressed: false }
    }

    /// A failure after which the same is done in another way.
    pub(crate) fn other_way(error: Error) -> Self {
        Failed { error, then: Then::AtOnce, progressed: false }
    }

    /// A failed HEAD. A 5xx is final: a GET follows, with retries of its own.
    pub(crate) fn of_head(error: Error) -> Self {
        match error {
            Error::Server(_) => Failed::for_good(error),
            error => error.into(),
        }
    }

    /// A manifest that wasn't stored. `is_first_500` becomes `false` after a 500: the next one is final,
    /// since some registries mean "never" by that.
    pub(crate) fn of_put(error: Error, is_first_500: &AtomicBool) -> Self {
        let is_500 = error.refusal().is_some_and(|refusal| refusal.status == 500);
        match is_500 && !is_first_500.swap(false, Ordering::Relaxed) {
            true => Failed::for_good(error),
            false => error.into(),
        }
    }

    /// The same, where `progressed` says whether much was moved.
    pub(crate) fn after(self, progressed: bool) -> Self {
        Failed { progressed, ..self }
    }
}

/// By the rule for all requests: only transient failures are worth a retry.
impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        match error.is_transient() {
            true => Failed::worth_a_retry(error),
            false => Failed::for_good(error),
        }
    }
}

impl Error {
    /// Whether the same request may well succeed a little later.
    pub fn is_transient(&self) -> bool {
        match self {
            Error::Unreachable { .. } | Error::TimedOut { .. } | Error::TooSlow { .. } => true,
            Error::RateLimited(refusal) => !refusal.exhausted,
            Error::Server(refusal) => matches!(refusal.status, 500 | 502 | 503 | 504),
            Error::Refused(refusal) => refusal.status == StatusCode::REQUEST_TIMEOUT.as_u16(),
            Error::Content { fault, .. } => matches!(**fault, ContentFault::Short { .. }),
            _ => false,
        }
    }

    /// Whether nothing came of a request to a host that has not answered once in this run, and not at once:
    /// that is no passing fault.
    pub(crate) fn is_unanswered(&self) -> bool {
        match self {
            Error::TimedOut { call, .. } | Error::Unreachable { call, what: Obstacle::Name(_), .. } => {
                call.contact() == Contact::First
            }
            _ => false,
        }
    }

    /// Whether what was asked for may have been done all the same: the registry didn't refuse it, and what it
    /// did isn't known.
    pub fn outcome_is_unknown(&self) -> bool {
        match self {
            Error::Server(_) | Error::TimedOut { .. } | Error::TooSlow { .. } => true,
            Error::Unreachable { what, .. } => *what == Obstacle::Broken,
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use reqwest::{Method, Url};

    use super::*;
    use crate::error::call::Call;
    use crate::error::refusal::Refusal;

    #[test]
    fn only_passing_failures_are_repeated() {
        let url = Url::parse("http://r.example/v2/").unwrap();
        for (status, again) in [
            (401, false),
            (403, false),
            (404, false),
            (408, true),
            (429, true),
            (500, true),
            (502, true),
            (503, true),
            (504, true),
            (501, false),
        ] {
            let refusal = Refusal::new(Call::new(&Method::GET, &url), status);
            assert_eq!(Error::refused(refusal).is_transient(), again, "{status}");
        }
    }
}
