//! What is looked for beside what is known.

use crate::rules::Rule;

/// Whether texts count that look like references.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Guessing {
    /// Only what rules lead to.
    #[default]
    Off,
    /// In arguments, environment variables and config maps, a text with a registry, and a tag or a digest.
    On,
}

/// Whether the values of charts are looked through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum HelmValues {
    /// They may name what is no image.
    #[default]
    Skip,
    /// The caller knows which images there are.
    Read,
}

/// What is looked for beside what is known.
#[derive(Clone, Debug, Default)]
pub struct FinderOptions {
    /// Where images stand in kinds that are not known.
    pub rules: Vec<Rule>,
    /// Whether texts count that look like references.
    pub guessing: Guessing,
    /// Whether the values of charts are looked through.
    pub values: HelmValues,
}
