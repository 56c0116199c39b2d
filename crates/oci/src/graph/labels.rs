//! What people call the children of an index.

use std::collections::HashMap;

use crate::media_type::Kind;
use crate::text::shown_name;
use crate::{Descriptor, Digest};

/// The children of one index, by what people call them.
pub(super) struct Labels<'a> {
    siblings: &'a [Descriptor],
    positions: HashMap<Digest, usize>,
}

impl<'a> Labels<'a> {
    pub(super) fn of(siblings: &'a [Descriptor]) -> Self {
        let mut positions = HashMap::new();
        if siblings.iter().any(Descriptor::is_attestation) {
            for (position, sibling) in siblings.iter().enumerate() {
                positions.entry(sibling.digest).or_insert(position);
            }
        }
        Labels { siblings, positions }
    }

    /// A child's name among its siblings.
    pub(super) fn label(&self, number: usize) -> String {
        let child = &self.siblings[number];
        let platform_of = |descriptor: &Descriptor| {
            let platform = descriptor.platform.as_ref().filter(|platform| !platform.is_unknown())?;
            Some(shown_name(&platform.normalised().to_string()))
        };
        if child.is_attestation() {
            let of = child.attested().and_then(|subject| self.positions.get(&subject));
            return match of.and_then(|position| platform_of(&self.siblings[*position])) {
                Some(platform) => format!("attestation of {platform}"),
                None => format!("attestation {}", number + 1),
            };
        }
        match (platform_of(child), child.kind()) {
            (Some(platform), _) => platform,
            (None, Kind::Index) => format!("index {}", number + 1),
            (None, _) => format!("manifest {}", number + 1),
        }
    }
}
