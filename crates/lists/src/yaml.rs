//! YAML as a tree of texts with positions.
//!
//! A scalar keeps the text that stands in the file: `1.10` is no number here, of which `1.1` would be left.
//! So every part of a document can be judged by itself, and one run names all errors.

use std::fmt;

use airlift_oci::text::{bounded, harmless};
use serde::de::{Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_saphyr::budget::BudgetBreach;
use serde_saphyr::options::NonFiniteFloatPolicy;
use serde_saphyr::{DefaultMessageFormatter, Error, Location, MessageFormatter, Options, Spanned};

use crate::position::{ListError, ListText, Position};

/// Values that serde has read, before their texts are looked up.
enum Value {
    /// A quoted or plain text.
    Text(String),
    /// A plain scalar that YAML takes for a number or a boolean.
    Other,
    Null,
    Sequence(Vec<Spanned<Value>>),
    Mapping(Vec<(Spanned<Value>, Spanned<Value>)>),
}

/// A part of a document.
#[derive(Clone, Debug)]
pub(crate) struct Node {
    /// Where it stands.
    pub(crate) position: Position,
    pub(crate) content: Content,
}

/// What a part of a document is.
#[derive(Clone, Debug)]
pub(crate) enum Content {
    Scalar(String),
    /// Nothing, `~` or `null`.
    Null,
    Sequence(Vec<Node>),
    Mapping(Vec<Member>),
}

/// A key of a mapping with its value.
#[derive(Clone, Debug)]
pub(crate) struct Member {
    pub(crate) key: String,
    /// Where the key stands.
    pub(crate) position: Position,
    pub(crate) value: Node,
}

impl Content {
    /// Its kind, in words.
    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Content::Scalar(_) => "a text",
            Content::Null => "nothing",
            Content::Sequence(_) => "a list",
            Content::Mapping(_) => "a mapping",
        }
    }
}

/// Reads one document.
///
/// # Errors
/// If it is no YAML, has a key twice, or grows beyond the limits by its anchors.
pub(crate) fn read(text: &ListText<'_>) -> Result<Node, ListError> {
    let value: Spanned<Value> = serde_saphyr::from_str_with_options(text.text(), options())
        .map_err(|error| error_of(text, &error))?;
    node(text, value)
}

/// Limits that no images file meets, and that keep the work for any other small.
fn options() -> Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_depth: 16,
            flow_nesting_limit: 16,
            max_documents: 1,
            max_nodes: 300_000,
            max_events: 1_000_000,
            max_recorded_anchor_events: 100_000,
            max_recorded_anchor_bytes: 4 << 20,
            // One anchor for the platforms of thousands of images makes sense.
            enforce_alias_anchor_ratio: false,
        },
        alias_limits: serde_saphyr::alias_limits! {
            max_total_replayed_events: 200_000,
            max_replay_stack_depth: 8,
        },
        non_finite_float_policy: NonFiniteFloatPolicy::AsString,
        // Else base64 would become another text than stands in the file.
        ignore_binary_tag_for_string: true,
        with_snippet: false,
    }
}

fn error_of(text: &ListText<'_>, error: &serde_saphyr::Error) -> ListError {
    let position = error.location().map_or(Position { line: 1, column: 1 }, |at| position(&at));
    text.error(position, message_of(error.without_snippet()))
}

