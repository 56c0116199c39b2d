//! How a plan is made: what the caller may choose.

use airlift_oci::Limits;

/// What to do where an image lacks a platform that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Refuse the build.
    #[default]
    Refuse,
    /// Take what the image has; leave out, with a warning, an image that has none.
    Allow,
}

/// How to plan.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Large transfers side by side. With one, requests are made one after the other.
    pub jobs: usize,
    /// Larger graphs count as an attack.
    pub limits: Limits,
    /// What to do where an image lacks one of the platforms.
    pub missing: Missing,
    /// What to do with foreign layers that the registry doesn't have.
    pub foreign_layers: ForeignLayers,
}

/// What to do with foreign layers that the source's registry doesn't have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignLayers {
    /// Leave them outside, with a warning.
    #[default]
    LeaveOutside,
    /// Fetch them from their addresses: by https, without credentials.
    Fetch,
}
