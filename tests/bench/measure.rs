//! Runs commands and measures what they take, with GNU time.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use crate::contenders::Contender;
use crate::line::Crossing;
use crate::works::Work;

/// What takes longer than this many seconds is given up.
const PATIENCE: &str = "300";
/// What wants more address space than this fails: crane takes 20 GB for 10,000 blobs, which would be the end
/// of others, too.
const ROOM: &str = "--as=8589934592";

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
    /// The seconds that the line permits at best, where there is one.
    pub(crate) floor: Option<f64>,
}

/// Lets the contenders do the work in turn, `rounds` times. Who fails is left out from then on, which is
/// said; we don't fail.
pub(crate) fn in_turn(work: &Work, rounds: usize) -> Outcome {
    let mut all: Vec<Option<Vec<Took>>> = vec![Some(Vec::new()); work.contenders.len()];
    for _ in 0..rounds {
        for (position, contender) in work.contenders.iter().enumerate() {
            let Some(took) = &mut all[position] else { continue };
            match run_once(contender, &work.folder) {
                Ok(one) => took.push(one),
                Err(why) => {
                    assert_ne!(position, 0, "{}: {why}", contender.name);
                    eprintln!("{}: {} failed and is left out: {why}", work.name, contender.name);
                    all[position] = None;
                }
            }
        }
    }
    let done = work.contenders.iter().zip(all);
    let contenders = done.filter_map(|(contender, took)| Some((contender.name.clone(), median(&took?))));
    let contenders = contenders.collect();
    // Nothing to carry and no way to go is no floor.
    let floor = work.crossing.as_ref().map(Crossing::floor).filter(|floor| *floor > 0.0);
    Outcome { work: work.name, about: work.about.clone(), contenders, floor }
}

/// One run from a clean start.
///
/// # Errors
/// What the tool said when it failed.
pub(crate) fn run_once(contender: &Contender, folder: &Path) -> Result<Took, String> {
    contender.prepare();
    let mut sum = Took::default();
    // What others have left to be written isn't this one's.
    let synced = Command::new("sync").status().expect("sync runs");
    assert!(synced.success());
    for command in &contender.commands {
        let took = run_one(command, folder)?;
        sum.wall += took.wall;
        sum.cpu += took.cpu;
        sum.written += took.written;
        sum.memory = sum.memory.max(took.memory);
    }
    Ok(sum)
}

fn run_one(command: &[String], folder: &Path) -> Result<Took, String> {
    let report = folder.join("time.txt");
    let mut timed = Command::new("/usr/bin/time");
    timed
        .args(["-f", "%U %S %M %O", "-o"])
        .arg(&report)
        .args(["prlimit", ROOM, "timeout", PATIENCE])
        .args(command);
    timed.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
    let start = Instant::now();
    let output = timed.output().expect("GNU time runs");
    let wall = start.elapsed().as_secs_f64();
    if output.status.code() == Some(124) {
        return Err(format!("it took longer than {PATIENCE} s"));
    }
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr);
        return Err(format!("{}: {}", output.status, said.trim().lines().next_back().unwrap_or("no words")));
    }
    let text = std::fs::read_to_string(report).expect("GNU time reports");
    let fields: Vec<f64> = text.split_whitespace().map(|field| field.parse().expect("a number")).collect();
    let [user, system, kibibytes, blocks] = fields[..] else { panic!("GNU time reports {text:?}") };
    let (memory, written) = (kibibytes / 1024.0, blocks * 512.0 / 1048576.0);
    Ok(Took { wall, cpu: user + system, memory, written })
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
