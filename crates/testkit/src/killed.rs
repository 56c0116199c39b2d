//! Kills the product at its system calls, one after the other, and looks at what is left: nothing half-done under a name
//! that counts, and nothing that the same command doesn't get over.
//!
//! `tests/faults/kill` walks all calls; a test walks some of them by the same code.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use airlift_server::samples::{self, Child, ImageSpec, IndexSpec, Layer, Sample};

use crate::http::{Endpoint, Response};
use crate::tracer::{self, Ended, Kill, name_of};

/// Runs that end before they are killed, in a row, until it is clear that there are no more calls to kill at.
const CALM: usize = 5;

/// What the user of this machine may have set, and what must not reach a run.
const FOREIGN: [&str; 8] = [
    "ALL_PROXY",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CONFIG",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "REGISTRY_AUTH_FILE",
    "XDG_RUNTIME_DIR",
    "http_proxy",
];

/// The product's binary.
#[derive(Clone, Debug)]
pub struct Program(pub PathBuf);

impl Program {
    /// A call of it in a folder, which is also its home.
    pub fn command(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(&self.0);
        command.current_dir(folder).env("HOME", folder).args(arguments);
        for name in FOREIGN {
            command.env_remove(name);
        }
        command
    }

    /// The same run to its end, which must be a good one.
    pub fn run(&self, folder: &Path, arguments: &[&str]) -> Output {
        let output = self.command(folder, arguments).output().expect("the binary starts");
        let complaints = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{arguments:?}: {}\n{complaints}", output.status);
        output
    }
}

/// A use of the product that is killed again and again, each time from the same beginning.
///
/// What is wrong is a panic.
pub trait Scenario: Sync {
    /// Its name, as people ask for it.
    fn name(&self) -> &'static str;
    /// Makes the beginning in an empty folder, and says what is run there. `round` tells it from all others.
    fn begin(&self, folder: &Path, round: usize) -> Command;
    /// Looks at what a kill left.
    fn check_left(&self, folder: &Path, round: usize);
    /// Looks at what the same command made of it, without being killed.
    fn check_done(&self, folder: &Path, round: usize);
}

/// What came of many rounds.
#[derive(Clone, Debug, Default)]
pub struct Tally {
    /// Runs that were killed.
    pub killed: usize,
    /// Runs that ended first.
    pub ended: usize,
    /// Where they were killed: calls and how often.
    pub kinds: BTreeMap<String, usize>,
    /// What went wrong.
    pub failures: Vec<String>,
}

/// Kills at the points that `next` gives, on `threads` threads, until there are no more, or nothing is left to kill at.
pub fn walk(scenario: &dyn Scenario, threads: usize, next: &(dyn Fn(usize) -> Option<Kill> + Sync)) -> Tally {
    let (rounds, calm) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let tally = Mutex::new(Tally::default());
    std::thread::scope(|scope| {
        for _ in 0..threads.max(1) {
            scope.spawn(|| {
                while calm.load(Ordering::SeqCst) < CALM {
                    let round = rounds.fetch_add(1, Ordering::SeqCst);
                    let Some(at) = next(round) else { break };
                    let outcome = catch_unwind(AssertUnwindSafe(|| play(scenario, at, round)));
                    let mut tally = tally.lock().expect("nobody panics with the tally");
                    match outcome {
                        Ok(Some(call)) => {
                            calm.store(0, Ordering::SeqCst);
                            tally.killed += 1;
                            *tally.kinds.entry(name_of(call)).or_default() += 1;
                        }
                        Ok(None) => {
                            calm.fetch_add(1, Ordering::SeqCst);
                            tally.ended += 1;
                        }
                        Err(panic) => {
                            tally.failures.push(format!("{} {at:?}: {}", scenario.name(), words_of(&*panic)));
                        }
                    }
                }
            });
        }
    });
    tally.into_inner().expect("nobody panics with the tally")
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// One round: begin, kill, look, run again, look. Returns the call at which it was killed, if it came to that.
fn play(scenario: &dyn Scenario, at: Kill, round: usize) -> Option<i64> {
    let folder =
        tempfile::Builder::new().prefix("killed-").tempdir().expect("a temporary folder can be made");
    let mut command = scenario.begin(folder.path(), round);
    let traced = tracer::run(&command, at);
    let killed = match traced.ended {
        Ended::Killed(call) => {
            scenario.check_left(folder.path(), round);
            let again = command.output().expect("the binary starts");
            let complaints = String::from_utf8_lossy(&again.stderr);
            assert!(again.status.success(), "run again: {}\n{complaints}", again.status);
            Some(call)
        }
        Ended::Exited(0) => None,
        other => panic!("{other:?}\n{}", traced.stderr),
    };
    scenario.check_done(folder.path(), round);
    killed
}

/// An image of two platforms with a shared layer that is too large for one write, and small ones: so that several transfers
/// go on at a time.
pub fn sample(tag: &str, seed: u64) -> Sample {
    let layer = |seed, size| Layer::Files { seed, size };
    let made = |platform: &str, layers| {
        samples::image(&ImageSpec { platform: platform.to_owned(), layers, ..ImageSpec::default() })
    };
    let base = || layer(seed, 1_200_000);
    let images = vec![
        made("linux/amd64", vec![base(), layer(seed + 1, 300_000), layer(seed + 2, 1_000)]),
        made("linux/arm64", vec![base(), layer(seed + 3, 70_000)]),
    ];
    let children = images.iter().map(Child::from).collect();
    let root = samples::index(&IndexSpec { children, ..IndexSpec::default() });
    Sample::of_index("team/killed", tag, root, Vec::new(), images)
}

/// What is there before a build that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// The `.part` of an earlier run, with some of the blobs.
    Part,
    /// The `.part` of another bundle.
    OtherPart,
    /// Another bundle under the output's name, which is to be replaced.
    OtherBundle,
}

