//! Whether a text differs from an older one in what was meant to differ, and in nothing else.

use std::ops::Range;

use super::documents::Documents;
use super::node::{Content, NodeId};
use super::tree::Tree;

/// Something that was meant to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Expected {
    /// The bytes in the old text.
    pub(crate) old: Range<usize>,
    /// The bytes in the new one.
    pub(crate) new: Range<usize>,
    /// What was meant.
    pub(crate) effect: Effect,
}

/// In what two documents were meant to differ.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Effect {
    /// A scalar has another text at its end.
    Text { from: String, to: String },
    /// There are more members in the mapping that starts at a byte of the old text.
    Added { entry: usize, members: Vec<(&'static str, String)> },
    /// A member is gone.
    Removed,
}

/// Whether both texts have the same documents but for what was meant to differ, in the order of the texts.
pub(crate) fn is_as_expected(old: &str, new: &str, expected: &[Expected]) -> bool {
    let (mut olds, mut news) = (Documents::new(old), Documents::new(new));
    let mut met = 0;
    loop {
        match (olds.next(), news.next()) {
            (None, None) => return met == expected.len(),
            (Some(Ok(old)), Some(Ok(new))) => match (Comparison { old, new, expected }).met() {
                Some(more) => met += more,
                None => return false,
            },
            _ => return false,
        }
    }
}

/// Two documents.
struct Comparison<'c> {
    old: &'c Tree<'c>,
    new: &'c Tree<'c>,
    expected: &'c [Expected],
}

impl Comparison<'_> {
    /// How many of the differences are in these documents. `None`: they differ in something else.
    fn met(&self) -> Option<usize> {
        let (mut new_of, mut new, mut met) = (Vec::with_capacity(self.old.nodes.len()), 0, 0);
        let mut added = Vec::new();
        for (at, part) in self.old.nodes.iter().enumerate() {
            met += self.added_at(&mut new, &mut added)?;
            let removed = self.removed_at(part.start as usize);
            match removed {
                Some(is_key) => met += usize::from(is_key),
                None => met += usize::from(self.text_changes(at, new)?),
            }
            new_of.push(removed.is_none().then_some(new));
            new += usize::from(removed.is_none());
        }
        met += self.added_at(&mut new, &mut added)?;
        let is_same = new == self.new.nodes.len() && self.has_same_structure(&new_of, &added);
        is_same.then_some(met)
    }

    /// Passes the parts that were added here, and says whether there were any.
    fn added_at(&self, new: &mut usize, added: &mut Vec<(usize, usize)>) -> Option<usize> {
        let mut count = 0;
        while let Some(part) = self.new.nodes.get(*new) {
            let start = part.start as usize;
            let before = self.expected.partition_point(|one| one.new.end <= start);
            let Some(Expected { new: range, effect: Effect::Added { entry, members }, .. }) =
                self.expected.get(before)
            else {
                break;
            };
            if !range.contains(&start) {
                break;
            }
            for text in members.iter().flat_map(|(key, value)| [*key, value.as_str()]) {
                (self.new.scalar(NodeId(u32::try_from(*new).ok()?))?.text == text).then_some(())?;
                added.push((*new, *entry));
                *new += 1;
            }
            count += 1;
        }
        Some(count)
    }

    /// Whether the part at a byte of the old text is gone, and if so, whether it is the key.
    fn removed_at(&self, start: usize) -> Option<bool> {
        let before = self.expected.partition_point(|one| one.old.end <= start);
        let one = self.expected.get(before).filter(|one| one.effect == Effect::Removed)?;
        let text = self.old.text.get(one.old.start..start)?;
        one.old.contains(&start).then(|| text.trim().is_empty())
    }

    /// Whether a part has a new text as it was meant. `None`: it differs in another way.
    fn text_changes(&self, old: usize, new: usize) -> Option<bool> {
        let (part, other) = (self.old.nodes.get(old)?, self.new.nodes.get(new)?);
        let (one, other) = match (&part.content, &other.content) {
            (Content::Scalar(one), Content::Scalar(other)) => (one, other),
            (Content::Sequence, Content::Sequence)
            | (Content::Mapping, Content::Mapping)
            | (Content::Alias(_), Content::Alias(_)) => return Some(false),
            _ => return None,
        };
        (one.style == other.style && one.has_tag == other.has_tag).then_some(())?;
        let (start, end) = (part.start as usize, part.end as usize);
        let before = self.expected.partition_point(|one| one.old.end < start);
        let expected = self.expected.get(before..)?.iter().take_while(|one| one.old.start <= end);
        let mut texts = expected.filter_map(|one| match &one.effect {
            Effect::Text { from, to } if one.old.start >= start && one.old.end <= end => Some((from, to)),
            _ => None,
        });
        match texts.next() {
            Some((from, to)) => {
                let at = one.text.rfind(from.as_str())?;
                let meant = format!("{}{to}{}", &one.text[..at], &one.text[at + from.len()..]);
                (meant == other.text).then_some(true)
            }
            None => (one.text == other.text).then_some(false),
        }
    }

    /// Whether all parts stand below the same ones, and aliases for the same ones.
    fn has_same_structure(&self, new_of: &[Option<usize>], added: &[(usize, usize)]) -> bool {
        let (olds, news) = (parents(self.old), parents(self.new));
        let same = |old: Option<usize>, new: Option<usize>| match old {
            None => new.is_none(),
            Some(old) => new.is_some() && new_of[old] == new,
        };
        let alias = |tree: &Tree<'_>, at: usize| match tree.nodes[at].content {
            Content::Alias(target) => Some(target.index()),
            _ => None,
        };
        let kept = |(old, new): (usize, &Option<usize>)| {
            let Some(new) = *new else { return true };
            same(olds[old], news[new]) && same(alias(self.old, old), alias(self.new, new))
        };
        let at_entry = |(new, entry): &(usize, usize)| {
            let is_entry = |at: &usize| {
                let part = &self.old.nodes[*at];
                part.start as usize == *entry && matches!(part.content, Content::Mapping)
            };
            (0..self.old.nodes.len()).find(is_entry).is_some_and(|at| same(Some(at), news[*new]))
        };
        new_of.iter().enumerate().all(kept) && added.iter().all(at_entry)
    }
}

/// The part that each part stands directly below.
fn parents(tree: &Tree<'_>) -> Vec<Option<usize>> {
    let mut open: Vec<usize> = Vec::new();
    let parent = |at: usize| {
        while open.last().is_some_and(|last| tree.nodes[*last].next.index() <= at) {
            open.pop();
        }
        let parent = open.last().copied();
        open.push(at);
        parent
    };
    (0..tree.nodes.len()).map(parent).collect()
}
