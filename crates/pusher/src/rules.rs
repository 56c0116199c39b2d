//! Rules by which no image went, and why: most likely they are slips.

use std::collections::HashSet;

use airlift_oci::{Graph, Reference, Root};

use crate::destination::MapRule;
use crate::plan::PlanError;

/// Why no image goes by a rule.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UnusedRule {
    /// Another rule is preferred for all that it fits.
    #[error("whatever it fits goes by the rule {by}, and the longest FROM counts")]
    Overruled {
        /// That rule.
        by: MapRule,
    },
    /// The bundle is another tool's layout without names.
    #[error("the images of this layout have no repository names")]
    NoNames,
    /// The images that it fits were not chosen.
    #[error("it fits only images that are not pushed")]
    LeftOut,
    /// It has a tag or digest.
    #[error("FROM is a repository's name, or its beginning, without tag and digest")]
    WithTag,
    /// It ends in the middle of a name.
    #[error("FROM ends within a component of {name}; it has to end with one")]
    WithinComponent {
        /// That name.
        name: String,
    },
    /// No name is like it.
    #[error(
        "no image's name starts with FROM, and FROM has the host in it (docker.io/library/); the bundle holds {}",
        .names.join(", ")
    )]
    NoMatch {
        /// Some of the bundle's names.
        names: Vec<String>,
    },
}

/// Which rules were used.
pub(crate) struct UsedRules<'a> {
    rules: &'a [MapRule],
    used: Vec<bool>,
    /// For each rule, the one that was preferred to it.
    overruled_by: Vec<Option<usize>>,
}

impl<'a> UsedRules<'a> {
    pub(crate) fn new(rules: &'a [MapRule]) -> Self {
        UsedRules { rules, used: vec![false; rules.len()], overruled_by: vec![None; rules.len()] }
    }

    /// `root` went by `rule`, if by any.
    pub(crate) fn note(&mut self, root: &Root, rule: Option<usize>) {
        let (Some(winner), Some(name)) = (rule, name_of(root)) else { return };
        self.used[winner] = true;
        for (other, rule) in self.rules.iter().enumerate().filter(|(other, _)| *other != winner) {
            if rule.speaks_of(&name) {
                self.overruled_by[other] = Some(winner);
            }
        }
    }

    /// Every rule must have been of use.
    pub(crate) fn conclude(self, graph: &Graph) -> Result<(), PlanError> {
        match self.used.iter().position(|used| !used) {
            None => Ok(()),
            Some(unused) => {
                let rule = self.rules[unused].clone();
                Err(PlanError::UnusedRule { reason: self.reason(unused, graph), rule })
            }
        }
    }

    fn reason(&self, unused: usize, graph: &Graph) -> UnusedRule {
        let rule = &self.rules[unused];
        if let Some(winner) = self.overruled_by[unused] {
            return UnusedRule::Overruled { by: self.rules[winner].clone() };
        }
        let mut names: Vec<String> = graph.roots.iter().filter_map(name_of).collect();
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() {
            return UnusedRule::NoNames;
        }
        if names.iter().any(|name| rule.speaks_of(name)) {
            return UnusedRule::LeftOut;
        }
        let without_tag = |name: &String| {
            rule.from().strip_prefix(name.as_str()).is_some_and(|rest| rest.starts_with([':', '@']))
        };
        if names.iter().any(without_tag) {
            return UnusedRule::WithTag;
        }
        if let Some(name) = names.iter().find(|name| name.starts_with(rule.from())) {
            return UnusedRule::WithinComponent { name: name.clone() };
        }
        names.truncate(8);
        UnusedRule::NoMatch { names }
    }
}

/// The repository of a root as rules see it, host included.
fn name_of(root: &Root) -> Option<String> {
    let reference = root.reference.as_deref().filter(|reference| reference.contains(['/', ':', '@']))?;
    Some(reference.parse::<Reference>().ok()?.repository().to_string())
}
