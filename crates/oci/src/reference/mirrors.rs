//! Mirrors: the repositories from which images are fetched in the place of their own. An image keeps the name
//! of its own repository; its digest decides, so no mirror can change what it is.

use std::fmt;
use std::str::FromStr;

use super::error::ReferenceError;
use super::grammar::Selector;
use super::host::{Host, HostError};
use super::repository::{Repository, is_repository_path};
use crate::text::without_password;

/// Why a text is no mirror rule, or why the rules have no answer for a repository.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MirrorError {
    /// Not of the form `FROM=TO`.
    #[error("'{}' is no mirror rule: write FROM=TO, such as docker.io=registry.corp/dockerhub", .0.escape_debug())]
    Form(String),
    /// One side is neither a host nor a host with a path.
    #[error("'{}' is neither a registry nor a path at one ({reason})", .text.escape_debug())]
    Prefix {
        /// The side as it was given.
        text: String,
        /// What is wrong with it.
        reason: String,
    },
    /// Two rules for the same prefix.
    #[error("there are two mirror rules for {0}: keep one of them")]
    Twice(String),
    /// The path at the mirror is none.
    #[error("{repository} has no place at the mirror {mirror}")]
    Path {
        /// The image's own repository.
        repository: Repository,
        /// The mirror.
        mirror: String,
        /// What is wrong with the path there.
        source: ReferenceError,
    },
    /// A rule forbids to fetch from there.
    #[error("{repository} is blocked: a rule for {prefix} forbids to fetch from there")]
    Blocked {
        /// The image's own repository.
        repository: Repository,
        /// The rule's prefix.
        prefix: String,
    },
}

/// A registry, or a part of its repositories: `docker.io`, `docker.io/library`. Where repositories are
/// compared with it, `*.example.com` stands for all hosts below `example.com`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositoryPrefix {
    host: Host,
    is_wildcard: bool,
    path: Option<String>,
}

impl RepositoryPrefix {
    /// The rest of a repository's path behind this prefix; `None` if the repository is not below it.
    fn rest_of<'a>(&self, repository: &'a Repository) -> Option<&'a str> {
        let host = repository.host();
        let is_same_host = match self.is_wildcard {
            true => host.port() == self.host.port() && is_below(host.name(), self.host.name()),
            false => *host == self.host,
        };
        match &self.path {
            _ if !is_same_host => None,
            None => Some(repository.path()),
            Some(path) => match repository.path().strip_prefix(path.as_str())? {
                "" => Some(""),
                rest => rest.strip_prefix('/'),
            },
        }
    }

    /// What makes a prefix the longest: a whole host before a wildcard, then the length.
    fn length(&self) -> (bool, usize, usize) {
        (!self.is_wildcard, self.host.name().len(), self.path.as_ref().map_or(0, String::len))
    }

    /// The prefix of one registry, which is none with a wildcard.
    ///
    /// # Errors
    /// If the text is neither a registry nor a path at one.
    pub fn of_one_registry(text: &str) -> Result<Self, MirrorError> {
        let prefix: RepositoryPrefix = text.parse()?;
        if prefix.is_wildcard {
            let reason = "it stands for many registries, and one is wanted".to_owned();
            return Err(MirrorError::Prefix { text: prefix.to_string(), reason });
        }
        Ok(prefix)
    }

    /// The repository `rest` below this prefix, which is none with a wildcard.
    fn with(&self, rest: &str) -> Result<Repository, ReferenceError> {
        let path = match &self.path {
            None => rest.to_owned(),
            Some(path) if rest.is_empty() => path.clone(),
            Some(path) => format!("{path}/{rest}"),
        };
        Repository::new(self.host.clone(), &path)
    }
}

fn is_below(host: &str, domain: &str) -> bool {
    host.strip_suffix(domain).is_some_and(|start| start.ends_with('.'))
}

impl FromStr for RepositoryPrefix {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        let bad = |reason: String| MirrorError::Prefix { text: without_password(text), reason };
        if text.contains('@') {
            return Err(bad("it has an @, and a login is no part of it".to_owned()));
        }
        let (host, path) = match text.strip_suffix('/').unwrap_or(text).split_once('/') {
            Some((host, path)) => (host, Some(path)),
            None => (text.strip_suffix('/').unwrap_or(text), None),
        };
        let (name, is_wildcard) = match host.strip_prefix("*.") {
            Some(domain) => (domain, true),
            None => (host, false),
        };
        let host: Host = name.parse().map_err(|error: HostError| bad(error.to_string()))?;
        let is_host = host.name().contains(['.', '[']) || host.port().is_some() || host.is_loopback();
        if !is_host && !is_wildcard {
            return Err(bad(format!("{host} is no host in a reference; is docker.io/{host} meant?")));
        }
        if path.is_some_and(|path| !is_repository_path(path)) {
            return Err(bad("its path is none of a repository".to_owned()));
        }
        Ok(RepositoryPrefix { host, is_wildcard, path: path.map(str::to_owned) })
    }
}

