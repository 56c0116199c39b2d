//! What to carry of an image.

use airlift_oci::{Platform, Referrers};

/// What to carry of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Choice {
    /// The platforms to carry; empty: all.
    pub platforms: Vec<Platform>,
    /// Whether signatures and the like come along; `None`: nothing says so, and they do.
    pub referrers: Option<Referrers>,
}
