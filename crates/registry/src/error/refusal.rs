//! A registry's refusal in its own words: status, the specification's `errors[]`, and what the body looked
//! like otherwise.
//!
//! OCI distribution-spec 1.1, "Error Codes". Bodies are read up to 64 KiB; 4 KiB of them reach a message.

use std::fmt;
use std::time::Duration;

use reqwest::StatusCode;

use crate::error::call::{Call, Effort};
use crate::error::duration::in_words;
use crate::error::registry_error::{self, RegistryError};
use crate::http::html::is_html;

/// The most of an error's body that is read.
pub(crate) const MAX_BODY: u64 = 64 * 1024;
/// The most of it that a message shows.
const MAX_SHOWN: usize = 4 * 1024;
/// The most of it that is shown where it is not the specification's JSON.
const MAX_PROSE: usize = 300;

/// A status of 4xx or 5xx and everything that came with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// The request.
    pub call: Call,
    /// The status.
    pub status: u16,
    /// The specification's errors, verbatim. Empty where the body was something else.
    pub errors: Vec<RegistryError>,
    /// What the body was, where it wasn't the specification's JSON.
    pub body: Option<Body>,
    /// When the registry wants to be asked again.
    pub retry_after: Option<Duration>,
    /// How the registry wants a login, where that is none that we can make: `WWW-Authenticate`, as it came.
    pub challenge: Option<String>,
    /// What we know beside it: which credentials were used, or where they were looked for.
    pub note: Option<String>,
    /// Whether a limit is used up that the registry counts by the hour: asking again soon can't help.
    pub exhausted: bool,
    /// How often, and for how long, it was tried.
    pub effort: Effort,
}

/// A body that isn't the specification's JSON.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Body {
    /// A web page.
    Html,
    /// Text; a message shows its beginning.
    Text(String),
}

impl Refusal {
    pub(crate) fn new(call: Call, status: u16) -> Self {
        Refusal {
            call,
            status,
            errors: Vec::new(),
            body: None,
            retry_after: None,
            challenge: None,
            note: None,
            exhausted: false,
            effort: Effort::ONCE,
        }
    }

    /// Reads the registry's words out of `body`.
    pub(crate) fn with_body(mut self, content_type: Option<&str>, body: &[u8]) -> Self {
        self.errors = registry_error::parse(body);
        if self.errors.is_empty() {
            self.body = prose(content_type, body);
        }
        self
    }

    /// Whether one of the errors has `code`.
    pub fn has(&self, code: &str) -> bool {
        self.errors.iter().any(|error| error.code == code)
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: status {}", self.call, self.status)?;
        if let Some(reason) =
            StatusCode::from_u16(self.status).ok().and_then(|status| status.canonical_reason())
        {
            write!(f, " {reason}")?;
        }
        let mut said = String::new();
        for error in &self.errors {
            said.push_str(if said.is_empty() { ": " } else { "; " });
            said.push_str(&error.to_string());
        }
        f.write_str(shortened(&said, MAX_SHOWN))?;
        if said.len() > MAX_SHOWN {
            f.write_str("…")?;
        }
        match &self.body {
            Some(Body::Html) => f.write_str(": an HTML page: a proxy or login page?")?,
            Some(Body::Text(text)) => write!(f, ": {}", shortened(text, MAX_PROSE).escape_debug())?,
            None => {}
        }
        write!(f, "{}", self.effort)?;
        if let Some(challenge) = &self.challenge {
            let challenge = challenge.escape_debug();
            write!(f, "; it asks for a login that can't be made: WWW-Authenticate is '{challenge}'")?;
        }
        if let Some(note) = &self.note {
            write!(f, "; {note}")?;
        }
        if let Some(after) = self.retry_after.filter(|after| !after.is_zero()) {
            write!(f, "; come back in {}", in_words(after))?;
        }
        Ok(())
    }
}

fn prose(content_type: Option<&str>, body: &[u8]) -> Option<Body> {
    if is_html(content_type, body) {
        return Some(Body::Html);
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    (!text.is_empty()).then(|| Body::Text(text.to_owned()))
}

fn shortened(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

/// The refusal with `body` of a PUT to a URL with a secret in it.
#[cfg(test)]
pub(crate) fn refusal_of(body: &[u8]) -> Refusal {
    let url = reqwest::Url::parse("http://r.example/v2/a/manifests/1?token=s3cret").unwrap();
    Refusal::new(Call::new(&reqwest::Method::PUT, &url), 400).with_body(Some("application/json"), body)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_the_registrys_own_words() {
        let refusal = refusal_of(
            br#"{"errors":[{"code":"MANIFEST_BLOB_UNKNOWN","message":"blob unknown","detail":{"digest":"sha256:00"}},{"code":"X","message":"a\u001b[31mb"}]}"#,
        );
        assert!(refusal.has("MANIFEST_BLOB_UNKNOWN"));
        assert_eq!(
            refusal.to_string(),
            "PUT http://r.example/v2/a/manifests/1?…: status 400 Bad Request: MANIFEST_BLOB_UNKNOWN: blob unknown \
             ({\"digest\":\"sha256:00\"}); X: a\\u{1b}[31mb"
        );
    }

    #[test]
    fn knows_a_web_page_and_shortens_prose() {
        assert!(
            refusal_of(b" <!DOCTYPE html><title>Sign in</title>")
                .to_string()
                .ends_with("a proxy or login page?")
        );
        let long = refusal_of("é".repeat(5000).as_bytes()).to_string();
        assert!(long.len() < 600, "{}", long.len());
        assert_eq!(refusal_of(b"").body, None);
    }

    #[test]
    fn bounds_what_it_shows() {
        let body = format!(r#"{{"errors":[{{"code":"X","message":"{}"}}]}}"#, "y".repeat(50_000));
        assert!(refusal_of(body.as_bytes()).to_string().len() < MAX_SHOWN + 200);
    }
}
