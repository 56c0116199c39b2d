//! Where in a document's bytes its parts are. Only for JSON that was parsed before: nothing is checked here,
//! and other bytes get ranges without a meaning.

use std::ops::Range;

/// Where the value of a member of the object that `json` is starts; `None` where there is no such member.
pub(crate) fn member(json: &[u8], wanted: &str) -> Option<usize> {
    let mut at = after_space(json, 0) + 1;
    loop {
        at = after_space(json, at);
        if json.get(at) != Some(&b'"') {
            return None;
        }
        let name = at..after_value(json, at);
        // A colon stands in between.
        let start = after_space(json, after_space(json, name.end) + 1);
        if is_name(&json[name], wanted) {
            return Some(start);
        }
        // A comma, or the end.
        at = after_space(json, after_value(json, start)) + 1;
    }
}

/// The elements of the list that starts at `list`, or the one value that is no list.
pub(crate) fn elements(json: &[u8], list: usize) -> impl Iterator<Item = Range<usize>> {
    let is_list = json.get(list) == Some(&b'[');
    let mut next = if is_list { after_space(json, list + 1) } else { list };
    std::iter::from_fn(move || {
        let start = next;
        if json.get(start).is_none_or(|byte| is_list && *byte == b']') {
            return None;
        }
        let end = after_value(json, start);
        let behind = after_space(json, end);
        // A comma, or the end of the list.
        next = match json.get(behind) {
            Some(b',') if is_list => after_space(json, behind + 1),
            _ => json.len(),
        };
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
    let (mut depth, mut at) = (0_usize, at);
    while let Some(byte) = json.get(at) {
        let next = if *byte == b'"' { after_string(json, at) } else { at + 1 };
        match byte {
            b'{' | b'[' => depth += 1,
            // The end of what the value is in: it was a number or a word.
            b'}' | b']' | b',' | b' ' | b'\t' | b'\n' | b'\r' if depth == 0 => return at,
            b'"' if depth == 0 => return next,
            b'}' | b']' if depth == 1 => return next,
            b'}' | b']' => depth -= 1,
            _ => {}
        }
        at = next;
    }
    json.len()
}

/// Where the string ends that starts at `at`.
fn after_string(json: &[u8], at: usize) -> usize {
    let mut at = at + 1;
    while let Some(length) =
        json.get(at..).and_then(|rest| rest.iter().position(|b| matches!(b, b'"' | b'\\')))
    {
        at += length;
        match json[at] {
            b'"' => return at + 1,
            _ => at += 2,
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
        for json in [r#"{"a":[]}"#, r#"{"a":[ ] }"#] {
            assert_eq!(parts(json, "a"), Some(Vec::new()), "{json}");
        }
        for json in [r#"{"a":{"b":[1,2]}}"#, r#"{"c":[1],"a" : {"b":[1,2]} , "d":2}"#] {
            assert_eq!(parts(json, "a").unwrap(), [r#"{"b":[1,2]}"#], "no list: {json}");
        }
        for json in ["{}", " { } ", r#"{"b":{"a":[1]}}"#, r#"{"b":["a"],"A":[1]}"#] {
            assert_eq!(parts(json, "a"), None, "{json}");
        }
    }
}
