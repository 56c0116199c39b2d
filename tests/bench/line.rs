//! A line between the tools and the registries: how it is asked for, and what it permits at best.

use std::path::PathBuf;
use std::time::Duration;

use airlift_testkit::line::{Line, Relay};

/// As many depend on each other: connect, the API, the tag, the manifests, the configs, the first layer.
const ROUND_TRIPS: u32 = 6;

/// What a work carries over a line.
pub(crate) struct Crossing {
    /// The line.
    pub(crate) line: Line,
    /// A file with all bytes that are carried.
    pub(crate) archive: PathBuf,
    /// How often they are.
    pub(crate) times: Times,
}

/// How often the content crosses a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Times {
    /// It is at the target already.
    Never,
    /// From the source, or to the target.
    Once,
    /// From the source, then to the target.
    Twice,
}

impl Crossing {
    /// The seconds that it takes at best: the bytes at the line's rate, and a few round trips each time.
    pub(crate) fn floor(&self) -> f64 {
        let (content, ways) = match self.times {
            Times::Never => (0.0, 1.0),
            Times::Once => (1.0, 1.0),
            Times::Twice => (2.0, 2.0),
        };
        let bytes = std::fs::metadata(&self.archive).expect("our archive is there").len();
        let carried = self.line.bytes_per_second.map_or(0.0, |rate| bytes as f64 / rate as f64);
        content * carried + ways * (ROUND_TRIPS * self.line.round_trip).as_secs_f64()
    }
}

/// The line that `--rtt` and `--rate` ask for; `None` where neither is given.
pub(crate) fn asked(round_trip: Option<&str>, rate: Option<&str>) -> Option<Line> {
    if round_trip.is_none() && rate.is_none() {
        return None;
    }
    let round_trip = round_trip.map_or(Duration::ZERO, duration);
    Some(Line { round_trip, bytes_per_second: rate.map(bytes_per_second) })
}

/// The line in words, as it was asked for.
pub(crate) fn words(line: &Line) -> String {
    let rate = line.bytes_per_second.map(|rate| format!(" and {} MB/s", rate as f64 / 1e6));
    format!("{} ms{}", line.round_trip.as_secs_f64() * 1e3, rate.unwrap_or_default())
}

/// Relays to a registry until the process is ended.
pub(crate) fn relay_to(registry: &str, line: Line) {
    let relay = Relay::start(registry, line);
    println!("{} is {registry} at {}", relay.authority(), words(&line));
    loop {
        std::thread::park();
    }
}

fn duration(text: &str) -> Duration {
    let (number, seconds) = number_and_unit(text, &[("ms", 1e-3), ("s", 1.0)]);
    Duration::from_secs_f64(number * seconds)
}

fn bytes_per_second(text: &str) -> u64 {
    let (number, bytes) = number_and_unit(text, &[("kB/s", 1e3), ("MB/s", 1e6), ("GB/s", 1e9)]);
    let rate = (number * bytes) as u64;
    assert!(rate > 0, "{text} carries nothing");
    rate
}

/// The number before one of the units, and what the unit stands for.
fn number_and_unit(text: &str, units: &[(&str, f64)]) -> (f64, f64) {
    let read = units.iter().find_map(|(unit, value)| Some((text.strip_suffix(unit)?.parse().ok()?, *value)));
    read.unwrap_or_else(|| panic!("{text} is no number with one of the units {units:?}"))
}
