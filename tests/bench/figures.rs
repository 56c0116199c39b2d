//! What came of it: a table for people, JSON for programs.

use std::process::Command;

use airlift_testkit::line::Line;
use airlift_testkit::tool::tool;
use serde_json::{Value, json};

use crate::line;
use crate::measure::{Outcome, Took};

/// All that was measured, and on what.
pub(crate) struct Figures {
    rounds: usize,
    mib: usize,
    line: Option<Line>,
    /// The cores of the tools, where the registries run on others.
    pub(crate) tool_cores: Option<String>,
    machine: String,
    versions: Vec<(&'static str, String)>,
    date: String,
    /// The works in their order.
    pub(crate) outcomes: Vec<Outcome>,
}

impl Figures {
    /// Nothing measured yet, on this machine.
    pub(crate) fn new(rounds: usize, mib: usize, line: Option<Line>) -> Self {
        let versions = ["crane", "regctl", "skopeo", "oras", "openssl", "docker-registry"];
        let versions = versions.iter().filter_map(|name| Some((*name, version(name)?))).collect();
        let date = output("date", &["-u", "+%Y-%m-%d"]).unwrap_or_default();
        Figures {
            rounds,
            mib,
            line,
            tool_cores: None,
            machine: machine(),
            versions,
            date,
            outcomes: Vec::new(),
        }
    }

    /// Adds what came of a work.
    pub(crate) fn add(&mut self, outcome: Outcome) {
        self.outcomes.push(outcome);
    }

    /// Where and when, and the columns' names.
    pub(crate) fn head(&self) -> String {
        let versions: Vec<String> =
            self.versions.iter().map(|(name, version)| format!("{name} {version}")).collect();
        let cores = self.tool_cores.as_ref().map(|cores| format!("; tools on the cores {cores} alone"));
        let cores = cores.unwrap_or_default();
        let (line, floor) = match &self.line {
            Some(line) => (
                format!("; through a line of {}", line::words(line)),
                format!("   {:>8} {:>7}", "floor s", "x floor"),
            ),
            None => Default::default(),
        };
        format!(
            "{}; {}; medians of {} rounds{line}{cores}; {}\nratios: airlift's figure by the other's, below 1 is better\n\n{:<34} {:>8} {:>8} {:>8} {:>9}   {:>5} {:>5}{floor}\n",
            self.date,
            self.machine,
            self.rounds,
            versions.join(", "),
            "",
            "wall s",
            "CPU s",
            "RSS MiB",
            "written",
            "wall",
            "CPU",
        )
    }

    /// All of it as one document.
    pub(crate) fn json(&self) -> String {
        let outcome = |outcome: &Outcome| {
            let (_, ours) = &outcome.contenders[0];
            let contender = |(name, took): &(String, Took)| {
                let mut figures = json!({
                    "name": name, "wallSeconds": took.wall, "cpuSeconds": took.cpu, "peakMemoryMiB": took.memory,
                    "writtenMiB": took.written, "wallRatio": ours.wall / took.wall, "cpuRatio": ratio(ours.cpu, took.cpu),
                });
                if let Some(floor) = outcome.floor {
                    figures["floorRatio"] = json!(took.wall / floor);
                }
                figures
            };
            let contenders: Vec<Value> = outcome.contenders.iter().map(contender).collect();
            let mut work = json!({"work": outcome.work, "about": outcome.about, "contenders": contenders});
            if let Some(floor) = outcome.floor {
                work["floorSeconds"] = json!(floor);
            }
            work
        };
        let versions: serde_json::Map<String, Value> =
            self.versions.iter().map(|(name, version)| ((*name).to_owned(), json!(version))).collect();
        let mut document = json!({
            "date": self.date, "machine": self.machine, "rounds": self.rounds, "mib": self.mib, "versions": versions,
            "works": self.outcomes.iter().map(outcome).collect::<Vec<_>>(),
        });
        if let Some(Line { round_trip, bytes_per_second }) = self.line {
            let round_trip = round_trip.as_secs_f64();
            document["line"] = json!({"roundTripSeconds": round_trip, "bytesPerSecond": bytes_per_second});
        }
        if let Some(cores) = &self.tool_cores {
            document["toolCores"] = json!(cores);
        }
        format!("{document:#}\n")
    }
}

/// A work's rows: what it is, then each contender with our ratio to it.
pub(crate) fn rows(outcome: &Outcome) -> String {
    let mut rows = format!("{}: {}\n", outcome.work, outcome.about);
    let (_, ours) = &outcome.contenders[0];
    for (position, (name, took)) in outcome.contenders.iter().enumerate() {
        let Took { wall, cpu, memory, written } = took;
        let ratios = match position {
            0 => format!("   {:>5} {:>5}", "", ""),
            _ => format!("   {:>5.2} {:>5.2}", ours.wall / wall, ratio(ours.cpu, *cpu)),
        };
        let floor = outcome.floor.map(|floor| format!("   {floor:>8.2} {:>7.2}", wall / floor));
        let row = format!("  {name:<32} {wall:>8.2} {cpu:>8.2} {memory:>8.0} {written:>9.0}{ratios}");
        rows.push_str(format!("{row}{}", floor.unwrap_or_default()).trim_end());
        rows.push('\n');
    }
    rows
}

/// GNU time counts hundredths of seconds: what takes less than one counts as one.
fn ratio(ours: f64, theirs: f64) -> f64 {
    ours.max(0.01) / theirs.max(0.01)
}

fn machine() -> String {
    let cpuinfo = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = cpuinfo.lines().find_map(|line| line.strip_prefix("model name")?.split(':').nth(1));
    let cores = std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
    let kernel = output("uname", &["-sr"]).unwrap_or_default();
    format!("{}, {cores} cores, {kernel}", model.unwrap_or("unknown processor").trim())
}

fn version(name: &str) -> Option<String> {
    let program = tool(name)?.display().to_string();
    let told = output(&program, &["--version"]).or_else(|| output(&program, &["version"]))?;
    let is_version = |word: &&str| {
        word.trim_start_matches('v').starts_with(|c: char| c.is_ascii_digit()) && word.contains('.')
    };
    told.split([' ', '\n', '\t']).find(is_version).map(|word| word.trim_start_matches('v').to_owned())
}

fn output(program: &str, arguments: &[&str]) -> Option<String> {
    let output =
        Command::new(program).args(arguments).output().ok().filter(|output| output.status.success())?;
    Some(String::from_utf8_lossy(&output.stdout).trim().to_owned()).filter(|text| !text.is_empty())
}
