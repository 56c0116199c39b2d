//! JSON with an order and white space of our choosing.
//!
//! A serialiser decides both, and may decide otherwise when some crate turns a feature on; the samples'
//! digests must not depend on that.

/// How a document is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Layout {
    /// As most tools write it: members in the specification's order, no white space.
    #[default]
    Compact,
    /// Legal, and unlike what any serialiser writes: members in reverse, tabs, blanks before commas, CRLF,
    /// and a newline at the end. It survives only where bytes are left alone.
    Odd,
}

/// A value.
#[derive(Clone, Debug)]
pub(super) enum Json {
    Text(String),
    Number(u64),
    List(Vec<Json>),
    Object(Vec<(String, Json)>),
}

impl Json {
    pub(super) fn text(text: impl Into<String>) -> Self {
        Json::Text(text.into())
    }

    /// An object of texts, such as annotations.
    pub(super) fn texts(members: &[(String, String)]) -> Self {
        Json::Object(members.iter().map(|(name, text)| (name.clone(), Json::text(text))).collect())
    }

    /// The whole document.
    pub(super) fn render(&self, layout: Layout) -> Vec<u8> {
        let mut out = String::new();
        self.write(&mut out, layout, 0);
        if layout == Layout::Odd {
            out.push('\n');
        }
        out.into_bytes()
    }

    fn write(&self, out: &mut String, layout: Layout, depth: usize) {
        match self {
            Json::Text(text) => quote(out, text),
            Json::Number(number) => out.push_str(&number.to_string()),
            Json::List(values) => {
                out.push('[');
                for (position, value) in values.iter().enumerate() {
                    separate(out, layout, depth, position);
                    value.write(out, layout, depth + 1);
                }
                out.push(']');
            }
            Json::Object(members) => {
                out.push('{');
                let members: Vec<_> = match layout {
                    Layout::Compact => members.iter().collect(),
                    Layout::Odd => members.iter().rev().collect(),
                };
                for (position, (name, value)) in members.into_iter().enumerate() {
                    separate(out, layout, depth, position);
                    quote(out, name);
                    out.push_str(if layout == Layout::Odd { "\t: " } else { ":" });
                    value.write(out, layout, depth + 1);
                }
                out.push('}');
            }
        }
    }
}

fn separate(out: &mut String, layout: Layout, depth: usize, position: usize) {
    match (layout, position) {
        (Layout::Compact, 0) => {}
        (Layout::Compact, _) => out.push(','),
        (Layout::Odd, 0) => {
            out.push('\n');
            out.push_str(&"\t".repeat(depth + 1));
        }
        (Layout::Odd, _) => {
            out.push_str("  ,\r\n");
            out.push_str(&"\t".repeat(depth + 1));
        }
    }
}

fn quote(out: &mut String, text: &str) {
    out.push('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => out.extend(['\\', character]),
            control if control < ' ' => out.push_str(&format!("\\u{:04x}", u32::from(control))),
            other => out.push(other),
        }
    }
    out.push('"');
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_layouts_mean_the_same() {
        let inner = Json::List(vec![Json::Number(1), Json::List(Vec::new()), Json::text("a\"\\\n\u{1}ü")]);
        let value = Json::Object(vec![("x".into(), inner), ("y".into(), Json::Object(Vec::new()))]);
        let read = |layout| serde_json::from_slice::<serde_json::Value>(&value.render(layout)).unwrap();
        assert_eq!(read(Layout::Compact), read(Layout::Odd));
        assert_eq!(
            value.render(Layout::Compact),
            "{\"x\":[1,[],\"a\\\"\\\\\\u000a\\u0001ü\"],\"y\":{}}".as_bytes()
        );
        assert!(value.render(Layout::Odd).starts_with(b"{\n\t\"y\"\t: {}  ,\r\n\t\"x\"\t: ["));
    }
}