/// What is wrong, in words about the document.
fn message_of(error: &Error) -> String {
    match error {
        Error::AliasError { error, .. } => message_of(error),
        Error::DuplicateMappingKey { key, .. } => {
            format!("the key '{}' is there twice", harmless(&bounded(key.as_deref().unwrap_or_default())))
        }
        Error::UnknownAnchor { .. } => "no anchor (&NAME) has this name".to_owned(),
        Error::RecursiveReferencesRequireWeakTypes { .. } => {
            "the alias stands for a part that it is in".to_owned()
        }
        Error::MultipleDocuments { .. } | Error::Budget { breach: BudgetBreach::Documents { .. }, .. } => {
            "a second document starts here, and only one is read".to_owned()
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => "it is nested too deeply".to_owned(),
        Error::Budget { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayCounterOverflow { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            "it has more parts, or its aliases stand for more, than any list needs".to_owned()
        }
        _ => {
            format!("it is not YAML: {}", harmless(&bounded(&DefaultMessageFormatter.format_message(error))))
        }
    }
}

fn position(location: &Location) -> Position {
    let number = |number: u64| usize::try_from(number).unwrap_or(usize::MAX).max(1);
    Position { line: number(location.line()), column: number(location.column()) }
}

fn node(text: &ListText<'_>, value: Spanned<Value>) -> Result<Node, ListError> {
    let at = position(&value.referenced);
    let content = match value.value {
        Value::Text(written) => Content::Scalar(written),
        Value::Other => Content::Scalar(written_at(text, &value.defined)),
        Value::Null => Content::Null,
        Value::Sequence(parts) => {
            Content::Sequence(parts.into_iter().map(|part| node(text, part)).collect::<Result<_, _>>()?)
        }
        Value::Mapping(members) => Content::Mapping(
            members.into_iter().map(|(key, value)| member(text, key, value)).collect::<Result<_, _>>()?,
        ),
    };
    Ok(Node { position: at, content })
}

fn member(text: &ListText<'_>, key: Spanned<Value>, value: Spanned<Value>) -> Result<Member, ListError> {
    let key = node(text, key)?;
    match key.content {
        Content::Scalar(name) => Ok(Member { key: name, position: key.position, value: node(text, value)? }),
        other => Err(text.error(key.position, format!("a key is a text, and this is {}", other.kind()))),
    }
}

/// The text of a plain scalar as it stands in the file.
fn written_at(text: &ListText<'_>, location: &Location) -> String {
    let span = location.span();
    let range = span.byte_offset().zip(span.byte_len()).and_then(|(offset, length)| {
        let offset = usize::try_from(offset).ok()?;
        Some(offset..offset + usize::try_from(length).ok()?)
    });
    range.and_then(|range| text.text().get(range)).unwrap_or_default().trim().to_owned()
}

impl<'de> Deserialize<'de> for Value {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(ValueVisitor)
    }
}

struct ValueVisitor;

impl<'de> Visitor<'de> for ValueVisitor {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text, a list or a mapping")
    }

    fn visit_str<E>(self, text: &str) -> Result<Value, E> {
        Ok(Value::Text(text.to_owned()))
    }

    fn visit_bool<E>(self, _: bool) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_i128<E>(self, _: i128) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_u128<E>(self, _: u128) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Value, E> {
        Ok(Value::Other)
    }

    fn visit_unit<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        Value::deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut parts = Vec::new();
        while let Some(part) = access.next_element()? {
            parts.push(part);
        }
        Ok(Value::Sequence(parts))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut access: A) -> Result<Value, A::Error> {
        let mut members = Vec::new();
        while let Some(member) = access.next_entry()? {
            members.push(member);
        }
        Ok(Value::Mapping(members))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> Result<Node, ListError> {
        read(&ListText::new("f.yaml", text.as_bytes()).unwrap())
    }

    /// The tree with all positions, in one line.
    fn shown(node: &Node) -> String {
        let at = node.position;
        match &node.content {
            Content::Scalar(text) => format!("{text}@{at}"),
            Content::Null => format!("null@{at}"),
            Content::Sequence(parts) => {
                format!("[{}]@{at}", parts.iter().map(shown).collect::<Vec<_>>().join(" "))
            }
            Content::Mapping(members) => {
                let member =
                    |member: &Member| format!("{}@{}={}", member.key, member.position, shown(&member.value));
                format!("{{{}}}@{at}", members.iter().map(member).collect::<Vec<_>>().join(" "))
            }
        }
    }

    fn tree(text: &str) -> String {
        shown(&parse(text).unwrap())
    }

    #[test]
    fn scalars_keep_their_text() {
        assert_eq!(
            tree("[1.10, 1.20 , 0x1F, 1_000, yes, 2024-01-01, \"1.30\", 'a''b', nginx:1.10, 007, 1e3, .inf]"),
            "[1.10@1:2 1.20@1:8 0x1F@1:15 1_000@1:21 yes@1:28 2024-01-01@1:33 1.30@1:45 a'b@1:53 nginx:1.10@1:61 \
             007@1:73 1e3@1:78 .inf@1:83]@1:1"
        );
        assert_eq!(
            tree("a: 1.10 # x\n1.20:\nb: ~\n"),
            "{a@1:1=1.10@1:4 1.20@2:1=null@2:5 b@3:1=null@3:4}@1:1"
        );
        assert_eq!(tree("a: |\n  x\n  y\n"), "{a@1:1=x\ny\n@2:3}@1:1");
        let binary = tree("a: !!binary aGk=\n");
        assert!(binary.contains("aGk=@1:"), "{binary}");
    }

    #[test]
    fn every_part_has_its_position() {
        assert_eq!(tree("a:\n  - b: ä c\n    d: 1\n"), "{a@1:1=[{b@2:5=ä c@2:8 d@3:5=1@3:8}@2:5]@2:3}@1:1");
        assert_eq!(
            tree("p: &p [x, 1.10]\nq: *p\n"),
            "{p@1:1=[x@1:8 1.10@1:11]@1:7 q@2:1=[x@2:4 1.10@2:4]@2:4}@1:1"
        );
        assert!(tree("p: &p {a: 1}\nq: {<<: *p, b: 2}\n").starts_with("{p@1:1={a@1:8=1@1:11}@1:7 q@2:1={"));
        assert_eq!(tree(""), "null@1:1");
        assert_eq!(tree("# a comment\r\na: b\r\n"), "{a@2:1=b@2:4}@2:1");
    }

    #[test]
    fn what_can_not_be_read_is_named() {
        for (text, error) in [
            ("a: 1\nb: 2\na: 2\n", "3:1: the key 'a' is there twice"),
            ("a: [1\n", "1:4: it is not YAML: unclosed bracket '['"),
            ("a: b: c\n", "1:5: it is not YAML: mapping values are not allowed in this context"),
            ("a:\n\t- b", "2:2: it is not YAML: tabs disallowed"),
            ("a: *b", "1:4: no anchor (&NAME) has this name"),
            ("---\na: 1\n---\nb: 1\n", "3:1: a second document starts here"),
            ("? [a]\n: b", "1:3: a key is a text, and this is a list"),
            ("a: &a [*a]", "1:8: the alias stands for a part that it is in"),
            ("a: 'x", "1:4: it is not YAML: unclosed quote"),
            ("a: @x", "1:4: it is not YAML: unexpected character"),
            ("a\u{0}: 1", "1:2: it is not YAML: unexpected character: `\\u{0}'"),
        ] {
            let found = parse(text).map(|node| shown(&node)).unwrap_err().to_string();
            assert!(found.starts_with(&format!("f.yaml:{error}")), "{text:?}: {found}");
        }
    }

    #[test]
    fn documents_that_explode_are_refused() {
        let mut bomb = "a0: &a0 [x, x, x, x, x, x, x, x, x, x]\n".to_owned();
        for level in 1..12 {
            let below = format!("*a{}, ", level - 1).repeat(10);
            bomb.push_str(&format!("a{level}: &a{level} [{}]\n", below.trim_end_matches(", ")));
        }
        let too_much = "than any list needs";
        let deep = format!("a: {}", "[".repeat(100_000));
        let deep_blocks: String = (0..2000).map(|level| format!("{}a:\n", " ".repeat(level))).collect();
        let wide = format!("a: [{}]", "x,".repeat(310_000));
        for (text, reason) in
            [(&bomb, too_much), (&deep, ""), (&deep_blocks, "nested too deeply"), (&wide, too_much)]
        {
            let error = parse(text).map(|_| ()).unwrap_err();
            assert!(error.message.contains(reason), "{}", error.message);
            assert!(error.excerpt().len() < 1000);
        }
    }

    #[test]
    fn one_anchor_may_serve_thousands_of_entries() {
        let text = format!("p: &p [linux/amd64]\nq:\n{}", "  - {r: nginx, p: *p}\n".repeat(5000));
        assert!(parse(&text).is_ok());
    }
}
