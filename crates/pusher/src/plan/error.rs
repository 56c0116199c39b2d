//! Why there is no plan.

use airlift_oci::{Digest, ReferenceError, Unmatched};

use crate::plan::destination::{Destination, MapRule};

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The bundle names no image.
    #[error("the bundle holds no image")]
    Empty,
    /// Patterns that no image matches.
    #[error("no image matches {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", nor "))]
    NoMatch(Vec<Unmatched>),
    /// A rule that no image goes by: most likely a typing error.
    #[error("the rule {rule} is of no use: {reason}")]
    UnusedRule {
        /// The rule.
        rule: MapRule,
        /// Why no image goes by it.
        reason: UnusedRule,
    },
    /// A layout that doesn't say which repository an image is of.
    #[error(
        "{name} has no repository name in this layout; name the repository in the destination: {destination}/REPOSITORY"
    )]
    Unnamed {
        /// What it is called.
        name: String,
        /// The destination as given.
        destination: Destination,
    },
    /// A name that no registry accepts.
    #[error("{name} can't be given a name at the target")]
    Name {
        /// The image.
        name: String,
        /// Why.
        #[source]
        source: ReferenceError,
    },
    /// Two images that would get one tag.
    #[error("{first} ({first_digest}) and {second} ({second_digest}) would both become {target}")]
    Conflict {
        /// The tag at the target.
        target: String,
        /// One image.
        first: String,
        /// Its digest.
        first_digest: Digest,
        /// The other image.
        second: String,
        /// Its digest.
        second_digest: Digest,
    },
}

/// Why no image goes by a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusedRule {
    /// Another rule is preferred for all that it fits.
    #[error("whatever it fits goes by the rule {by}, and the longest FROM counts")]
    Overruled {
        /// That rule.
        by: MapRule,
    },
    /// The images are of another tool's layout without names.
    #[error("the images of this layout have no repository names")]
    NoNames,
    /// The images that it fits were not chosen.
    #[error("it fits only images that are left out")]
    LeftOut,
    /// It ends in a tag or digest.
    #[error("FROM is a repository's name, or its beginning, without tag and digest")]
    WithTag,
    /// It ends in the middle of a name.
    #[error("FROM ends within a component of {name}; it has to end with one")]
    WithinComponent {
        /// That name.
        name: String,
    },
    /// No name starts with it.
    #[error(
        "no image's name starts with FROM, and FROM has the host in it (docker.io/library/); the images are {}",
        .names.join(", ")
    )]
    NoMatch {
        /// Some of the images' names.
        names: Vec<String>,
    },
}
