//! Times as messages show them.

use std::time::Duration;

/// A time in words, rounded up, so that no one comes back too early.
pub(crate) fn in_words(time: Duration) -> String {
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
            assert_eq!(in_words(Duration::from_secs(seconds)), text, "{seconds}");
        }
        assert_eq!(in_words(Duration::from_millis(1)), "1 s");
    }
}
