//! Whether what comes is the part of the blob that is missing.

use airlift_oci::text::bounded;

use crate::error::Error;
use crate::error::content::ContentFault;
use crate::http::response::Response;

/// What is announced must be what is missing.
pub(super) fn check_length(response: &Response, size: u64, missing: u64) -> Result<(), Error> {
    let Some(actual) = response.length().filter(|actual| *actual != missing) else { return Ok(()) };
    if response.is_html() {
        return Err(Error::content(&response.call, ContentFault::Html));
    }
    let (expected, actual) = (size, size - missing + actual.min(u64::MAX / 2));
    Err(explained(Error::content(&response.call, ContentFault::Size { expected, actual }), response))
}

/// A part must begin where ours ends, go to the blob's end, and be part of a blob of this size.
pub(super) fn check_range(response: &Response, size: u64, start: u64) -> Result<(), Error> {
    let got = response.header("content-range").unwrap_or_default();
    let bare = got.trim().to_ascii_lowercase();
    let bare = bare.strip_prefix("bytes").unwrap_or_default().trim_start_matches([' ', '=']);
    let wanted = |total: &str| format!("{start}-{}/{total}", size.saturating_sub(1));
    if bare == wanted(&size.to_string()) || bare == wanted("*") {
        return Ok(());
    }
    Err(Error::content(&response.call, ContentFault::Range { start, got: bounded(got) }))
}

/// A fault of an response's content, with the encoding that may be its cause.
pub(super) fn explained(error: Error, response: &Response) -> Error {
    let encoding = response.encoding();
    match (&error, encoding) {
        // It ended as it should: it was packed on the way, and comes packed each time.
        (Error::Content { fault, .. }, Some(encoding))
            if matches!(**fault, ContentFault::Short { .. }) && response.is_chunked() =>
        {
            Error::content(&response.call, ContentFault::Encoding(encoding))
        }
        (_, encoding) => error.encoded(encoding),
    }
}
