//! How many pulls a registry still allows: Docker Hub's `ratelimit-limit` and `ratelimit-remaining`, such as
//! `100;w=21600`.
//!
//! Each GET of a manifest counts there, a HEAD doesn't; both say how many are left.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::Host;
use reqwest::header::HeaderMap;

use crate::auth::session::Login;
use crate::refusal::Refusal;

/// What a registry said last of its limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RateLimit {
    /// Pulls that are allowed in a window.
    pub limit: u64,
    /// Pulls that are left in it.
    pub remaining: u64,
    /// How long a window is, where the registry tells.
    pub window: Option<Duration>,
}

/// The limits of all registries of a run.
#[derive(Default)]
pub(crate) struct Quotas(Mutex<HashMap<Host, RateLimit>>);

impl RateLimit {
    /// The window in words, such as "6 h"; `None` where the registry doesn't tell.
    pub fn window_in_words(&self) -> Option<String> {
        self.window.map(span)
    }
}

impl Quotas {
    /// Keeps what an answer of `host` says.
    pub(crate) fn learn(&self, host: &Host, headers: &HeaderMap) {
        if let Some(limit) = read(headers) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), limit);
        }
    }

    pub(crate) fn get(&self, host: &Host) -> Option<RateLimit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
    }
}

fn read(headers: &HeaderMap) -> Option<RateLimit> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (limit, window) = parse(text("ratelimit-limit")?)?;
    let (remaining, _) = parse(text("ratelimit-remaining")?)?;
    Some(RateLimit { limit, remaining, window })
}

/// `100;w=21600`: a count, and seconds.
fn parse(text: &str) -> Option<(u64, Option<Duration>)> {
    let mut parts = text.split(';').map(str::trim);
    let count = parts.next()?.parse().ok()?;
    let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok());
    Some((count, window.map(Duration::from_secs)))
}

/// Whether a 429 means that the pulls of the whole window are used up. Where the registry says when to come
/// back, that counts.
pub(crate) fn is_exhausted(refusal: &Refusal, limit: Option<RateLimit>) -> bool {
    refusal.retry_after.is_none() && limit.is_some_and(|limit| limit.remaining == 0)
}

/// What a 429 means, and when to come back.
pub(crate) fn told(refusal: &Refusal, limit: Option<RateLimit>, login: Option<&Login>) -> Option<String> {
    // With pulls left it is some other limit that was hit.
    let limit = limit.filter(|limit| limit.remaining == 0);
    if limit.is_none() && !refusal.has("TOOMANYREQUESTS") {
        return None;
    }
    let mut text = match limit {
        Some(RateLimit { limit, window: Some(window), .. }) => {
            format!("the registry's limit of {limit} pulls in {} is used up", span(window))
        }
        Some(RateLimit { limit, window: None, .. }) => {
            format!("the registry's limit of {limit} pulls is used up")
        }
        None => "the registry's limit of requests is used up".to_owned(),
    };
    match (refusal.retry_after, limit.and_then(|limit| limit.window)) {
        // When to come back is said of every refusal.
        (Some(_), _) => {}
        (None, Some(window)) => text.push_str(&format!(": come back within {}", span(window))),
        (None, None) => text.push_str(", and it doesn't say until when"),
    }
    if matches!(login, Some(Login::Anonymous { .. })) {
        text.push_str("; a login may be allowed more");
    }
    Some(text)
}

/// A time in words, rounded up: nobody comes back too early.
pub(crate) fn span(time: Duration) -> String {
    let seconds = time.as_secs().saturating_add(u64::from(time.subsec_nanos() > 0));
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7200 => format!("{} min", seconds.div_ceil(60)),
        _ if seconds.is_multiple_of(3600) => format!("{} h", seconds / 3600),
        _ => format!("{} h {} min", seconds.div_ceil(60) / 60, seconds.div_ceil(60) % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_dockers_headers() {
        let six_hours = Some(Duration::from_secs(21600));
        for (text, parsed) in [
            ("100;w=21600", Some((100, six_hours))),
            ("100; w=21600", Some((100, six_hours))),
            ("100;x=1;w=21600", Some((100, six_hours))),
            ("100", Some((100, None))),
            ("100;w=soon", Some((100, None))),
            ("", None),
            ("-1;w=1", None),
            ("many", None),
            ("99999999999999999999", None),
        ] {
            assert_eq!(parse(text), parsed, "{text:?}");
        }
    }

    #[test]
    fn times_in_words() {
        for (seconds, text) in [
            (0, "0 s"),
            (119, "119 s"),
            (121, "3 min"),
            (7199, "120 min"),
            (21600, "6 h"),
            (21601, "6 h 1 min"),
            (u64::MAX, "5124095576030431 h 1 min"),
        ] {
            assert_eq!(span(Duration::from_secs(seconds)), text, "{seconds}");
        }
        assert_eq!(span(Duration::from_millis(1)), "1 s");
    }
}
