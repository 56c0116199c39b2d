//! A request without its body.

use axum::http::{HeaderMap, Method};

/// The method, the headers and the part of the URL after the question mark, which, unlike the path, clients
/// do percent-encode.
pub(crate) struct RequestHead<'a> {
    pub(crate) method: &'a Method,
    pub(crate) headers: &'a HeaderMap,
    pub(crate) query: Option<&'a str>,
}

impl RequestHead<'_> {
    /// The value of a parameter in the query, decoded; the first one counts. `None` if it is absent or
    /// decodes to no text.
    pub(crate) fn parameter(&self, name: &str) -> Option<String> {
        value(self.query, name)
    }
}

/// A plus stays a plus: no value that a registry reads has spaces in it, and media types do have pluses.
fn value(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = query?.split('&').map(|pair| pair.split_once('=').unwrap_or((pair, "")));
    let mut values = pairs.filter(|(key, _)| *key == name).map(|(_, value)| value);
    decode(values.next()?)
}

fn decode(text: &str) -> Option<String> {
    let mut bytes = text.bytes();
    let mut decoded = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        if byte != b'%' {
            decoded.push(byte);
            continue;
        }
        let high = char::from(bytes.next()?).to_digit(16)?;
        let low = char::from(bytes.next()?).to_digit(16)?;
        decoded.push(u8::try_from(high << 4 | low).ok()?);
    }
    String::from_utf8(decoded).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn decodes_what_clients_encode() {
        let query = Some("digest=sha256%3Aab&from=a%2Fb&empty&type=x+json&digest=second");
        assert_eq!(value(query, "digest").as_deref(), Some("sha256:ab"));
        assert_eq!(value(query, "from").as_deref(), Some("a/b"));
        assert_eq!(value(query, "empty").as_deref(), Some(""));
        assert_eq!(value(query, "type").as_deref(), Some("x+json"));
        assert_eq!(value(query, "absent"), None);
        assert_eq!(value(None, "digest"), None);
        for broken in ["x=%", "x=%4", "x=%zz", "x=%ff"] {
            assert_eq!(value(Some(broken), "x"), None);
        }
    }
}
