//! Whether attached content comes along with images.

/// Whether a bundle has the content that is attached to the images.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Referrers {
    /// All of it: referrers, and cosign's tags.
    #[default]
    All,
    /// None of it; no registry is asked for it.
    None,
}
