//! Whether a bundle carries a thing, and if not, why.

/// Whether a bundle carries what its roots lead to.
///
/// For a manifest that is known by its bytes, this is about its config and layers: manifests are small, and a
/// bundle has all of an index, whatever platforms were chosen.
///
/// Bundles that leave out what their target is assumed to have will need one more variant, which
/// [`crate::Graph`] gives to manifests and blobs like the others.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Carried {
    /// The bundle has it.
    Yes,
    /// It belongs to a platform that was not chosen.
    LeftOut,
    /// A layer that stays outside: the source has no copy, and the layer's descriptor has `urls`.
    External,
    /// A manifest that the source didn't have. Nothing that was chosen needs it.
    Absent,
    /// A manifest that the source didn't have, although it belongs to what was chosen.
    Missing,
}

impl Carried {
    /// Whether it belongs to what was chosen, be it there or not.
    pub fn is_chosen(self) -> bool {
        matches!(self, Carried::Yes | Carried::Missing)
    }

    /// Whether the source didn't have it.
    pub fn is_absent(self) -> bool {
        matches!(self, Carried::Absent | Carried::Missing)
    }
}
