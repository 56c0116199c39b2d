//! The values of charts: images in parts (`repository`, `tag`, `digest`, `registry`) or in one text
//! (`image`).
//!
//! Nothing says that such a mapping is an image, so only a caller who knows which images there are may look
//! for them. Therefore, nothing is a problem here.

use airlift_oci::Reference;

use super::member::digest_line;
use super::state::ObjectFinder;
use crate::place::{Entry, EntryForm, ReferenceParts, Written};
use crate::yaml::{Content, NodeId, Style, Value};

/// So deep are values looked through.
const DEEPEST: usize = 100;

/// From this number on, templates write whole numbers with an exponent.
const LARGE_NUMBER: f64 = 1_000_000.0;

impl ObjectFinder<'_, '_, '_> {
    /// Looks through all that stands in a part itself. What an alias stands for is found at its anchor.
    pub(super) fn helm_values(&mut self, part: NodeId) {
        if self.depth >= DEEPEST {
            return;
        }
        self.depth += 1;
        let tree = self.tree;
        match tree.content(part) {
            Some(Content::Sequence) => {
                for (number, item) in tree.items(part).enumerate() {
                    self.at_item(number, |finder| finder.helm_values(item));
                }
            }
            Some(Content::Mapping) => {
                self.image_in_parts(part);
                for (key, value) in tree.own_pairs(part) {
                    let key = tree.text(key).unwrap_or_default();
                    self.at_key(key, |finder| match key {
                        "image" => finder.image_or_more(value),
                        _ => finder.helm_values(value),
                    });
                }
            }
            _ => {}
        }
        self.depth -= 1;
    }

    fn image_or_more(&mut self, part: NodeId) {
        let value =
            self.value_of(part).filter(|_| matches!(self.tree.content(part), Some(Content::Scalar(_))));
        match value {
            Some(value) if value.text.contains([':', '@']) && value.text.parse::<Reference>().is_ok() => {
                self.place(value.text.clone(), value.position, Written::Whole(value));
            }
            _ => self.helm_values(part),
        }
    }

    fn image_in_parts(&mut self, part: NodeId) {
        let of = |key| self.tree.own_pair(part, key).and_then(|(_, value)| self.value_of(value));
        let Some(name) = of("repository") else { return };
        let (registry, digest) = (of("registry"), self.digest_of(part));
        let tag = of("tag").filter(is_as_rendered);
        let reference = joined(registry.as_ref(), &name, tag.as_ref(), digest.as_ref());
        let is_marked = tag.is_some() || digest.as_ref().is_some_and(|digest| !digest.text.is_empty());
        if is_marked && reference.parse::<Reference>().is_ok() {
            let start = self.tree.offset(part);
            let digest_line = digest_line(self.tree, part);
            let entry = Entry { form: EntryForm::Values, start, insertion: None, digest_line };
            let position = name.position;
            let parts = ReferenceParts { registry, name, tag, digest, entry };
            self.place(reference, position, Written::InParts(Box::new(parts)));
        }
    }

    /// The digest, which may be an empty text in quotes: there is room for one.
    fn digest_of(&self, part: NodeId) -> Option<Value> {
        let (_, digest) = self.tree.own_pair(part, "digest")?;
        let value = self.tree.value(digest)?;
        let has_quotes = matches!(value.style, Style::SingleQuoted | Style::DoubleQuoted);
        (has_quotes || !value.text.is_empty() && self.tree.text(digest).is_some()).then_some(value)
    }
}

/// Whether a template writes a tag as it stands here: of a number such as 1.10, it writes 1.1.
fn is_as_rendered(tag: &Value) -> bool {
    match tag.text.parse::<f64>() {
        Ok(number) if tag.style == Style::Plain => {
            number.to_string() == tag.text && number.abs() < LARGE_NUMBER
        }
        _ => true,
    }
}

fn joined(registry: Option<&Value>, name: &Value, tag: Option<&Value>, digest: Option<&Value>) -> String {
    let mut reference = registry.map(|registry| format!("{}/", registry.text)).unwrap_or_default();
    reference.push_str(&name.text);
    for (sign, part) in [(':', tag), ('@', digest)] {
        if let Some(part) = part.filter(|part| !part.text.is_empty()) {
            reference.push(sign);
            reference.push_str(&part.text);
        }
    }
    reference
}
