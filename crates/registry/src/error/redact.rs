//! Taking out the secrets that a registry or proxy repeats in its answer.

use serde_json::Value;

use crate::error::refusal::{Body, Refusal};

/// What stands in the place of a secret.
const REDACTED: &str = "<redacted>";
/// Shorter secrets would be found in every word.
const SHORTEST_SECRET: usize = 4;

impl Refusal {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::refusal::refusal_of;

    #[test]
    fn secrets_that_are_repeated_are_taken_out() {
        let secrets = ["p4ss\"word".to_owned(), "abc".to_owned()];
        for body in [
            r#"you sent p4ss"word, abc"#,
            r#"{"errors":[{"code":"p4ss\u0022word","message":"p4ss\"word","detail":"x p4ss\"word"}]}"#,
            r#"{"errors":[{"code":"X","detail":{"headers":[{"p4ss\"word":1}]}}]}"#,
            r#"{"errors":[{"code":"X","detail":{"headers":["Basic p4ss\u0022word"]}}]}"#,
        ] {
            let refusal = refusal_of(body.as_bytes()).without(&secrets);
            assert!(!format!("{refusal} {refusal:?}").contains("p4ss"), "{refusal:?}");
            assert!(refusal.to_string().contains(REDACTED), "{refusal}");
        }
        assert!(
            refusal_of(b"abc").without(&secrets).to_string().ends_with("abc"),
            "too short to be taken out"
        );
    }
}
