//! How much of an upload a registry says that it has: the `Range` of its responses.

use reqwest::StatusCode;

use crate::http::response::Response;

/// How much of the blob the registry has after a piece from `start` to `end`, as its answer says. `None`: it
/// says something else, or nothing where it should.
pub(super) fn reached(response: &Response, start: u64, end: u64) -> Option<u64> {
    let Some(range) = response.header("range") else {
        // By 202 it says that it goes on behind the piece. Other answers mean many things.
        return (response.status() == StatusCode::ACCEPTED).then_some(end);
    };
    match range_of(range)? {
        // One registry counts where others name the last byte; some name the piece alone.
        (first, reached) if first == 0 || first == start => match reached {
            reached if reached == end || reached == end + 1 => Some(end),
            reached if reached > start && reached < end => Some(reached),
            _ => None,
        },
        _ => None,
    }
}

/// First and end of `0-N`, `bytes=0-N` or `bytes 0-N/SIZE`: the end is behind the last byte.
pub(super) fn range_of(range: &str) -> Option<(u64, u64)> {
    let range = range.trim();
    let range = match range.get(..5) {
        Some(unit) if unit.eq_ignore_ascii_case("bytes") => range[5..].trim_start_matches([' ', '=']),
        _ => range,
    };
    let (range, _) = range.split_once('/').unwrap_or((range, ""));
    let (first, last) = range.split_once('-')?;
    let number = |text: &str| {
        let text = text.trim();
        text.parse::<u64>().ok().filter(|_| text.bytes().all(|byte| byte.is_ascii_digit()))
    };
    Some((number(first)?, number(last)?.checked_add(1)?))
}

#[cfg(test)]
mod tests {
    use super::range_of;

    #[test]
    fn reads_how_far_an_upload_is() {
        for (range, expected) in [
            ("0-99", Some((0, 100))),
            ("bytes=0-99", Some((0, 100))),
            ("Bytes 0-99", Some((0, 100))),
            ("bytes 0-99/200", Some((0, 100))),
            ("0-99/*", Some((0, 100))),
            (" 0 - 0 ", Some((0, 1))),
            ("1-99", Some((1, 100))),
            ("0-", None),
            ("0--1", None),
            ("0-+1", None),
            ("0-18446744073709551615", None),
            ("99", None),
            ("bytes", None),
            ("é0-9", None),
            ("", None),
        ] {
            assert_eq!(range_of(range), expected, "{range:?}");
        }
    }
}
