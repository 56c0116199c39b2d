//! Pushes that are killed: a tag stands for what it stood for, or for an image that is all there.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use airlift_server::samples::Sample;

use super::{Program, Scenario};
use crate::http::{Endpoint, Response};

/// `airlift push` of one image, into another repository each round.
pub struct Push {
    program: Program,
    bundle: PathBuf,
    sample: Sample,
    target: Endpoint,
    /// What the tag stands for before.
    old: Option<Sample>,
}

impl Push {
    /// Pushes `bundle`, which holds `sample`, to `target`; the tag has to move there from `old`, if there is
    /// one.
    pub fn new(
        program: &Program,
        bundle: &Path,
        sample: &Sample,
        target: Endpoint,
        old: Option<&Sample>,
    ) -> Self {
        let old = old.cloned().map(|old| Sample { tag: sample.tag.clone(), ..old });
        Push { program: program.clone(), bundle: bundle.to_owned(), sample: sample.clone(), target, old }
    }

    fn prefix(&self, round: usize) -> String {
        format!("{}-{round}", self.name())
    }

    /// What the tag stands for. The last request may still be on its way, and Distribution answers 500 for a
    /// tag that it is just writing: so it is asked again.
    fn tag_in(&self, repository: &str) -> Response {
        let mut found = self.target.try_manifest(repository, &self.sample.tag);
        for _ in 0..20 {
            if found.status < 500 {
                break;
            }
            std::thread::sleep(Duration::from_millis(50));
            found = self.target.try_manifest(repository, &self.sample.tag);
        }
        found
    }

    fn repository(&self, round: usize) -> String {
        format!("{}/{}", self.prefix(round), self.sample.repository)
    }
}

impl Scenario for Push {
    fn name(&self) -> String {
        if self.old.is_none() { "push" } else { "move" }.to_owned()
    }

    fn begin(&self, folder: &Path, round: usize) -> Command {
        if let Some(old) = &self.old {
            self.target.push(&[Sample { repository: self.repository(round), ..old.clone() }]);
        }
        let destination = format!("{}/{}", self.target.authority(), self.prefix(round));
        let bundle = self.bundle.to_str().expect("temporary paths are UTF-8");
        let mut command = self.program.command(folder, &["push", bundle, &destination]);
        if self.old.is_some() {
            command.arg("--move-tags");
        }
        command
    }

    fn check_left(&self, _: &Path, round: usize) {
        let repository = self.repository(round);
        let found = self.tag_in(&repository);
        match (found.status, &self.old) {
            (404, None) => {}
            (200, Some(old)) if found.body == old.root.bytes => {}
            // Whoever follows the tag finds all of it.
            (200, _) => self.target.assert_holds(&self.sample, &repository),
            (status, _) => panic!("{repository}:{} is answered with {status}", self.sample.tag),
        }
    }

    fn check_done(&self, _: &Path, round: usize) {
        self.target.assert_holds(&self.sample, &self.repository(round));
    }
}
