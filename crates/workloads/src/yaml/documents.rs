//! Reads the documents of a text, one after the other.

use std::collections::{HashMap, HashSet};

use airlift_oci::Position;
use granit_parser::{Event, Marker, Options, Parser, ScalarStyle, ScanError, Span, StrInput, Tag};

use super::error::{YamlError, YamlFault};
use super::node::{Content, Node, NodeId, Scalar};
use super::tree::{MOST_MERGED, Tree};
use super::value::Style;

/// So many parts are kept of a document at most. Each takes some 70 bytes.
const MOST_PARTS: usize = 2_000_000;

/// Keys of a mapping that are compared one by one. More of them are hashed.
const FEW_KEYS: usize = 16;

/// The documents of a text. One is in memory at a time.
pub(crate) struct Documents<'t> {
    parser: Parser<'t, StrInput<'t>>,
    tree: Tree<'t>,
    most_parts: usize,
    is_done: bool,
}

/// What is being read.
#[derive(Default)]
struct Unfinished {
    /// Sequences and mappings that have no end yet.
    open: Vec<NodeId>,
    anchors: HashMap<usize, NodeId>,
}

impl<'t> Documents<'t> {
    /// The documents of `text`, which may begin with a byte-order mark.
    pub(crate) fn new(text: &'t str) -> Self {
        let mut options = Options::default();
        options.set_emit_comments(false);
        Documents {
            parser: Parser::new_from_str_with_options(text, options),
            tree: Tree { text, nodes: Vec::new() },
            most_parts: MOST_PARTS,
            is_done: false,
        }
    }

    /// The next document, or what is wrong with it. Documents behind a broken one are read all the same.
    pub(crate) fn next(&mut self) -> Option<Result<&Tree<'t>, YamlError>> {
        if self.is_done {
            return None;
        }
        match self.read() {
            Ok(true) => Some(Ok(&self.tree)),
            Ok(false) => {
                self.is_done = true;
                None
            }
            Err(error) => {
                self.is_done = !matches!(self.parser.proceed_next_document(), Ok(true));
                Some(Err(error))
            }
        }
    }

    /// Reads a document. False: there is none left.
    fn read(&mut self) -> Result<bool, YamlError> {
        self.tree.nodes.clear();
        let mut unfinished = Unfinished::default();
        while let Some(event) = self.parser.next_event() {
            let (event, span) = event.map_err(|error| of_syntax(&error))?;
            match event {
                Event::StreamEnd => return Ok(false),
                Event::DocumentEnd => return Ok(true),
                event => self.add(event, &span, &mut unfinished)?,
            }
            if self.tree.nodes.len() > self.most_parts {
                let fault = YamlFault::TooManyParts(self.most_parts);
                return Err(of_marker(&span.start, fault));
            }
        }
        Ok(false)
    }

    fn add(&mut self, event: Event<'t>, span: &Span, unfinished: &mut Unfinished) -> Result<(), YamlError> {
        match event {
            Event::Scalar(text, style, anchor, tag) => {
                let has_tag = tag.as_deref().is_some_and(Tag::is_yaml_core_schema);
                let scalar = Scalar { text, style: style_of(style), has_tag };
                self.push(Content::Scalar(scalar), span, anchor, unfinished);
            }
            Event::SequenceStart(_, anchor, _) => {
                let id = self.push(Content::Sequence, span, anchor, unfinished);
                unfinished.open.push(id);
            }
            Event::MappingStart(_, anchor, _) => {
                let id = self.push(Content::Mapping, span, anchor, unfinished);
                unfinished.open.push(id);
            }
            Event::SequenceEnd => self.close(span, unfinished),
            Event::MappingEnd => {
                let mapping = unfinished.open.last().copied();
                self.close(span, unfinished);
                mapping.map_or(Ok(()), |mapping| self.check(mapping))?;
            }
            Event::Alias(anchor) => {
                if let Some(target) = unfinished.anchors.get(&anchor).copied() {
                    self.push(Content::Alias(target), span, 0, unfinished);
                }
            }
            _ => {}
        }
        Ok(())
    }

    fn push(
        &mut self,
        content: Content<'t>,
        span: &Span,
        anchor: usize,
        unfinished: &mut Unfinished,
    ) -> NodeId {
        let id = number(self.tree.nodes.len());
        let range = span.byte_range().unwrap_or_default();
        self.tree.nodes.push(Node {
            content,
            next: NodeId(id.saturating_add(1)),
            start: number(range.start),
            end: number(range.end),
            line: number(span.start.line()),
            column: number(span.start.col()).saturating_add(1),
        });
        if anchor != 0 {
            unfinished.anchors.insert(anchor, NodeId(id));
        }
        NodeId(id)
    }

    fn close(&mut self, span: &Span, unfinished: &mut Unfinished) {
        let next = NodeId(number(self.tree.nodes.len()));
        if let Some(node) = unfinished.open.pop().and_then(|id| self.tree.nodes.get_mut(id.index())) {
            node.next = next;
            node.end = number(span.byte_range().unwrap_or_default().end);
        }
    }

    /// Refuses keys that are there twice, and merges of too many mappings.
    fn check(&self, mapping: NodeId) -> Result<(), YamlError> {
        let tree = &self.tree;
        let error =
            |fault, at| Err(YamlError { fault, position: tree.position(at), offset: tree.offset(at) });
        let (mut few, mut many, mut count) = ([""; FEW_KEYS], HashSet::new(), 0);
        for (key, value) in tree.own_pairs(mapping) {
            if tree.is_merge_key(key) {
                if tree.items(value).nth(MOST_MERGED).is_some() {
                    return error(YamlFault::TooManyMerges(MOST_MERGED), key);
                }
                continue;
            }
            let Some(text) = tree.key(key) else { continue };
            let is_there = match few.get_mut(count) {
                Some(slot) => {
                    *slot = text;
                    few[..count].contains(&text)
                }
                None => {
                    if many.is_empty() {
                        many.extend(few);
                    }
                    !many.insert(text)
                }
            };
            if is_there {
                return error(YamlFault::DuplicateKey(text.to_owned()), key);
            }
            count += 1;
        }
        Ok(())
    }
}

fn of_syntax(error: &ScanError) -> YamlError {
    of_marker(error.marker(), YamlFault::Syntax(error.info()))
}

fn of_marker(marker: &Marker, fault: YamlFault) -> YamlError {
    let position = Position { line: marker.line().max(1), column: marker.col() + 1 };
    YamlError { fault, position, offset: marker.byte_offset().unwrap_or_default() }
}

/// Texts are far smaller than 4 GiB.
fn number(size: usize) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

fn style_of(style: ScalarStyle) -> Style {
    match style {
        ScalarStyle::Plain => Style::Plain,
        ScalarStyle::SingleQuoted => Style::SingleQuoted,
        ScalarStyle::DoubleQuoted => Style::DoubleQuoted,
        ScalarStyle::Literal | ScalarStyle::Folded => Style::Block,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_document_has_a_limit_and_the_next_one_is_read() {
        let text = format!("a:\n{}---\nb: c\n", "- d\n".repeat(100));
        let mut documents = Documents { most_parts: 50, ..Documents::new(&text) };
        let error = documents.next().unwrap().unwrap_err();
        assert_eq!(error.fault, YamlFault::TooManyParts(50));
        assert_eq!(error.position.to_string(), "49:3");
        let tree = documents.next().unwrap().unwrap();
        assert_eq!(tree.text_at(tree.root().unwrap(), "b"), Some("c"));
        assert!(documents.next().is_none());
    }
}
