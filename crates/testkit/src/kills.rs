//! Kills the product at its system calls, one after the other, and checks what is left: no incomplete file
//! has a final name, and the same command completes the work.
//!
//! `tests/faults/kill` walks all calls; a test walks some of them by the same code.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use airlift_server::samples::{self, Child, ImageSpec, IndexSpec, Layer, Sample};

use crate::tracer::{self, Ended, Kill, name_of};

mod build;
mod push;

pub use build::{Before, Build, Form};
pub use push::Push;

/// Runs that end before they are killed, in a row, until it is clear that there are no more calls to kill at.
const CALM: usize = 5;

/// Variables that may be set on this machine, and that must not influence a run.
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

    /// Runs it to its end, and panics unless it succeeds.
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
    /// Its name on the command line.
    fn name(&self) -> String;
    /// Prepares an empty folder, and returns the command to run there. Each round has another number.
    fn begin(&self, folder: &Path, round: usize) -> Command;
    /// Checks what a kill left.
    fn check_left(&self, folder: &Path, round: usize);
    /// Checks the result of the same command, which then ran to its end.
    fn check_done(&self, folder: &Path, round: usize);
}

/// The results of many rounds.
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

/// Kills at the points that `next` gives, on `threads` threads, until there are no more, or nothing is left
/// to kill at.
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
                    let mut tally = tally.lock().expect("no thread panics with the tally");
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
    tally.into_inner().expect("no thread panics with the tally")
}

fn words_of(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<String>().cloned();
    text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned())).unwrap_or_default()
}

/// One round: begin, kill, check, run again, check. Returns the call at which the run was killed, if it was.
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

/// An image of two platforms with a shared layer that is too large for one write, and small ones: so that
/// several transfers go on at a time.
pub fn sample(tag: &str, seed: u64) -> Sample {
    let layer = |seed, size| Layer::Files { seed, size };
    let made = |platform: &str, layers| {
        samples::image(&ImageSpec { platform: platform.to_owned(), layers, ..ImageSpec::default() })
    };
    // More than the buffers that a writer fills before it waits for the disk.
    let base = || layer(seed, 3_400_000);
    let images = vec![
        made("linux/amd64", vec![base(), layer(seed + 1, 300_000), layer(seed + 2, 1_000)]),
        made("linux/arm64", vec![base(), layer(seed + 3, 70_000)]),
    ];
    let children = images.iter().map(Child::from).collect();
    let root = samples::index(&IndexSpec { children, ..IndexSpec::default() });
    Sample::of_index("team/killed", tag, root, Vec::new(), images)
}
