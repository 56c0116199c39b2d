//! What all findings together say: the state of the bundle, and which findings only follow from others.

use airlift_bundle::write::part;
use airlift_oci::Root;

use crate::examine::Examined;
use crate::report::{Finding, State};

/// What is not looked at because there is too much of it.
const LIMITS: [&str; 4] = ["graph-limit", "tar-limit", "folder-limit", "layout-size"];

/// What says nothing of how much of an unfinished file is there.
const BESIDE_UNFINISHED: [&str; 4] = ["expected-id", "graph-limit", "zst-foreign", "volume-foreign"];

/// What ends the look at a container, or hides a file of it.
const HIDING: [&str; 15] = [
    "folder-limit",
    "folder-type",
    "tar-checksum",
    "tar-end",
    "tar-format",
    "tar-limit",
    "tar-path",
    "tar-pax",
    "tar-size",
    "tar-truncated",
    "tar-type",
    "volume-missing",
    "volume-size",
    "zst-frame",
    "zst-table",
];

/// How many images a sentence names.
const NAMED: usize = 5;

impl Examined {
    /// What the bundle is, by what was found so far.
    pub fn state(&self) -> State {
        let errors: Vec<&str> =
            self.findings.as_slice().iter().filter(|one| one.is_error()).map(|one| one.rule).collect();
        let only = |rules: &[&str]| errors.iter().all(|rule| rules.contains(rule));
        if !self.findings.forbid() {
            let is_partial = self.findings.as_slice().iter().any(|one| one.rule == "index-partial");
            if is_partial { State::Partial } else { State::Whole }
        } else if self.is_unfinished() {
            State::Unfinished
        } else if self.archive.is_docker_archive() || only(&["layout-missing"]) && self.has_no_top_files() {
            State::NoLayout
        } else if errors.contains(&"expected-id") && only(&[&LIMITS[..], &["expected-id"]].concat()) {
            State::OtherBundle
        } else if only(&LIMITS) {
            State::OverLimit
        } else if only(&["tar-repacked"]) {
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
        let mut all: Vec<Finding> =
            self.findings.to_vec().into_iter().map(|one| one.placed_in(&self.archive)).collect();
        let is_hidden = all.iter().any(|one| one.is_error() && HIDING.contains(&one.rule));
        let shift = all.iter().find(|one| one.rule == "tar-shifted").and_then(|one| one.offset);
        let mut layout_missing = 0;
        for one in &mut all {
            one.follows = match one.rule {
                "blob-missing" | "manifest-missing" => is_hidden,
                "layout-missing" => {
                    layout_missing += 1;
                    is_hidden && !self.archive.is_docker_archive() || layout_missing > 1
                }
                // A header that is not what it has to be because there is nothing.
                "tar-header" | "tar-padding" if one.offset >= Some(self.archive.size()) => true,
                "blob-digest" | "tar-tail" | "tar-truncated" => {
                    shift.is_some_and(|shift| one.offset > Some(shift))
                }
                _ => false,
            };
            if matches!(one.rule, "tar-truncated" | "tar-end") {
                one.message.push_str(&self.what_is_missing());
            }
        }
        if self.is_unfinished() {
            all.iter_mut().for_each(|one| one.follows = true);
            let message =
                "this is an unfinished build, not a bundle: the build has not ended, or was broken off";
            let path = self.archive.path().file_name().unwrap_or_default().to_string_lossy();
            all.insert(0, Finding::error("bundle-unfinished", message).of(vec![path.into_owned()]));
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
