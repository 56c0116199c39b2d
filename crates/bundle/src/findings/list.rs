//! Findings as they come, with a limit on how many are kept.

use super::by_position::{FindingCounts, FindingsByPosition};
use super::finding::Finding;
use super::rule::Rule;

/// Findings as they come. A hostile bundle of a few megabytes can name a hundred thousand things that are
/// missing, each with a path. After the first 10,000, findings are only counted.
#[derive(Debug, Default)]
pub struct Findings {
    kept: Vec<Finding>,
    /// How many were not kept.
    more: FindingCounts,
}

impl Findings {
    /// So many are kept.
    const MOST: usize = 10_000;

    /// Adds a finding behind the others.
    pub fn push(&mut self, finding: Finding) {
        if self.kept.len() < Self::MOST {
            self.kept.push(finding);
        } else {
            self.more.count(&finding);
        }
    }

    /// Adds findings behind the others.
    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// A list of findings by position, for [`Findings::extend_by_position`].
    pub fn by_position() -> FindingsByPosition {
        FindingsByPosition::keeping(Self::MOST)
    }

    /// Adds findings behind the others, in the order of their positions.
    pub fn extend_by_position(&mut self, findings: FindingsByPosition) {
        let (kept, more) = findings.into_parts();
        self.extend(kept);
        self.more += more;
    }

    /// Puts findings in front of all others, which may follow from them.
    pub fn put_first(&mut self, findings: Vec<Finding>) {
        let others = std::mem::replace(&mut self.kept, findings);
        self.extend(others);
    }

    /// Drops findings that `keep` refuses, because they turned out to be none.
    pub fn retain(&mut self, keep: impl FnMut(&Finding) -> bool) {
        self.kept.retain(keep);
    }

    /// The findings that were kept.
    pub fn as_slice(&self) -> &[Finding] {
        &self.kept
    }

    /// Whether the bundle must not be used because of any of them.
    pub fn has_errors(&self) -> bool {
        self.more.errors > 0 || self.kept.iter().any(Finding::is_error)
    }

    /// All findings for a report. The last ones say how many were not kept.
    pub fn to_vec(&self) -> Vec<Finding> {
        let mut all = self.kept.clone();
        let FindingCounts { errors, warnings } = self.more;
        if errors > 0 {
            all.push(Finding::new(Rule::MoreFindings, format!("{errors} more errors are not listed")));
        }
        if warnings > 0 {
            let message = format!("{warnings} more warnings are not listed");
            all.push(Finding::new(Rule::MoreFindings, message).as_warning());
        }
        all
    }
}
