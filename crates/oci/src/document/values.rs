//! Values inside of descriptors and documents that are no objects with known members: annotations, lists of
//! texts, and values that may be null. None of them keeps more than Airlift uses, whatever the JSON has
//! there.

use std::collections::BTreeMap;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor};

/// Annotations: string to string. Values of other types are skipped.
#[derive(Clone, Copy)]
pub(super) enum AnnotationsSeed {
    /// All are kept.
    All,
    /// Those that Airlift acts upon: descriptors come by the hundred thousand, and can have as many
    /// annotations.
    Read,
}

/// The annotation keys that Airlift acts upon: for these a second value is an ambiguity.
const READ_ANNOTATIONS: [&str; 9] = [
    crate::annotations::REFERENCE_TYPE,
    crate::annotations::REFERENCE_DIGEST,
    crate::annotations::REF_NAME,
    crate::annotations::CONTAINERD_NAME,
    crate::annotations::PLATFORMS,
    crate::annotations::MANIFESTS,
    crate::annotations::SUBJECT,
    crate::annotations::EXTERNAL,
    crate::annotations::ABSENT,
];

impl<'de> DeserializeSeed<'de> for AnnotationsSeed {
    type Value = BTreeMap<String, String>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for AnnotationsSeed {
    type Value = BTreeMap<String, String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("annotations (a JSON object)")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut annotations = BTreeMap::new();
        let mut seen = [false; READ_ANNOTATIONS.len()];
        while let Some(name) = map.next_key::<String>()? {
            let read = READ_ANNOTATIONS.iter().position(|key| *key == name);
            if let Some(position) = read
                && std::mem::replace(&mut seen[position], true)
            {
                return Err(A::Error::custom(format!(
                    "annotation '{name}' is there twice: readers disagree on which counts"
                )));
            }
            if read.is_none() && matches!(self, AnnotationsSeed::Read) {
                map.next_value::<IgnoredAny>()?;
            } else if let Some(value) = map.next_value_seed(TextSeed)? {
                annotations.insert(name, value);
            }
        }
        Ok(annotations)
    }
}

/// A text. Anything else is skipped, so that a list of a million numbers takes no memory.
struct TextSeed;

impl<'de> DeserializeSeed<'de> for TextSeed {
    type Value = Option<String>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for TextSeed {
    type Value = Option<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Some(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        Ok(None)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(None)
    }
}

/// A list of texts, such as URLs.
#[derive(Clone, Copy)]
pub(super) struct TextsSeed;

/// A list with more URLs or features is refused.
const MAX_TEXTS: usize = 1_000;
/// How many are kept, more than any image has: `""` is 24 times larger once it is read.
const KEPT_TEXTS: usize = 8;

impl<'de> DeserializeSeed<'de> for TextsSeed {
    type Value = Vec<String>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for TextsSeed {
    type Value = Vec<String>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Self::Value, A::Error> {
        let mut list = Vec::new();
        let mut count = 0;
        while let Some(text) = seq.next_element::<String>()? {
            count += 1;
            if count > MAX_TEXTS {
                return Err(A::Error::custom(format!("a list of more than {MAX_TEXTS} texts")));
            }
            if list.len() < KEPT_TEXTS {
                list.push(text);
            }
        }
        Ok(list)
    }
}

/// `null` reads as absent, which is what Go's encoder writes for an empty list.
pub(super) struct Nullable<S>(pub(super) S);

impl<'de, S: DeserializeSeed<'de> + Copy> DeserializeSeed<'de> for Nullable<S> {
    type Value = Option<S::Value>;
    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_option(self)
    }
}

impl<'de, S: DeserializeSeed<'de> + Copy> Visitor<'de> for Nullable<S> {
    type Value = Option<S::Value>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value or null")
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        self.0.deserialize(deserializer).map(Some)
    }
}
