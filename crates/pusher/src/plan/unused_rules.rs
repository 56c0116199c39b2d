//! Rules that no image goes by, and why: most likely they are typing errors.

use std::collections::HashSet;

use airlift_oci::{Reference, Root};

use crate::plan::destination::MapRule;
use crate::plan::error::{PlanError, UnusedRule};

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

    /// Notes that `root` goes by `rule`, if by any.
    pub(crate) fn note(&mut self, root: &Root, rule: Option<usize>) {
        let (Some(winner), Some(name)) = (rule, name_of(root)) else { return };
        self.used[winner] = true;
        for (other, rule) in self.rules.iter().enumerate().filter(|(other, _)| *other != winner) {
            if rule.fits(&name) {
                self.overruled_by[other] = Some(winner);
            }
        }
    }

    /// Checks that an image goes by each rule.
    ///
    /// # Errors
    /// [`PlanError::UnusedRule`].
    pub(crate) fn conclude(self, roots: &[Root]) -> Result<(), PlanError> {
        match self.used.iter().position(|used| !used) {
            None => Ok(()),
            Some(unused) => {
                let rule = self.rules[unused].clone();
                Err(PlanError::UnusedRule { reason: self.reason(unused, roots), rule })
            }
        }
    }

    fn reason(&self, unused: usize, roots: &[Root]) -> UnusedRule {
        let rule = &self.rules[unused];
        if let Some(winner) = self.overruled_by[unused] {
            return UnusedRule::Overruled { by: self.rules[winner].clone() };
        }
        let mut names: Vec<String> = roots.iter().filter_map(name_of).collect();
        let mut seen = HashSet::new();
        names.retain(|name| seen.insert(name.clone()));
        if names.is_empty() {
            return UnusedRule::NoNames;
        }
        if names.iter().any(|name| rule.fits(name)) {
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
