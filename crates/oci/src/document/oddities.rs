//! Oddities of a manifest's form. They don't change what the manifest leads to, but other tools may refuse
//! it.

use std::cell::Cell;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};

use super::strict::parse_with;

/// The oddities of JSON that was read as a [`Document`].
///
/// [`Document`]: super::Document
pub fn oddities(bytes: &[u8]) -> Vec<String> {
    let mut odd = Vec::new();
    let version = Cell::new(None);
    let has_other_values = parse_with(bytes, Look::Document(&version));
    if let (Ok(_), Some(version)) = (&has_other_values, version.get())
        && version != 2
    {
        odd.push(format!("its schemaVersion is {version}, not 2"));
    }
    if has_other_values.is_ok_and(|has| has) {
        odd.push("it has annotations whose values are no strings".to_owned());
    }
    odd
}

/// A place in a document. Reading it finds out whether there are annotations in it that are no strings.
#[derive(Clone, Copy)]
enum Look<'a> {
    /// An index or manifest. Its `schemaVersion` is kept.
    Document(&'a Cell<Option<u64>>),
    /// A descriptor, or a list of them.
    Descriptor,
    /// `annotations`.
    Annotations,
    /// The value of an annotation.
    Value,
}

impl<'de> DeserializeSeed<'de> for Look<'_> {
    type Value = bool;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<bool, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Look<'_> {
    type Value = bool;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, _: &str) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_bool<E>(self, _: bool) -> Result<bool, E> {
        Ok(matches!(self, Look::Value))
    }

    fn visit_i64<E>(self, _: i64) -> Result<bool, E> {
        Ok(matches!(self, Look::Value))
    }

    fn visit_u64<E>(self, _: u64) -> Result<bool, E> {
        Ok(matches!(self, Look::Value))
    }

    fn visit_f64<E>(self, _: f64) -> Result<bool, E> {
        Ok(matches!(self, Look::Value))
    }

    /// `null` reads as an empty string in the decoders that other tools use.
    fn visit_unit<E>(self) -> Result<bool, E> {
        Ok(false)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<bool, A::Error> {
        let mut has = matches!(self, Look::Value);
        while let Some(one) = seq.next_element_seed(self)? {
            has |= one;
        }
        Ok(has)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<bool, A::Error> {
        let mut has = matches!(self, Look::Value);
        while let Some(name) = map.next_key::<String>()? {
            has |= match (self, name.as_str()) {
                (Look::Annotations, _) => map.next_value_seed(Look::Value)?,
                (Look::Document(_) | Look::Descriptor, "annotations") => {
                    map.next_value_seed(Look::Annotations)?
                }
                (Look::Document(version), "schemaVersion") => {
                    version.set(map.next_value()?);
                    false
                }
                (
                    Look::Document(_) | Look::Descriptor,
                    "manifests" | "config" | "layers" | "blobs" | "subject",
                ) => map.next_value_seed(Look::Descriptor)?,
                _ => map.next_value::<IgnoredAny>().map(|_| false)?,
            };
        }
        Ok(has)
    }
}

#[cfg(test)]
mod tests {
    use super::oddities;

    #[test]
    fn versions_and_annotations_are_looked_at() {
        for fine in [
            r#"{}"#,
            r#"{"schemaVersion":2,"annotations":{"a":"b","c":null}}"#,
            r#"{"annotations":null,"other":{"annotations":{"a":1}},"layers":null}"#,
        ] {
            assert_eq!(oddities(fine.as_bytes()), [""; 0], "{fine}");
        }
        assert_eq!(oddities(br#"{"schemaVersion":3}"#), ["its schemaVersion is 3, not 2"]);
        assert_eq!(oddities(br#"{"schemaVersion":null,"config":{"schemaVersion":"3"}}"#), [""; 0]);
        let digest = format!("sha256:{}", "0".repeat(64));
        for value in ["1", "-1", "1.5", "true", "[]", "{}", r#"["a"]"#, r#"{"a":"b"}"#] {
            for text in [
                format!(r#"{{"annotations":{{"a":"b","c":{value}}}}}"#),
                format!(r#"{{"layers":[{{"digest":"{digest}","size":1,"annotations":{{"c":{value}}}}}]}}"#),
                format!(r#"{{"config":{{"digest":"{digest}","size":1,"annotations":{{"c":{value}}}}}}}"#),
            ] {
                assert_eq!(oddities(text.as_bytes()).len(), 1, "{text}");
            }
        }
    }
}
