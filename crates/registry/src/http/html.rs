//! Web pages in the place of content.

/// Whether a body is a web page, by its media type or by how it begins.
pub(crate) fn is_html(content_type: Option<&str>, body: &[u8]) -> bool {
    let by_type = content_type.is_some_and(|media_type| {
        let media_type = media_type.split(';').next().unwrap_or_default().trim();
        media_type.eq_ignore_ascii_case("text/html")
            || media_type.eq_ignore_ascii_case("application/xhtml+xml")
    });
    let start = body.trim_ascii_start();
    let starts_with =
        |tag: &str| start.get(..tag.len()).is_some_and(|s| s.eq_ignore_ascii_case(tag.as_bytes()));
    by_type || starts_with("<!doctype html") || starts_with("<html")
}