/// `airlift build` of one image.
pub struct Build {
    program: Program,
    before: Before,
    reference: String,
    expected: Vec<u8>,
    other: Vec<u8>,
}

impl Build {
    /// Builds `sample` from `source` once, unkilled, to know what has to come; `other` is what gets into the way.
    pub fn new(program: &Program, source: &str, sample: &Sample, other: &Sample, before: Before) -> Self {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let reference = |sample: &Sample| format!("{source}/{}:{}", sample.repository, sample.tag);
        let built = |sample: &Sample, name: &str| {
            program.run(folder.path(), &["build", &reference(sample), "-o", name]);
            program.run(folder.path(), &["verify", name]);
            std::fs::read(folder.path().join(name)).expect("the bundle is there")
        };
        let (expected, other) = (built(sample, "new.tar"), built(other, "other.tar"));
        Build { program: program.clone(), before, reference: reference(sample), expected, other }
    }

    /// The output and its `.part`, in a folder.
    pub fn files(folder: &Path) -> (PathBuf, PathBuf) {
        (folder.join(OUTPUT), folder.join(PART))
    }
}

const OUTPUT: &str = "b.tar";
const PART: &str = "b.tar.part";

impl Scenario for Build {
    fn name(&self) -> &'static str {
        match self.before {
            Before::Nothing => "build",
            Before::Part => "resume",
            Before::OtherPart => "resume-other",
            Before::OtherBundle => "replace",
        }
    }

    fn begin(&self, folder: &Path, _: usize) -> Command {
        let write = |name: &str, bytes: &[u8]| {
            std::fs::write(folder.join(name), bytes).expect("its folder takes files");
        };
        match self.before {
            Before::Nothing => {}
            Before::Part => {
                let mut part = self.expected.clone();
                let middle = part.len() / 2;
                part[middle..].fill(0);
                write(PART, &part);
            }
            Before::OtherPart => write(PART, &self.other),
            Before::OtherBundle => write(OUTPUT, &self.other),
        }
        let (output, _) = Self::files(folder);
        let output = output.to_str().expect("temporary paths are UTF-8");
        let mut command = self.program.command(folder, &["build", &self.reference, "-o", output]);
        if self.before == Before::OtherBundle {
            command.arg("--force");
        }
        command
    }

    fn check_left(&self, folder: &Path, _: usize) {
        match std::fs::read(folder.join(OUTPUT)) {
            Ok(found) if found == self.expected => {}
            Ok(found) => {
                assert!(
                    self.before == Before::OtherBundle && found == self.other,
                    "half a bundle has the output's name"
                );
            }
            Err(_) => assert_ne!(self.before, Before::OtherBundle, "the old bundle is gone"),
        }
    }

    fn check_done(&self, folder: &Path, _: usize) {
        let found = std::fs::read(folder.join(OUTPUT)).expect("the output is there");
        assert!(found == self.expected, "the bundle differs from one that was never killed");
        let left: Vec<_> = names_in(folder).into_iter().filter(|name| name != OUTPUT).collect();
        assert!(left.is_empty(), "left behind: {left:?}");
    }
}

/// The names in a folder.
fn names_in(folder: &Path) -> Vec<String> {
    let entries = std::fs::read_dir(folder).expect("its folder can be listed");
    entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect()
}

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
    /// Pushes `bundle`, which holds `sample`, to `target`; the tag has to move there from `old`, if there is one.
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

    /// What the tag stands for. The last request may still be on its way, and Distribution answers 500 for a tag that it is
    /// just writing: so it is asked again.
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
    fn name(&self) -> &'static str {
        if self.old.is_none() { "push" } else { "move" }
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
