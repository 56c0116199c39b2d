//! How many pulls a registry still allows: Docker Hub's `ratelimit-limit` and `ratelimit-remaining`, such as
//! `100;w=21600`.
//!
//! Each GET of a manifest counts there, a HEAD doesn't; both say how many are left. What a 429 means is in
//! `retry::too_many_requests`.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::Host;
use reqwest::header::HeaderMap;

use crate::error::duration::in_words;

/// The registry's limit of pulls, as it said last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PullLimit {
    /// Pulls that are allowed in a window.
    pub limit: u64,
    /// Pulls that are left in it.
    pub remaining: u64,
    /// How long a window is, where the registry says it.
    pub window: Option<Duration>,
}

/// The pull limits of all registries of a run.
#[derive(Default)]
pub(crate) struct PullLimits(Mutex<HashMap<Host, PullLimit>>);

impl PullLimit {
    /// The window in words, such as "6 h"; `None` where the registry doesn't say it.
    pub fn window_in_words(&self) -> Option<String> {
        self.window.map(in_words)
    }
}

impl PullLimits {
    /// Keeps what an answer of `host` says.
    pub(crate) fn learn(&self, host: &Host, headers: &HeaderMap) {
        if let Some(limit) = read(headers) {
            self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(host.clone(), limit);
        }
    }

    pub(crate) fn get(&self, host: &Host) -> Option<PullLimit> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(host).copied()
    }
}

fn read(headers: &HeaderMap) -> Option<PullLimit> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let (limit, window) = parse(text("ratelimit-limit")?)?;
    let (remaining, _) = parse(text("ratelimit-remaining")?)?;
    Some(PullLimit { limit, remaining, window })
}

/// `100;w=21600`: a count, and seconds.
fn parse(text: &str) -> Option<(u64, Option<Duration>)> {
    let mut parts = text.split(';').map(str::trim);
    let count = parts.next()?.parse().ok()?;
    let window = parts.find_map(|part| part.strip_prefix("w=")?.parse().ok());
    Some((count, window.map(Duration::from_secs)))
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
}
