//! Which repositories can't be written to, and why not.

use std::fmt;

use airlift_oci::{Host, Repository};
use airlift_registry::{Product, Refusal};

/// Repositories that can't be written to.
#[derive(Debug)]
pub struct WriteRefusal {
    /// The registry.
    pub host: Host,
    /// What the registry is, if that shows.
    pub product: Option<Product>,
    /// How many repositories were asked.
    pub asked: usize,
    /// Those that refuse, in the order of the plan.
    pub repositories: Vec<RefusedRepository>,
}

/// A repository that can't be written to.
#[derive(Clone, Debug)]
pub struct RefusedRepository {
    /// The repository.
    pub repository: Repository,
    /// Why not.
    pub reason: RefusalReason,
    /// The registry's answer.
    pub answer: Refusal,
}

/// Why a repository can't be written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// It, or the project in which it would be, doesn't exist.
    Missing,
    /// This login may not write there.
    Denied,
    /// The registry takes no such name.
    BadName,
}

impl fmt::Display for RefusalReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            RefusalReason::Missing => "missing",
            RefusalReason::Denied => "denied",
            RefusalReason::BadName => "bad name",
        })
    }
}

impl fmt::Display for WriteRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let WriteRefusal { host, asked, repositories, .. } = self;
        write!(f, "{host} refuses uploads to {} of {asked} repositories", repositories.len())?;
        for (position, refused) in repositories.iter().enumerate() {
            let separator = if position == 0 { ": " } else { ", " };
            write!(f, "{separator}{} ({})", refused.repository, refused.reason)?;
        }
        f.write_str("; nothing was pushed")
    }
}

impl std::error::Error for WriteRefusal {}

impl WriteRefusal {
    /// Whether something is missing that could be created.
    pub(crate) fn has_missing(&self) -> bool {
        self.repositories.iter().any(|refused| refused.reason == RefusalReason::Missing)
    }
}
