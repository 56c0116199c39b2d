//! Which repositories can't be written to, and why not.

use std::fmt;

use airlift_oci::{Host, Repository};
use airlift_registry::{Product, Refusal};

use crate::options::MissingProjects;

/// Repositories that can't be written to.
#[derive(Debug)]
pub struct WriteRefusal {
    /// The registry.
    pub host: Host,
    /// What the registry is, if that shows.
    pub product: Option<Product>,
    /// What the options say of projects that are missing.
    pub missing_projects: MissingProjects,
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
        self.missing().next().is_some()
    }

    fn missing(&self) -> impl Iterator<Item = &RefusedRepository> {
        self.repositories.iter().filter(|refused| refused.reason == RefusalReason::Missing)
    }

    /// What has to be created: the first part of each missing repository's path, each once, with one of its
    /// repositories. A path of one part is in no project.
    pub fn projects(&self) -> Vec<(&str, &Repository)> {
        let mut projects: Vec<(&str, &Repository)> = Vec::new();
        for RefusedRepository { repository, .. } in self.missing() {
            if let Some((project, _)) = repository.path().split_once('/')
                && !projects.iter().any(|(known, _)| *known == project)
            {
                projects.push((project, repository));
            }
        }
        projects
    }

    /// Whether the push may create what is missing, and nothing else is in its way: only Harbor has an API
    /// for that.
    pub fn is_creatable(&self) -> bool {
        let is_missing = |refused: &RefusedRepository| {
            refused.reason == RefusalReason::Missing && refused.repository.path().contains('/')
        };
        self.missing_projects == MissingProjects::Create
            && self.product == Some(Product::Harbor)
            && self.repositories.iter().all(is_missing)
    }
}
