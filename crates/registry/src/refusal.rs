//! A registry's refusal in its own words: status, the specification's `errors[]`, and what the body looked
//! like otherwise.
//!
//! OCI distribution-spec 1.1, "Error Codes". Bodies are read up to 64 KiB; 4 KiB of them reach a message.

use std::collections::VecDeque;
use std::fmt;
use std::time::Duration;

use airlift_oci::Digest;
use reqwest::StatusCode;
use serde::Deserialize;
use serde_json::Value;

use crate::call::{Call, Effort};
use crate::quota::span;

/// The most of an error's body that is read.
pub(crate) const MAX_BODY: u64 = 64 * 1024;
/// The most of it that a message shows.
const MAX_SHOWN: usize = 4 * 1024;
/// The most of it that is shown where it is not the specification's JSON.
const MAX_PROSE: usize = 300;

/// What stands in the place of a secret.
const REDACTED: &str = "<redacted>";
/// Shorter secrets would be found in every word.
const SHORTEST_SECRET: usize = 4;
/// The codes that say what is missing.
const MISSING: [&str; 3] = ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"];

/// One entry of the specification's `errors[]`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegistryError {
    /// The code, such as `MANIFEST_BLOB_UNKNOWN`.
    pub code: String,
    /// The message, as it came.
    pub message: String,
    /// The detail, as it came; its shape is the registry's own.
    pub detail: Option<Value>,
}

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
    pub(crate) fn tell(mut self, content_type: Option<&str>, body: &[u8]) -> Self {
        self.errors = parse(body);
        if self.errors.is_empty() {
            self.body = prose(content_type, body);
        }
        self
    }

    /// Takes out of the registry's words what it repeats of the secrets that were sent to it: debugging
    /// proxies print whole requests.
    pub(crate) fn without(mut self, secrets: &[String]) -> Self {
        for secret in secrets.iter().filter(|secret| secret.len() >= SHORTEST_SECRET) {
            let clean = |text: &mut String| {
                if text.contains(secret) {
                    *text = text.replace(secret, REDACTED);
                }
            };
            if let Some(Body::Text(text)) = &mut self.body {
                clean(text);
            }
            self.challenge.as_mut().map(clean);
            for error in &mut self.errors {
                clean(&mut error.code);
                clean(&mut error.message);
                // In an object there may be more than texts: names, and forms that only JSON has.
                match &mut error.detail {
                    Some(Value::String(text)) => clean(text),
                    Some(detail) if holds(detail, secret) => *detail = Value::String(REDACTED.to_owned()),
                    _ => {}
                }
            }
        }
        self
    }

    /// The content that a refused manifest names and the registry says that it lacks, each once, in the
    /// registry's order.
    ///
    /// Read from what errors of the kind `MANIFEST_BLOB_UNKNOWN` carry: their detail, in whatever shape, or
    /// else their message. Empty where the registry doesn't tell. It is the registry's claim: whoever acts on
    /// it looks for the digests in what was pushed.
    pub fn missing_digests(&self) -> Vec<Digest> {
        let mut found = Vec::new();
        let mut keep = |digest: Digest| {
            if !found.contains(&digest) {
                found.push(digest);
            }
        };
        for error in self.errors.iter().filter(|error| MISSING.contains(&error.code.as_str())) {
            let mut in_detail = false;
            // A list in place of recursion: what is in it is the registry's choice.
            let mut values: VecDeque<&Value> = error.detail.iter().collect();
            while let Some(value) = values.pop_front() {
                match value {
                    Value::String(text) => {
                        for digest in digests(text) {
                            in_detail = true;
                            keep(digest);
                        }
                    }
                    Value::Array(entries) => values.extend(entries),
                    Value::Object(members) => values.extend(members.values()),
                    _ => {}
                }
            }
            if !in_detail {
                digests(&error.message).for_each(&mut keep);
            }
        }
        found
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
            write!(f, "; come back in {}", span(after))?;
        }
        Ok(())
    }
}

impl fmt::Display for RegistryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.code.escape_debug())?;
        if !self.message.is_empty() {
            write!(f, ": {}", self.message.escape_debug())?;
        }
        match &self.detail {
            None | Some(Value::Null) => Ok(()),
            Some(Value::String(text)) => write!(f, " ({})", text.escape_debug()),
            // JSON keeps control characters escaped, but not those beyond ASCII.
            Some(detail) => {
                write!(f, " (")?;
                for c in detail.to_string().chars() {
                    if c == '"' { f.write_str("\"")? } else { write!(f, "{}", c.escape_debug())? }
                }
                write!(f, ")")
            }
        }
    }
}

#[derive(Deserialize)]
struct Envelope {
    errors: Vec<Entry>,
}

#[derive(Deserialize)]
struct Entry {
    code: Option<Value>,
    message: Option<Value>,
    detail: Option<Value>,
}

fn parse(body: &[u8]) -> Vec<RegistryError> {
    let text = |value: Option<Value>| match value {
        None | Some(Value::Null) => String::new(),
        Some(Value::String(text)) => text,
        Some(other) => other.to_string(),
    };
    let Ok(envelope) = serde_json::from_slice::<Envelope>(body) else {
        return Vec::new();
    };
    let tell = |entry: Entry| RegistryError {
        code: text(entry.code),
        message: text(entry.message),
        detail: entry.detail,
    };
    envelope.errors.into_iter().map(tell).collect()
}

