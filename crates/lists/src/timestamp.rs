//! Times in locks and receipts: RFC 3339 in UTC, with seconds and nothing finer.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// The last second of the year 9999: later times have no RFC 3339 text.
const LAST: u64 = 253_402_300_799;
const SECONDS_OF_A_DAY: u64 = 86_400;

/// A second in UTC, from 1970 to 9999: `2026-05-04T10:00:00Z`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Seconds since 1970.
    seconds: u64,
}

/// Why a text is not a time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("'{}' is not a time in UTC such as 2026-05-04T10:00:00Z", .0.escape_debug())]
pub struct TimestampError(String);

impl Timestamp {
    /// The time so many seconds after 1970; `None` beyond the year 9999.
    pub fn from_unix(seconds: u64) -> Option<Self> {
        (seconds <= LAST).then_some(Timestamp { seconds })
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = date_of(self.seconds / SECONDS_OF_A_DAY);
        let rest = self.seconds % SECONDS_OF_A_DAY;
        let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, TimestampError> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let seconds = || {
            let days = days_until(number(0, 4)?, number(5, 7)?, number(8, 10)?)?;
            let of_day = number(11, 13)? * 3600 + number(14, 16)? * 60 + number(17, 19)?;
            Some(days * SECONDS_OF_A_DAY + of_day)
        };
        // What doesn't come back as it was written has another form, or a 30th of February.
        seconds()
            .and_then(Timestamp::from_unix)
            .filter(|time| time.to_string() == text)
            .ok_or_else(|| TimestampError(airlift_oci::text::bounded(text)))
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl JsonSchema for Timestamp {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "A time in UTC: `2026-05-04T10:00:00Z`.",
            "type": "string",
            "pattern": "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$",
        })
    }
}

/// Year, month and day, of a count of days since 1970. Years begin in March here, so that a leap day is the
/// last day of a year.
fn date_of(days: u64) -> (u64, u64, u64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days / 146_097, days % 146_097);
    let year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + u64::from(month <= 2);
    (year, month, day_of_year - (153 * from_march + 2) / 5 + 1)
}

/// Days since 1970 until a date; `None` for dates before, and for months and days that there are not.
fn days_until(year: u64, month: u64, day: u64) -> Option<u64> {
    if year < 1970 || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    let year = if month <= 2 { year - 1 } else { year };
    let from_march = if month > 2 { month - 3 } else { month + 9 };
    let (era, year_of_era) = (year / 400, year % 400);
    let day_of_year = (153 * from_march + 2) / 5 + day - 1;
    let day_of_era = year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    (era * 146_097 + day_of_era).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seconds_have_a_text_and_texts_seconds() {
        for (seconds, text) in [
            (0, "1970-01-01T00:00:00Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (951_868_800, "2000-03-01T00:00:00Z"),
            (1_777_888_800, "2026-05-04T10:00:00Z"),
            (4_107_542_400, "2100-03-01T00:00:00Z"),
            (LAST, "9999-12-31T23:59:59Z"),
        ] {
            let time = Timestamp::from_unix(seconds).unwrap();
            assert_eq!(time.to_string(), text);
            assert_eq!(text.parse::<Timestamp>().unwrap(), time);
        }
        assert_eq!(Timestamp::from_unix(LAST + 1), None);
        for day in (0..LAST).step_by(86_400 * 97 + 4001) {
            let time = Timestamp::from_unix(day).unwrap();
            assert_eq!(time.to_string().parse::<Timestamp>().unwrap(), time);
        }
    }

    #[test]
    fn other_forms_are_refused() {
        for text in [
            "",
            "2026-05-04",
            "2026-05-04T10:00:00",
            "2026-05-04t10:00:00z",
            "2026-05-04 10:00:00Z",
            "2026-05-04T10:00:00+00:00",
            "2026-05-04T10:00:00.5Z",
            "2026-02-30T10:00:00Z",
            "2100-02-29T10:00:00Z",
            "2026-13-01T10:00:00Z",
            "2026-05-04T24:00:00Z",
            "2026-05-04T10:00:60Z",
            "1969-12-31T23:59:59Z",
            "+026-05-04T10:00:00Z",
            "2026-05-04T10:00:00Z ",
            "２026-05-04T10:00:00Z",
        ] {
            assert!(text.parse::<Timestamp>().is_err(), "{text}");
        }
    }
}
