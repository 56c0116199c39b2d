//! Runs commands and tells what they took, by GNU time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::works::{Contender, Work};

/// What one run took, all of its commands together.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Took {
    /// Seconds on the clock.
    pub(crate) wall: f64,
    /// Seconds of user and system time.
    pub(crate) cpu: f64,
    /// The most memory that one of the commands held, in MiB.
    pub(crate) memory: f64,
    /// MiB that were handed to file systems.
    pub(crate) written: f64,
}

/// What the contenders took at one work: medians.
pub(crate) struct Outcome {
    /// The work's name.
    pub(crate) work: &'static str,
    /// What is done, in words.
    pub(crate) about: String,
    /// The contenders in their order, ours first.
    pub(crate) contenders: Vec<(String, Took)>,
}

/// Lets the contenders do the work in turn, `rounds` times.
pub(crate) fn in_turn(work: &Work, rounds: usize) -> Outcome {
    let mut all: Vec<Vec<Took>> = vec![Vec::new(); work.contenders.len()];
    for _ in 0..rounds {
        for (contender, took) in work.contenders.iter().zip(&mut all) {
            contender.prepare();
            took.push(run(contender, &work.folder));
        }
    }
    let names = work.names().into_iter();
    let contenders = names.zip(all).map(|(name, took)| (name, median(&took))).collect();
    Outcome { work: work.name, about: work.about.clone(), contenders }
}

fn run(contender: &Contender, folder: &Path) -> Took {
    let mut sum = Took::default();
    // What others have left to be written isn't this one's.
    let synced = Command::new("sync").status().expect("sync runs");
    assert!(synced.success());
    for command in &contender.commands {
        let took = run_one(command, folder);
        sum.wall += took.wall;
        sum.cpu += took.cpu;
        sum.written += took.written;
        sum.memory = sum.memory.max(took.memory);
    }
    sum
}

fn run_one(command: &[String], folder: &Path) -> Took {
    let report = folder.join("time.txt");
    let mut timed = Command::new("/usr/bin/time");
    timed.args(["-f", "%U %S %M %O", "-o"]).arg(&report).args(command);
    timed.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = timed.output().expect("GNU time runs");
    let wall = start.elapsed().as_secs_f64();
    assert!(output.status.success(), "{command:?}: {}", String::from_utf8_lossy(&output.stderr));
    let text = std::fs::read_to_string(report).expect("GNU time reports");
    let fields: Vec<f64> = text.split_whitespace().map(|field| field.parse().expect("a number")).collect();
    let [user, system, kibibytes, blocks] = fields[..] else { panic!("GNU time reports {text:?}") };
    Took { wall, cpu: user + system, memory: kibibytes / 1024.0, written: blocks * 512.0 / 1048576.0 }
}

fn median(all: &[Took]) -> Took {
    let middle = |of: fn(&Took) -> f64| {
        let mut values: Vec<f64> = all.iter().map(of).collect();
        values.sort_by(f64::total_cmp);
        values[(values.len() - 1) / 2]
    };
    Took {
        wall: middle(|took| took.wall),
        cpu: middle(|took| took.cpu),
        memory: middle(|took| took.memory),
        written: middle(|took| took.written),
    }
}
