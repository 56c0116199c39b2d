//! Looks up members of mappings, and collects all that is wrong with them.

use airlift_oci::text::{bounded, harmless};

use crate::position::{ListError, ListText, Position};
use crate::suggest::closest;
use crate::yaml::{Content, Member, Node};

/// Reads the parts of a document and collects the errors.
pub(super) struct Reader<'a> {
    text: &'a ListText<'a>,
    pub(super) errors: Vec<ListError>,
}

/// The keys that a mapping may have.
pub(super) struct Keys {
    /// What has them, such as `an entry`.
    pub(super) owner: &'static str,
    pub(super) known: &'static [&'static str],
    /// Keys of other tools, and what they are called here.
    pub(super) instead: &'static [(&'static str, &'static str)],
}

/// The members of a mapping.
#[derive(Clone, Copy)]
pub(super) struct Members<'n>(&'n [Member]);

impl<'n> Members<'n> {
    pub(super) fn get(&self, key: &str) -> Option<&'n Node> {
        self.0.iter().find(|member| member.key == key).map(|member| &member.value)
    }

    /// Whether all keys are known.
    pub(super) fn are_known(&self, keys: &Keys) -> bool {
        self.0.iter().all(|member| keys.known.contains(&member.key.as_str()))
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = &'n Member> {
        self.0.iter()
    }
}

impl<'a> Reader<'a> {
    pub(super) fn new(text: &'a ListText<'a>) -> Self {
        Reader { text, errors: Vec::new() }
    }

    pub(super) fn refuse(&mut self, position: Position, message: impl Into<String>) {
        self.errors.push(self.text.error(position, message));
    }

    /// The members of a mapping, in which unknown keys are errors.
    pub(super) fn members<'n>(&mut self, node: &'n Node, keys: &Keys) -> Option<Members<'n>> {
        let members = self.mapping(node, keys.owner)?;
        for member in members.iter().filter(|member| !keys.known.contains(&member.key.as_str())) {
            self.refuse(member.position, keys.unknown(&member.key));
        }
        Some(members)
    }

    /// The members of a mapping with keys of any name.
    pub(super) fn mapping<'n>(&mut self, node: &'n Node, what: &str) -> Option<Members<'n>> {
        match &node.content {
            Content::Mapping(members) => Some(Members(members)),
            other => {
                self.refuse(node.position, format!("{what} is a mapping, and this is {}", other.kind()));
                None
            }
        }
    }

    /// The parts of a list, or a single text as a list of one.
    pub(super) fn list<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n [Node]> {
        match &node.content {
            Content::Sequence(parts) => Some(parts),
            Content::Scalar(_) => Some(std::slice::from_ref(node)),
            other => {
                self.refuse(node.position, format!("{what} is a list, and this is {}", other.kind()));
                None
            }
        }
    }

    /// A text that is not empty.
    pub(super) fn scalar<'n>(&mut self, node: &'n Node, what: &str) -> Option<&'n str> {
        match &node.content {
            Content::Scalar(text) if !text.trim().is_empty() => Some(text.trim()),
            Content::Scalar(_) => {
                self.refuse(node.position, format!("{what} is empty"));
                None
            }
            other => {
                self.refuse(node.position, format!("{what} is a text, and this is {}", other.kind()));
                None
            }
        }
    }

    /// A text that stands for one of several values.
    pub(super) fn word<T: Copy>(&mut self, node: &Node, what: &str, words: &[(&str, T)]) -> Option<T> {
        let text = self.scalar(node, what)?;
        let found = words.iter().find(|(word, _)| *word == text).map(|(_, value)| *value);
        if found.is_none() {
            let known: Vec<&str> = words.iter().map(|(word, _)| *word).collect();
            self.refuse(
                node.position,
                format!("{what} is {}, and this is '{}'", known.join(" or "), shown(text)),
            );
        }
        found
    }
}

impl Keys {
    /// Whether a key is known, here or to other tools.
    pub(super) fn has(&self, key: &str) -> bool {
        self.known.contains(&key) || self.instead.iter().any(|(other, _)| *other == key)
    }

    /// What is wrong with a key that is not known.
    fn unknown(&self, key: &str) -> String {
        let instead = self.instead.iter().find(|(other, _)| *other == key).map(|(_, name)| *name);
        match instead.or_else(|| closest(key, self.known)) {
            Some(meant) => format!("{} has no key '{}': is {meant} meant?", self.owner, shown(key)),
            None => format!("{} has no key '{}', only {}", self.owner, shown(key), self.known.join(", ")),
        }
    }
}

/// A text of the file, fit for a message.
pub(super) fn shown(text: &str) -> String {
    harmless(&bounded(text)).into_owned()
}