impl fmt::Display for RepositoryPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let star = if self.is_wildcard { "*." } else { "" };
        write!(f, "{star}{}", self.host)?;
        self.path.iter().try_for_each(|path| write!(f, "/{path}"))
    }
}

/// By what a mirror may be asked for an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MirrorUse {
    /// By tags and digests.
    #[default]
    Always,
    /// By digests only.
    DigestOnly,
    /// By tags only.
    TagOnly,
}

/// By what a repository is asked for its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AskedBy {
    /// By a tag, or for its list of tags.
    Tag,
    /// By a digest.
    Digest,
}

impl From<&Selector> for AskedBy {
    fn from(selector: &Selector) -> Self {
        match selector {
            Selector::Tag(_) => AskedBy::Tag,
            Selector::Digest(_) => AskedBy::Digest,
        }
    }
}

impl MirrorUse {
    fn allows(self, asked_by: AskedBy) -> bool {
        match self {
            MirrorUse::Always => true,
            MirrorUse::DigestOnly => asked_by == AskedBy::Digest,
            MirrorUse::TagOnly => asked_by == AskedBy::Tag,
        }
    }
}

/// Where the repositories below a prefix are fetched from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MirrorRule {
    /// The repositories that it is for.
    pub from: RepositoryPrefix,
    /// The mirrors, in the order in which they are asked.
    pub to: Vec<(RepositoryPrefix, MirrorUse)>,
    /// The place of the original itself, if that is another one than its name says.
    pub location: Option<RepositoryPrefix>,
    /// Nothing may be fetched, neither from a mirror nor from the original.
    pub is_blocked: bool,
}

impl MirrorRule {
    /// A rule with one mirror.
    ///
    /// # Errors
    /// If one of the two is neither a registry nor a path at one.
    pub fn new(from: &str, to: &str) -> Result<Self, MirrorError> {
        let to = vec![(RepositoryPrefix::of_one_registry(to)?, MirrorUse::Always)];
        Ok(MirrorRule { from: from.parse()?, to, location: None, is_blocked: false })
    }
}

impl FromStr for MirrorRule {
    type Err = MirrorError;

    fn from_str(text: &str) -> Result<Self, MirrorError> {
        match text.split_once('=') {
            Some((from, to)) => MirrorRule::new(from.trim(), to.trim()),
            None => Err(MirrorError::Form(without_password(text))),
        }
    }
}

/// Whether the original is asked where the mirrors fail.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum MirrorFallback {
    /// No: that is an error.
    #[default]
    Never,
    /// Yes.
    ToOriginal,
}

/// All mirror rules of a run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// The rules of each place where rules are written down; the first place goes before the others.
    places: Vec<Vec<MirrorRule>>,
    /// Whether the originals are asked where mirrors fail.
    pub fallback: MirrorFallback,
}

impl Mirrors {
    /// Adds the rules of one more place. They count where none of the earlier places has a rule.
    ///
    /// # Errors
    /// If two of them are for the same prefix.
    pub fn or(mut self, rules: Vec<MirrorRule>) -> Result<Self, MirrorError> {
        for (position, rule) in rules.iter().enumerate() {
            if rules[..position].iter().any(|earlier| earlier.from == rule.from) {
                return Err(MirrorError::Twice(rule.from.to_string()));
            }
        }
        self.places.push(rules);
        Ok(self)
    }

    /// The repositories to fetch an image from, in the order in which they are asked: its mirrors, and its
    /// own if there is no mirror or if the fallback allows it. Never empty.
    ///
    /// # Errors
    /// If a rule blocks the repository, or its path is too long at a mirror.
    pub fn candidates(
        &self,
        repository: &Repository,
        asked_by: AskedBy,
    ) -> Result<Vec<Repository>, MirrorError> {
        let Some((rule, rest)) = self.rule_of(repository) else { return Ok(vec![repository.clone()]) };
        if rule.is_blocked {
            let prefix = rule.from.to_string();
            return Err(MirrorError::Blocked { repository: repository.clone(), prefix });
        }
        let place = |prefix: &RepositoryPrefix| {
            prefix.with(rest).map_err(|source| MirrorError::Path {
                repository: repository.clone(),
                mirror: prefix.to_string(),
                source,
            })
        };
        let usable = rule.to.iter().filter(|(_, mirror_use)| mirror_use.allows(asked_by));
        let mut candidates = usable.map(|(prefix, _)| place(prefix)).collect::<Result<Vec<_>, _>>()?;
        if candidates.is_empty() || self.fallback == MirrorFallback::ToOriginal {
            candidates.push(rule.location.as_ref().map_or_else(|| Ok(repository.clone()), place)?);
        }
        Ok(candidates)
    }

    /// The rule with the longest prefix, of the first place that has one.
    fn rule_of<'a, 'r>(&'a self, repository: &'r Repository) -> Option<(&'a MirrorRule, &'r str)> {
        self.places.iter().find_map(|rules| {
            let fitting = rules.iter().filter_map(|rule| Some((rule, rule.from.rest_of(repository)?)));
            fitting.max_by_key(|(rule, _)| rule.from.length())
        })
    }
}

#[cfg(test)]
#[path = "mirrors_tests.rs"]
mod tests;
