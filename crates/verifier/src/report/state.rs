//! The state of a bundle: what all its findings together say.

use airlift_bundle::write::unfinished_names;
use airlift_bundle::{Finding, Rule};
use schemars::JsonSchema;
use serde::Serialize;

use crate::examined::Examined;

/// What a bundle is, by all its findings.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Whole and unchanged, without what was left out by choice.
    Whole,
    /// Another tool's layout that lacks some platforms of an image. What is there is right.
    Partial,
    /// Not the bundle whose id was expected. Nothing else is wrong.
    OtherBundle,
    /// Not the images that were locked. Nothing else is wrong.
    NotAsLocked,
    /// It has more of something than a limit allows. The part that was read is right.
    OverLimit,
    /// No image layout, as far as can be seen.
    NoLayout,
    /// A bundle of Airlift's that another tool packed again: all content is right, but the archive isn't the
    /// original.
    PackedAgain,
    /// A build wrote this and has not ended, or was broken off.
    Unfinished,
    /// Damaged, or made in a way that is not safe to rely on.
    Damaged,
}

/// Rules by which something is not looked at, because there is too much of it.
const LIMITS: [Rule; 4] = [Rule::GraphLimit, Rule::TarLimit, Rule::FolderLimit, Rule::LayoutSize];

/// Rules that don't say how much of an unfinished file is there.
const BESIDE_UNFINISHED: [Rule; 4] =
    [Rule::ExpectedId, Rule::GraphLimit, Rule::ZstForeign, Rule::VolumeForeign];

impl Examined {
    /// What the bundle is, by what was found so far.
    pub fn state(&self) -> State {
        let errors = self.findings.as_slice().iter().filter(|one| one.is_error()).map(|one| one.rule);
        let (locked, errors): (Vec<Rule>, Vec<Rule>) = errors.partition(|rule| rule.is_of_lock());
        let only = |rules: &[Rule]| errors.iter().all(|rule| rules.contains(rule));
        if !self.findings.has_errors() {
            let is_partial = self.findings.as_slice().iter().any(|one| one.rule == Rule::IndexPartial);
            if is_partial { State::Partial } else { State::Whole }
        } else if self.is_unfinished() {
            State::Unfinished
        } else if errors.is_empty() && !locked.is_empty() {
            State::NotAsLocked
        } else if self.archive.is_docker_archive()
            || only(&[Rule::LayoutMissing]) && self.has_no_layout_file()
        {
            State::NoLayout
        } else if errors.contains(&Rule::ExpectedId) && only(&[&LIMITS[..], &[Rule::ExpectedId]].concat()) {
            State::OtherBundle
        } else if only(&LIMITS) {
            State::OverLimit
        } else if only(&[Rule::TarRepacked]) {
            State::PackedAgain
        } else {
            State::Damaged
        }
    }

    fn has_no_layout_file(&self) -> bool {
        self.archive.layout().is_none() && self.archive.index().is_none()
    }

    /// Whether its name is that of an unfinished build, and the findings fit to that.
    pub(super) fn is_unfinished(&self) -> bool {
        let beside = |rule: Rule| rule.is_of_lock() || BESIDE_UNFINISHED.contains(&rule);
        let incomplete = |one: &Finding| one.is_error() && !beside(one.rule);
        unfinished_names::is_unfinished(self.archive.path())
            && self.findings.as_slice().iter().any(incomplete)
    }
}
