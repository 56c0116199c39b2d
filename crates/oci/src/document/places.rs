//! Where in a document's bytes its parts are. Only for JSON that was parsed before: nothing is checked here,
//! and other bytes get ranges without a meaning.

use std::ops::Range;

/// The value of a member of the object that `json` is; `None` where there is no such member.
pub(crate) fn member(json: &[u8], wanted: &str) -> Option<Range<usize>> {
    let mut at = after_space(json, 0) + 1;
    loop {
        at = after_space(json, at);
        if json.get(at) != Some(&b'"') {
            return None;
        }
        let name = at..after_value(json, at);
        // A colon stands in between.
        let start = after_space(json, after_space(json, name.end) + 1);
        let end = after_value(json, start);
        if is_name(&json[name], wanted) {
            return Some(start..end);
        }
        // A comma, or the end.
        at = after_space(json, end) + 1;
    }
}

/// The elements of a list; nothing for `null`.
pub(crate) fn elements(json: &[u8], list: Range<usize>) -> impl Iterator<Item = Range<usize>> {
    let mut at = list.start;
    std::iter::from_fn(move || {
        let start = after_space(json, at + 1);
        let is_list = json.get(list.start) == Some(&b'[');
        if !is_list || start >= list.end || json[start] == b']' {
            return None;
        }
        let end = after_value(json, start);
        at = after_space(json, end);
        Some(start..end)
    })
}

/// Whether a name, in its quotes, is the wanted one. It may be written with escapes.
fn is_name(quoted: &[u8], wanted: &str) -> bool {
    match quoted {
        [b'"', plain @ .., b'"'] if !plain.contains(&b'\\') => plain == wanted.as_bytes(),
        _ => serde_json::from_slice::<String>(quoted).is_ok_and(|name| name == wanted),
    }
}

fn after_space(json: &[u8], at: usize) -> usize {
    let space = json.iter().skip(at).take_while(|byte| matches!(byte, b' ' | b'\t' | b'\n' | b'\r'));
    at + space.count()
}

/// Where the value ends that starts at `at`.
fn after_value(json: &[u8], at: usize) -> usize {
    let (mut depth, mut in_string, mut escaped) = (0_usize, false, false);
    for (offset, byte) in json.iter().enumerate().skip(at) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_string => escaped = true,
            b'"' => {
                in_string = !in_string;
                if !in_string && depth == 0 {
                    return offset + 1;
                }
            }
            _ if in_string => {}
            b'{' | b'[' => depth += 1,
            // The end of what the value is in: it was a number or a word.
            b'}' | b']' | b',' if depth == 0 => return offset,
            b'}' | b']' => {
                depth -= 1;
                if depth == 0 {
                    return offset + 1;
                }
            }
            b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return offset,
            _ => {}
        }
    }
    json.len()
}

#[cfg(test)]
mod tests {
    use super::{elements, member};

    fn parts(json: &str, name: &str) -> Option<Vec<String>> {
        let list = member(json.as_bytes(), name)?;
        Some(elements(json.as_bytes(), list).map(|part| json[part].to_owned()).collect())
    }

    #[test]
    fn elements_are_found_wherever_they_are() {
        for json in [
            r#"{"a":[1,{"b":"]"},"x\"]"]}"#,
            r#" { "c" : [ "a" , [] ] , "a" : [ 1 , {"b":"]"},
                "x\"]" ] } "#,
            r#"{"\u0061":[1,{"b":"]"},"x\"]"],"b":[]}"#,
            r#"{"d":-1.5e3,"e":null,"f":"a\\","a":[1,{"b":"]"},"x\"]"]}"#,
        ] {
            assert_eq!(parts(json, "a").unwrap(), ["1", r#"{"b":"]"}"#, r#""x\"]""#], "{json}");
        }
        for json in [r#"{"a":[]}"#, r#"{"a":[ ] }"#, r#"{"a":null}"#, r#"{"b":[1],"a":null }"#] {
            assert_eq!(parts(json, "a"), Some(Vec::new()), "{json}");
        }
        for json in ["{}", " { } ", r#"{"b":{"a":[1]}}"#, r#"{"b":["a"],"A":[1]}"#] {
            assert_eq!(parts(json, "a"), None, "{json}");
        }
    }
}
