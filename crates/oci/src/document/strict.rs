//! JSON that all readers understand in the same way: the checks before parsing, and members that may be there
//! once and in one spelling only.

use serde::de::{DeserializeSeed, Error as _, IgnoredAny, MapAccess};

use super::error::{DocumentError, MAX_DEPTH};
use crate::text::harmless;

/// Reads one JSON object and nothing behind it, with the checks that go before any parsing.
pub(crate) fn parse_with<T>(
    bytes: &[u8],
    seed: impl for<'de> DeserializeSeed<'de, Value = T>,
) -> Result<T, DocumentError> {
    if bytes.starts_with(b"\xef\xbb\xbf") {
        return Err(DocumentError::ByteOrderMark);
    }
    let text = std::str::from_utf8(bytes).map_err(|error| DocumentError::Utf8(error.valid_up_to()))?;
    check_depth(bytes)?;
    let mut deserializer = serde_json::Deserializer::from_str(text);
    let value = seed.deserialize(&mut deserializer).map_err(json_error)?;
    deserializer.end().map_err(json_error)?;
    Ok(value)
}

fn json_error(error: serde_json::Error) -> DocumentError {
    DocumentError::Json(harmless(&error.to_string()).into_owned())
}

/// serde_json skips unused members without a limit on their depth. Other parsers recurse into them and crash.
fn check_depth(bytes: &[u8]) -> Result<(), DocumentError> {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for byte in bytes {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => in_string = !in_string,
            b'{' | b'[' if !in_string => {
                depth += 1;
                if depth > MAX_DEPTH {
                    return Err(DocumentError::Depth);
                }
            }
            b'}' | b']' if !in_string => depth = depth.saturating_sub(1),
            _ => {}
        }
    }
    Ok(())
}

/// A member's name as a parser sees it that ignores case.
fn folded(name: &str) -> impl Iterator<Item = char> {
    name.chars().map(|c| match c {
        'ſ' => 's',
        '\u{212a}' => 'k',
        other => other.to_ascii_lowercase(),
    })
}

/// Goes through an object's members: calls `take` for the known ones, once each, and skips the others.
pub(crate) fn read_members<'de, A: MapAccess<'de>>(
    map: &mut A,
    known: &[&'static str],
    mut take: impl FnMut(&'static str, &mut A) -> Result<(), A::Error>,
) -> Result<(), A::Error> {
    let mut seen = vec![false; known.len()];
    while let Some(name) = map.next_key::<String>()? {
        let exact = || known.iter().position(|candidate| *candidate == name);
        let similar = || known.iter().position(|candidate| folded(candidate).eq(folded(&name)));
        let Some(position) = exact().or_else(similar) else {
            map.next_value::<IgnoredAny>()?;
            continue;
        };
        if known[position] != name {
            return Err(A::Error::custom(format!(
                "member '{}' differs from '{}' only by case: readers disagree on what it means",
                name.escape_debug(),
                known[position]
            )));
        }
        if std::mem::replace(&mut seen[position], true) {
            return Err(A::Error::custom(format!(
                "member '{}' is there twice: readers disagree on which counts",
                known[position]
            )));
        }
        take(known[position], map)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::folded;

    /// As Go's decoder folds them.
    #[test]
    fn names_are_folded_beyond_ascii() {
        assert_eq!(folded("LayerſK\u{212a}É").collect::<String>(), "layerskkÉ");
    }
}
