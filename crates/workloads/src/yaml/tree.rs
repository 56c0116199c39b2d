//! One document.

use std::collections::HashSet;

use airlift_oci::Position;

use super::node::{Content, Node, NodeId, Scalar};
use super::value::{Style, Value};

/// So many mappings are merged into one by `<<` at most.
pub(super) const MOST_MERGED: usize = 256;

/// A document: its parts, and the text of the file that it stands in.
///
/// An alias is a part that names another one. Nothing is ever copied for it, so a document is never larger
/// than its text.
#[derive(Debug)]
pub(crate) struct Tree<'t> {
    pub(super) text: &'t str,
    pub(super) nodes: Vec<Node<'t>>,
}

impl<'t> Tree<'t> {
    /// The outermost part.
    pub(crate) fn root(&self) -> Option<NodeId> {
        (!self.nodes.is_empty()).then_some(NodeId(0))
    }

    fn node(&self, id: NodeId) -> Option<&Node<'t>> {
        self.nodes.get(id.index())
    }

    /// What a part stands for: itself, unless it is an alias.
    pub(crate) fn resolved(&self, id: NodeId) -> NodeId {
        match self.content(id) {
            Some(Content::Alias(target)) => *target,
            _ => id,
        }
    }

    /// What a part is.
    pub(crate) fn content(&self, id: NodeId) -> Option<&Content<'t>> {
        self.node(id).map(|node| &node.content)
    }

    /// The scalar that a part is or stands for.
    pub(crate) fn scalar(&self, id: NodeId) -> Option<&Scalar<'t>> {
        match self.content(self.resolved(id)) {
            Some(Content::Scalar(scalar)) => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that isn't nothing.
    pub(crate) fn text(&self, id: NodeId) -> Option<&str> {
        let scalar = self.scalar(id).filter(|scalar| !scalar.is_null())?;
        Some(&scalar.text)
    }

    /// The parts directly below a sequence or a mapping; of a mapping, keys and values in turn.
    fn children(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let end = self.node(id).map_or(id, |node| node.next);
        let first = Some(NodeId(id.0 + 1)).filter(|first| *first < end);
        std::iter::successors(first, move |child| {
            let next = self.node(*child)?.next;
            (next < end).then_some(next)
        })
    }

    /// The parts of a sequence; none of anything else.
    pub(crate) fn items(&self, id: NodeId) -> impl Iterator<Item = NodeId> {
        let id = self.resolved(id);
        let is_sequence = matches!(self.content(id), Some(Content::Sequence));
        self.children(id).filter(move |_| is_sequence)
    }

    /// The keys and values that stand in a mapping itself.
    pub(crate) fn own_pairs(&self, id: NodeId) -> impl Iterator<Item = (NodeId, NodeId)> {
        let is_mapping = matches!(self.content(id), Some(Content::Mapping));
        let mut children = self.children(id);
        std::iter::from_fn(move || Some((children.next()?, children.next()?))).filter(move |_| is_mapping)
    }

    /// The text of a key, as written.
    pub(super) fn key(&self, id: NodeId) -> Option<&str> {
        self.scalar(id).map(|scalar| &*scalar.text)
    }

    /// The mappings that a mapping is made of: itself, and those that `<<` merges into it.
    fn merged(&self, id: NodeId) -> Vec<NodeId> {
        let mut merged = vec![self.resolved(id)];
        let mut seen: HashSet<NodeId> = HashSet::new();
        let mut number = 0;
        while let Some(mapping) = merged.get(number).copied() {
            number += 1;
            for (_, value) in self.own_pairs(mapping).filter(|(key, _)| self.is_merge_key(*key)) {
                let several = self.items(value);
                let one = std::iter::once(value).chain(several).map(|part| self.resolved(part));
                for part in one.take(MOST_MERGED) {
                    let is_mapping = matches!(self.content(part), Some(Content::Mapping));
                    if is_mapping && merged.len() < MOST_MERGED && part != merged[0] && seen.insert(part) {
                        merged.push(part);
                    }
                }
            }
        }
        merged
    }

    pub(super) fn is_merge_key(&self, key: NodeId) -> bool {
        self.scalar(key).is_some_and(|scalar| scalar.style == Style::Plain && scalar.text == "<<")
    }

    /// The keys with a text of a mapping, with their values. A key of its own goes before one that is merged
    /// into it.
    pub(crate) fn members(&self, id: NodeId) -> Vec<(&str, NodeId)> {
        let mut members = Vec::new();
        let mut seen = HashSet::new();
        for mapping in self.merged(id) {
            for (key, value) in self.own_pairs(mapping).filter(|(key, _)| !self.is_merge_key(*key)) {
                if let Some(key) = self.key(key).filter(|key| seen.insert(*key)) {
                    members.push((key, value));
                }
            }
        }
        members
    }

    /// The value of a key of a mapping.
    pub(crate) fn get(&self, id: NodeId, key: &str) -> Option<NodeId> {
        let of = |mapping| {
            let mut pairs = self.own_pairs(mapping);
            pairs.find(|(name, _)| self.key(*name) == Some(key)).map(|(_, value)| value)
        };
        let id = self.resolved(id);
        of(id).or_else(|| {
            let has_merge = self.own_pairs(id).any(|(key, _)| self.is_merge_key(key));
            if has_merge { self.merged(id).into_iter().skip(1).find_map(of) } else { None }
        })
    }

    /// The text of a key of a mapping.
    pub(crate) fn text_at(&self, id: NodeId, key: &str) -> Option<&str> {
        self.get(id, key).and_then(|value| self.text(value))
    }

    /// Where a part stands.
    pub(crate) fn position(&self, id: NodeId) -> Position {
        let (line, column) = self.node(id).map_or((1, 1), |node| (node.line, node.column));
        Position { line: line as usize, column: column as usize }
    }

    /// The bytes of a part, as they stand in the file.
    pub(crate) fn source(&self, id: NodeId) -> &'t str {
        self.node(id).and_then(|node| self.text.get(node.start as usize..node.end as usize)).unwrap_or("")
    }

    /// The text of a scalar with its bytes.
    pub(crate) fn value(&self, id: NodeId) -> Option<Value> {
        let id = self.resolved(id);
        let (node, scalar) = (self.node(id)?, self.scalar(id)?);
        let quotes = usize::from(matches!(scalar.style, Style::SingleQuoted | Style::DoubleQuoted));
        let (start, end) = (node.start as usize + quotes, node.end as usize - quotes);
        let inner = self.text.get(start..end)?;
        let before = inner.len() - inner.trim_start().len();
        let behind = inner.trim_end().len().max(before);
        let has_escapes = scalar.style == Style::DoubleQuoted && inner.contains('\\');
        let text = if has_escapes {
            // White space that is written with an escape belongs to the text.
            let text = without_first(&scalar.text, inner.get(..before)?.chars().count());
            without_last(text, inner.get(behind..)?.chars().count())
        } else {
            scalar.text.trim()
        };
        Some(Value {
            text: text.to_owned(),
            position: self.position_within(id, quotes + before),
            range: start + before..start + behind,
            style: scalar.style,
        })
    }

    /// The position of a byte of a part, counted from its first one.
    fn position_within(&self, id: NodeId, offset: usize) -> Position {
        moved(self.position(id), self.source(id).get(..offset).unwrap_or(""))
    }

    /// The text of the file.
    pub(crate) fn file_text(&self) -> &'t str {
        self.text
    }

    /// The key of a pair, and its value, of a key that stands in a mapping itself.
    pub(crate) fn own_pair(&self, id: NodeId, key: &str) -> Option<(NodeId, NodeId)> {
        self.own_pairs(id).find(|(name, _)| self.key(*name) == Some(key))
    }

    /// Where the first byte of a part is.
    pub(crate) fn offset(&self, id: NodeId) -> usize {
        self.node(id).map_or(0, |node| node.start as usize)
    }
}

/// The position behind a text that starts at a position.
pub(crate) fn moved(start: Position, text: &str) -> Position {
    match text.rsplit_once('\n') {
        None => Position { column: start.column + text.chars().count(), ..start },
        Some((lines, last)) => {
            Position { line: start.line + lines.matches('\n').count() + 1, column: last.chars().count() + 1 }
        }
    }
}

/// A text without white space among its first characters.
fn without_first(text: &str, most: usize) -> &str {
    let space = text.chars().take(most).take_while(|c| c.is_whitespace());
    text.get(space.map(char::len_utf8).sum()..).unwrap_or_default()
}

/// A text without white space among its last characters.
fn without_last(text: &str, most: usize) -> &str {
    let space = text.chars().rev().take(most).take_while(|c| c.is_whitespace());
    text.get(..text.len() - space.map(char::len_utf8).sum::<usize>()).unwrap_or_default()
}