/// Whether a name or text somewhere in `value` has `secret` in it.
fn holds(value: &Value, secret: &str) -> bool {
    let mut values = vec![value];
    while let Some(value) = values.pop() {
        match value {
            Value::String(text) if text.contains(secret) => return true,
            Value::Array(entries) => values.extend(entries),
            Value::Object(members) if members.keys().any(|name| name.contains(secret)) => return true,
            Value::Object(members) => values.extend(members.values()),
            _ => {}
        }
    }
    false
}

/// The digests among the words of `text`.
fn digests(text: &str) -> impl Iterator<Item = Digest> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':';
    text.split(move |c| !is_part(c)).filter_map(|word| word.trim_matches(':').parse().ok())
}

fn prose(content_type: Option<&str>, body: &[u8]) -> Option<Body> {
    if is_html(content_type, body) {
        return Some(Body::Html);
    }
    let text = String::from_utf8_lossy(body);
    let text = text.trim();
    (!text.is_empty()).then(|| Body::Text(text.to_owned()))
}

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

fn shortened(text: &str, most: usize) -> &str {
    let mut end = most.min(text.len());
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    &text[..end]
}

#[cfg(test)]
mod tests {
    use reqwest::{Method, Url};

    use super::*;

    fn told(body: &[u8]) -> Refusal {
        let url = Url::parse("http://r.example/v2/a/manifests/1?token=s3cret").unwrap();
        Refusal::new(Call::new(&Method::PUT, &url), 400).tell(Some("application/json"), body)
    }

    #[test]
    fn tells_the_registrys_own_words() {
        let refusal = told(
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
            told(b" <!DOCTYPE html><title>Sign in</title>").to_string().ends_with("a proxy or login page?")
        );
        let long = told("é".repeat(5000).as_bytes()).to_string();
        assert!(long.len() < 600, "{}", long.len());
        assert_eq!(told(b"").body, None);
    }

    #[test]
    fn secrets_that_are_repeated_are_taken_out() {
        let secrets = ["p4ss\"word".to_owned(), "abc".to_owned()];
        for body in [
            r#"you sent p4ss"word, abc"#,
            r#"{"errors":[{"code":"p4ss\u0022word","message":"p4ss\"word","detail":"x p4ss\"word"}]}"#,
            r#"{"errors":[{"code":"X","detail":{"headers":[{"p4ss\"word":1}]}}]}"#,
            r#"{"errors":[{"code":"X","detail":{"headers":["Basic p4ss\u0022word"]}}]}"#,
        ] {
            let refusal = told(body.as_bytes()).without(&secrets);
            assert!(!format!("{refusal} {refusal:?}").contains("p4ss"), "{refusal:?}");
            assert!(refusal.to_string().contains(REDACTED), "{refusal}");
        }
        assert!(told(b"abc").without(&secrets).to_string().ends_with("abc"), "too short to be taken out");
    }

    #[test]
    fn finds_what_the_registry_says_is_missing() {
        let (a, b) = (Digest::sha256(b"a"), Digest::sha256(b"b"));
        let entry = |code: &str, message: &str, detail: String| {
            format!(r#"{{"code":"{code}","message":"{message}","detail":{detail}}}"#)
        };
        let missing = |entries: &[String]| {
            told(format!(r#"{{"errors":[{}]}}"#, entries.join(",")).as_bytes()).missing_digests()
        };
        let unknown = "MANIFEST_BLOB_UNKNOWN";
        // Distribution: one entry each. Others: an object, a list.
        let each = [
            entry(unknown, "blob unknown to registry", format!(r#""{a}""#)),
            entry(unknown, "blob unknown to registry", format!(r#""{b}""#)),
            entry(unknown, "blob unknown to registry", format!(r#""{a}""#)),
        ];
        assert_eq!(missing(&each), [a, b]);
        assert_eq!(missing(&[entry(unknown, "", format!(r#"{{"digest":"{b}"}}"#))]), [b]);
        assert_eq!(missing(&[entry("BLOB_UNKNOWN", "", format!(r#"[{{"x":["{b}"]}},"{a}"]"#))]), [a, b]);
        // In the message, as ECR and crane have it.
        let message = format!("Images with digests '[{a}, {b}]' required for pushing image into repository");
        assert_eq!(missing(&[entry(unknown, &message, "null".to_owned())]), [a, b]);
        let message = format!("Sub-manifest {a} not found");
        assert_eq!(missing(&[entry("MANIFEST_UNKNOWN", &message, "{}".to_owned())]), [a]);
        // Zot names the index itself, under another code.
        assert!(missing(&[entry("MANIFEST_INVALID", "", format!(r#"{{"digest":"{a}"}}"#))]).is_empty());
        assert!(
            missing(&[entry(unknown, "sha256:00", r#"{"digest":7,"x":"sha256:zz"}"#.to_owned())]).is_empty()
        );
    }

    #[test]
    fn bounds_what_it_shows() {
        let body = format!(r#"{{"errors":[{{"code":"X","message":"{}"}}]}}"#, "y".repeat(50_000));
        assert!(told(body.as_bytes()).to_string().len() < MAX_SHOWN + 200);
    }
}
