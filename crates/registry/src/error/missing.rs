//! Which content a refused manifest names that the registry says it lacks.

use std::collections::VecDeque;

use airlift_oci::Digest;
use serde_json::Value;

use crate::error::refusal::Refusal;

/// The codes that say what is missing.
const MISSING: [&str; 3] = ["MANIFEST_BLOB_UNKNOWN", "MANIFEST_UNKNOWN", "BLOB_UNKNOWN"];

impl Refusal {
    /// The content that a refused manifest names and the registry says that it lacks, each once, in the
    /// registry's order.
    ///
    /// Read from what errors of the kind `MANIFEST_BLOB_UNKNOWN` carry: their detail, in whatever shape, or
    /// else their message. Empty where the registry names none. It is the registry's claim: a caller must
    /// look for the digests in what was pushed before it acts on them.
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
}

/// The digests among the words of `text`.
fn digests(text: &str) -> impl Iterator<Item = Digest> {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == ':';
    text.split(move |c| !is_part(c)).filter_map(|word| word.trim_matches(':').parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::refusal::refusal_of;

    #[test]
    fn finds_what_the_registry_says_is_missing() {
        let (a, b) = (Digest::sha256(b"a"), Digest::sha256(b"b"));
        let entry = |code: &str, message: &str, detail: String| {
            format!(r#"{{"code":"{code}","message":"{message}","detail":{detail}}}"#)
        };
        let missing = |entries: &[String]| {
            refusal_of(format!(r#"{{"errors":[{}]}}"#, entries.join(",")).as_bytes()).missing_digests()
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
}
