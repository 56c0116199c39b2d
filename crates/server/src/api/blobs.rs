//! `/v2/NAME/blobs/DIGEST`: whole or in part.

use std::sync::Arc;

use airlift_oci::Digest;
use axum::body::Body;
use axum::http::header::{self, HeaderMap};
use axum::http::{Method, StatusCode};

use crate::blocking::blocking;
use crate::body::outgoing;
use crate::failure::{Code, Failure};
use crate::names::Repository;
use crate::request::RequestHead;
use crate::response::{CONTENT_DIGEST, Response, empty, set};
use crate::storage::{ContentStore, Folder};

/// GET and HEAD.
pub(crate) async fn get(
    content: &Arc<dyn ContentStore>,
    head: &RequestHead<'_>,
    repository: Repository,
    digest: Digest,
) -> Result<Response, Failure> {
    let content = Arc::clone(content);
    let found = blocking(move || content.blob(&repository, &digest)).await??;
    let blob = found.ok_or_else(|| unknown(&digest))?;
    let etag = format!("\"{digest}\"");
    let range = match head.method {
        &Method::GET => wanted_range(head.headers, blob.size, &etag),
        _ => WantedRange::Whole,
    };
    let mut response = Response::new(Body::empty());
    let sent = match range {
        WantedRange::Whole => 0..blob.size,
        WantedRange::Bytes { first, last } => {
            *response.status_mut() = StatusCode::PARTIAL_CONTENT;
            set(&mut response, header::CONTENT_RANGE, format!("bytes {first}-{last}/{}", blob.size));
            first..last + 1
        }
        WantedRange::Outside => return Err(outside(blob.size)),
    };
    set(&mut response, header::CONTENT_LENGTH, sent.end - sent.start);
    set(&mut response, header::CONTENT_TYPE, "application/octet-stream");
    set(&mut response, header::ACCEPT_RANGES, "bytes");
    set(&mut response, header::ETAG, etag);
    set(&mut response, CONTENT_DIGEST, digest.to_string());
    if head.method == Method::GET {
        *response.body_mut() = outgoing(blob, digest, sent);
    }
    Ok(response)
}

/// DELETE.
pub(crate) fn delete(folder: &Folder, repository: &Repository, digest: &Digest) -> Result<Response, Failure> {
    if folder.remove_blob(repository, digest) {
        Ok(empty(StatusCode::ACCEPTED))
    } else {
        Err(unknown(digest))
    }
}

fn unknown(digest: &Digest) -> Failure {
    Failure::new(Code::BlobUnknown, format!("no blob {digest} in this repository"))
}

fn outside(size: u64) -> Failure {
    Failure::new(Code::RangeInvalid, format!("the range lies outside the blob's {size} bytes"))
        .header(header::CONTENT_RANGE, format!("bytes */{size}"))
}

/// Which bytes of a blob a request wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WantedRange {
    Whole,
    /// Both ends are in.
    Bytes {
        first: u64,
        last: u64,
    },
    Outside,
}

/// RFC 9110, section 14.2: what is not understood, or several ranges, means the whole.
fn wanted_range(headers: &HeaderMap, size: u64, etag: &str) -> WantedRange {
    let mut ranges = headers.get_all(header::RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else {
        return WantedRange::Whole;
    };
    if headers.get(header::IF_RANGE).is_some_and(|value| value != etag) {
        return WantedRange::Whole;
    }
    range.to_str().ok().and_then(|range| parse_range(range, size)).unwrap_or(WantedRange::Whole)
}

fn parse_range(range: &str, size: u64) -> Option<WantedRange> {
    let (unit, spec) = range.split_once('=')?;
    let (first, last) = spec.trim().split_once('-')?;
    if !unit.eq_ignore_ascii_case("bytes") {
        return None;
    }
    if first.is_empty() {
        let length = number(last)?.min(size);
        return Some(if length == 0 {
            WantedRange::Outside
        } else {
            WantedRange::Bytes { first: size - length, last: size - 1 }
        });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first >= size {
        WantedRange::Outside
    } else {
        WantedRange::Bytes { first, last: last.min(size - 1) }
    })
}

/// Digits only: `parse` alone would take a sign.
fn number(text: &str) -> Option<u64> {
    let is_number = !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit());
    is_number.then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_follow_the_rfc() {
        let bytes = |first, last| Some(WantedRange::Bytes { first, last });
        let cases = [
            ("bytes=0-9", bytes(0, 9)),
            ("bytes=5-", bytes(5, 9)),
            ("bytes=-3", bytes(7, 9)),
            ("bytes=-99", bytes(0, 9)),
            ("bytes=9-99999999999999999999999", bytes(9, 9)),
            ("Bytes=0-0", bytes(0, 0)),
            ("bytes=10-", Some(WantedRange::Outside)),
            ("bytes=10-11", Some(WantedRange::Outside)),
            ("bytes=-0", Some(WantedRange::Outside)),
            ("bytes=5-4", None),
            ("bytes=0-1,3-4", None),
            ("bytes=+1-2", None),
            ("bytes=-", None),
            ("bytes=a-b", None),
            ("items=0-1", None),
            ("bytes", None),
        ];
        for (range, wanted) in cases {
            assert_eq!(parse_range(range, 10), wanted, "{range}");
        }
        assert_eq!(parse_range("bytes=0-0", 0), Some(WantedRange::Outside));
        assert_eq!(parse_range("bytes=-1", 0), Some(WantedRange::Outside));
    }
}
