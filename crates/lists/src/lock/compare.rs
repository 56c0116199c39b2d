//! Whether a lock is that of a list: a comparison that asks no registry.

use std::collections::{BTreeMap, HashSet};
use std::fmt;

use airlift_oci::{Digest, SourceReference};

use super::document::{Lock, word};
use super::fetched_from::FetchedFrom;
use super::wanted::{AskedForTwice, WantedImage, locked_of, wanted_images};
use crate::choice::Choice;
use crate::entry::Entry;

/// One thing in which a lock is not that of a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Difference {
    /// The list asks for it, and the lock lacks it.
    Missing {
        /// What the list asks for.
        wanted: String,
        /// The entry's position in the list of entries.
        entry: usize,
    },
    /// The lock has it, and no entry asks for it.
    Superfluous {
        /// The reference.
        reference: SourceReference,
    },
    /// The list names another digest than the lock.
    OtherDigest {
        /// The reference.
        reference: SourceReference,
        /// The digest that the list names.
        wanted: Digest,
        /// The digest that the lock has.
        locked: Digest,
    },
    /// Other platforms are chosen of it, or another choice is made about attached content.
    OtherChoice {
        /// The reference.
        reference: SourceReference,
        /// What the list chooses.
        wanted: Choice,
        /// What the lock says.
        locked: Choice,
    },
    /// Other groups name it.
    OtherGroups {
        /// The reference.
        reference: SourceReference,
    },
    /// It came by another tag selector, or the list names it now.
    OtherSelector {
        /// The reference.
        reference: SourceReference,
    },
    /// The list takes it from another place: from a layout, or from none.
    OtherSource {
        /// The reference.
        reference: SourceReference,
        /// The layout of the list; `None`: what the reference itself says.
        wanted: Option<FetchedFrom>,
        /// Where it was locked from.
        locked: Option<FetchedFrom>,
    },
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Difference::Missing { wanted, .. } => write!(f, "{wanted} is not in the lock"),
            Difference::Superfluous { reference } => {
                write!(f, "{reference} is in the lock, and no entry of the list asks for it")
            }
            Difference::OtherDigest { reference, wanted, locked } => {
                write!(f, "{reference} is locked as {locked}, and the list says {wanted}")
            }
            Difference::OtherChoice { reference, wanted, locked } => {
                write!(f, "of {reference}, the list chooses {}, and the lock ", shown(wanted))?;
                f.write_str(&shown(locked))
            }
            Difference::OtherGroups { reference } => {
                write!(f, "{reference} is in other groups in the list than in the lock")
            }
            Difference::OtherSelector { reference } => {
                write!(f, "{reference} was locked for another tag selector than the list has now")
            }
            Difference::OtherSource { reference, wanted, locked } => {
                let place = |from: &Option<FetchedFrom>| match (from, reference) {
                    (Some(from), _) => from.to_string(),
                    (None, SourceReference::Registry(_)) => "its registry".to_owned(),
                    (None, SourceReference::Layout(_)) => "the place that it names".to_owned(),
                };
                write!(f, "{reference} was locked from {}, ", place(locked))?;
                write!(f, "and the list takes it from {}", place(wanted))
            }
        }
    }
}

/// All in which a lock is not that of a list, in the order of the list, then of the lock. Empty where a new
/// run would change nothing.
///
/// # Errors
/// For each reference that two entries want with two digests, or from two places.
pub fn compare(entries: &[Entry], lock: &Lock) -> Result<Vec<Difference>, Vec<AskedForTwice>> {
    let lacks = |(_, entry): &(usize, &Entry)| locked_of(entry, lock).is_empty();
    let mut differences: Vec<Difference> = entries
        .iter()
        .enumerate()
        .filter(lacks)
        .map(|(position, entry)| Difference::Missing { wanted: entry.wanted.to_string(), entry: position })
        .collect();
    let wanted = wanted_images(entries, lock, &BTreeMap::new())?;
    let known: HashSet<&SourceReference> = wanted.iter().map(|wish| &wish.reference).collect();
    differences.extend(wanted.iter().flat_map(|wish| differences_of(wish, lock)));
    let others = lock.images().iter().filter(|image| !known.contains(&image.reference));
    differences.extend(others.map(|image| Difference::Superfluous { reference: image.reference.clone() }));
    Ok(differences)
}

/// In what one locked image is not what the list wants.
fn differences_of(wish: &WantedImage, lock: &Lock) -> Vec<Difference> {
    let Some(locked) = lock.find(&wish.reference) else { return Vec::new() };
    let reference = || wish.reference.clone();
    let mut found = Vec::new();
    if let Some(digest) = wish.digest.filter(|digest| *digest != locked.digest) {
        let (reference, locked) = (reference(), locked.digest);
        found.push(Difference::OtherDigest { reference, wanted: digest, locked });
    }
    if wish.choice != locked.choice {
        let (wanted, locked) = (wish.choice.clone(), locked.choice.clone());
        found.push(Difference::OtherChoice { reference: reference(), wanted, locked });
    }
    if wish.groups != locked.groups {
        found.push(Difference::OtherGroups { reference: reference() });
    }
    if wish.selectors != locked.selectors {
        found.push(Difference::OtherSelector { reference: reference() });
    }
    let wanted = source_of(wish, locked.from.as_ref());
    if wanted != locked.from.as_ref() {
        let (wanted, locked) = (wanted.cloned(), locked.from.clone());
        found.push(Difference::OtherSource { reference: reference(), wanted, locked });
    }
    found
}

/// Where a new run would have the image from. Which mirror has it is no matter of the list.
fn source_of<'a>(wish: &'a WantedImage, locked: Option<&'a FetchedFrom>) -> Option<&'a FetchedFrom> {
    match (&wish.reference, &wish.from) {
        (SourceReference::Layout(_), _) => None,
        (SourceReference::Registry(_), Some(from)) => Some(from),
        (SourceReference::Registry(_), None) => locked.filter(|from| matches!(from, FetchedFrom::Mirror(_))),
    }
}

/// A choice for people: `linux/amd64, referrers none`.
fn shown(choice: &Choice) -> String {
    let mut parts: Vec<String> = choice.platforms.iter().map(ToString::to_string).collect();
    if parts.is_empty() {
        parts.push("all platforms".to_owned());
    }
    parts.extend(choice.referrers.map(|referrers| format!("referrers {}", word(referrers))));
    parts.join(", ")
}
