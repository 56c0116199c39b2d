//! Which failures are worth another attempt, and which leave open what the registry did.

use reqwest::StatusCode;

use crate::error::call::Contact;
use crate::error::content::ContentFault;
use crate::error::{Error, Obstacle};

impl Error {
    /// Whether the same request may well succeed a little later.
    pub fn is_passing(&self) -> bool {
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
    pub(crate) fn is_silence(&self) -> bool {
        match self {
            Error::TimedOut { call, .. } | Error::Unreachable { call, what: Obstacle::Name(_), .. } => {
                call.contact() == Contact::First
            }
            _ => false,
        }
    }

    /// Whether what was asked for may have been done all the same: the registry didn't refuse it, and what it
    /// did isn't known.
    pub(crate) fn leaves_doubt(&self) -> bool {
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
            assert_eq!(Error::refused(refusal).is_passing(), again, "{status}");
        }
    }
}
