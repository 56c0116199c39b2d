//! What all findings together say: the state of the bundle, and which findings only follow from others.

use airlift_bundle::write::part;
use airlift_bundle::{Finding, Rule};
use airlift_oci::Root;

use crate::container::unfinished;
use crate::examine::Examined;
use crate::report::State;

/// What is not looked at because there is too much of it.
const LIMITS: [Rule; 4] = [Rule::GraphLimit, Rule::TarLimit, Rule::FolderLimit, Rule::LayoutSize];

/// What says nothing of how much of an unfinished file is there.
const BESIDE_UNFINISHED: [Rule; 4] =
    [Rule::ExpectedId, Rule::GraphLimit, Rule::ZstForeign, Rule::VolumeForeign];

/// What ends the look at a container, or hides a file of it.
const HIDING: [Rule; 15] = [
    Rule::FolderLimit,
    Rule::FolderType,
    Rule::TarChecksum,
    Rule::TarEnd,
    Rule::TarFormat,
    Rule::TarLimit,
    Rule::TarPath,
    Rule::TarPax,
    Rule::TarSize,
    Rule::TarTruncated,
    Rule::TarType,
    Rule::VolumeMissing,
    Rule::VolumeSize,
    Rule::ZstFrame,
    Rule::ZstTable,
];

/// How many images a sentence names.
const NAMED: usize = 5;

impl Examined {
    /// What the bundle is, by what was found so far.
    pub fn state(&self) -> State {
        let errors: Vec<Rule> =
            self.findings.as_slice().iter().filter(|one| one.is_error()).map(|one| one.rule).collect();
        let only = |rules: &[Rule]| errors.iter().all(|rule| rules.contains(rule));
        if !self.findings.forbid() {
            let is_partial = self.findings.as_slice().iter().any(|one| one.rule == Rule::IndexPartial);
            if is_partial { State::Partial } else { State::Whole }
        } else if self.is_unfinished() {
            State::Unfinished
        } else if self.archive.is_docker_archive() || only(&[Rule::LayoutMissing]) && self.has_no_top_files()
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

    fn has_no_top_files(&self) -> bool {
        self.archive.layout().is_none() && self.archive.index().is_none()
    }

    /// Whether its name is that of an unfinished build, and so is what was found.
    fn is_unfinished(&self) -> bool {
        let incomplete = |one: &Finding| one.is_error() && !BESIDE_UNFINISHED.contains(&one.rule);
        part::is_unfinished(self.archive.path()) && self.findings.as_slice().iter().any(incomplete)
    }

    /// All findings: those from which others follow first, and those others behind them.
    pub(crate) fn concluded(&self) -> Vec<Finding> {
        let mut all: Vec<Finding> = self.findings.to_vec();
        let is_hidden = all.iter().any(|one| one.is_error() && HIDING.contains(&one.rule));
        let shift = all.iter().find(|one| one.rule == Rule::TarShifted).and_then(|one| one.offset);
        let mut layout_missing = 0;
        for one in &mut all {
            one.volume = one.offset.and_then(|offset| self.archive.storage()?.volume_at(offset));
            one.follows = match one.rule {
                Rule::BlobMissing | Rule::ManifestMissing => is_hidden,
                Rule::LayoutMissing => {
                    layout_missing += 1;
                    is_hidden && !self.archive.is_docker_archive() || layout_missing > 1
                }
                // A header that is not what it has to be because there is nothing.
                Rule::TarHeader | Rule::TarPadding if one.offset >= Some(self.archive.size()) => true,
                Rule::BlobDigest | Rule::TarTail | Rule::TarTruncated => {
                    shift.is_some_and(|shift| one.offset > Some(shift))
                }
                _ => false,
            };
            if matches!(one.rule, Rule::TarTruncated | Rule::TarEnd) {
                one.message.push_str(&self.what_is_missing());
            }
        }
        if self.is_unfinished() {
            all.iter_mut().for_each(|one| one.follows = true);
            all.insert(0, unfinished(self.archive.path()));
        }
        all.sort_by_key(|one| one.follows);
        all
    }

    /// Which images are missing, or are so in part, for the end of a sentence on an archive that was cut off.
    fn what_is_missing(&self) -> String {
        let Some(graph) = self.graph().filter(|_| !self.archive.is_docker_archive()) else {
            return String::new();
        };
        let lacking: Vec<&Root> = graph.roots.iter().filter(|root| !self.is_whole(graph, root)).collect();
        let names: Vec<String> = lacking.iter().take(NAMED).map(|root| root.name()).collect();
        let more = match lacking.len().checked_sub(NAMED) {
            None | Some(0) => String::new(),
            Some(more) => format!(" and {more} more"),
        };
        match names.is_empty() {
            true => String::new(),
            false => format!("; what follows is missing: parts of {}{more}", names.join(", ")),
        }
    }
}
