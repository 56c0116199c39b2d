//! Looks through files.

use airlift_oci::Position;

use super::annotation;
use super::options::{FinderOptions, Guessing, HelmValues};
use super::report::{FileReport, Found};
use super::state::ObjectFinder;
use crate::problem::Fault;
use crate::rules::{PathError, Ruleset};
use crate::yaml::{Documents, moved};

/// No file is read that is larger.
pub const MOST_BYTES: usize = 64 << 20;

/// Finds references in files.
#[derive(Debug)]
pub struct Finder {
    rules: Ruleset,
    guessing: Guessing,
    values: HelmValues,
}

impl Finder {
    /// A finder with the built-in rules and these options.
    ///
    /// # Errors
    /// If a built-in rule is no good.
    pub fn new(options: &FinderOptions) -> Result<Self, PathError> {
        let rules = Ruleset::new(&options.rules)?;
        Ok(Finder { rules, guessing: options.guessing, values: options.values })
    }

    /// Adds what is in a file to what was found before. Its name says whether it may be a Kustomization or a
    /// chart's description.
    pub fn find(&self, file: &str, bytes: &[u8], found: &mut Found) {
        let text = match std::str::from_utf8(bytes) {
            _ if bytes.len() > MOST_BYTES => {
                let mut report = FileReport::new(file, "", found);
                return report.problem_at(Position { line: 1, column: 1 }, 0, Fault::TooLarge(MOST_BYTES));
            }
            Ok(text) => text,
            Err(error) => {
                let valid =
                    bytes.get(..error.valid_up_to()).and_then(|valid| std::str::from_utf8(valid).ok());
                let valid = valid.unwrap_or_default();
                let position = moved(Position { line: 1, column: 1 }, valid);
                let mut report = FileReport::new(file, valid, found);
                return report.problem_at(position, valid.len(), Fault::Encoding);
            }
        };
        self.find_in(&mut FileReport::new(file, text, found));
    }

    fn find_in(&self, report: &mut FileReport<'_>) {
        let before = (report.found.places.len(), report.found.problems.len(), report.found.notes.len());
        let mut documents = Documents::new(report.text);
        while let Some(document) = documents.next() {
            match document {
                Ok(tree) => {
                    let mut finder = ObjectFinder::new(&self.rules, self.guessing, tree, report);
                    finder.values = self.values;
                    finder.document();
                    annotation::of_chart(tree, report);
                }
                Err(error) => {
                    if report.broken(error) {
                        break;
                    }
                }
            }
        }
        // Rules have another order than files.
        let Found { places, problems, notes } = &mut *report.found;
        of_file(places, before.0).sort_by_key(|place| place.position);
        of_file(problems, before.1).sort_by_key(|problem| problem.position);
        of_file(notes, before.2).sort_by_key(|note| note.position);
    }
}

/// What was found in this file, behind what was found before.
fn of_file<T>(found: &mut [T], before: usize) -> &mut [T] {
    found.get_mut(before..).unwrap_or_default()
}
