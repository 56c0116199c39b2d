//! The benchmark behind `tests/bench/run`: the same work by Airlift and by other tools, in turn, on real
//! registries.
//!
//! [`seed`] makes the images, [`works`] says what is done with them, [`contenders`] how each tool does it,
//! [`line`] puts a line between the tools and the registries, [`cores`] gives both cores of their own,
//! [`measure`] runs it, [`figures`] sums it up as a table and JSON, [`chart`] draws the ratios.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that can't be set up has to fail")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for people")]

mod chart;
mod contenders;
mod cores;
mod figures;
mod line;
mod measure;
mod seed;
mod works;

use airlift_testkit::line::Line;
use contenders::PEERS;
use figures::Figures;
use works::Bench;

/// What was asked for.
#[derive(Default)]
struct Asked {
    rounds: usize,
    mib: usize,
    works: Vec<&'static str>,
    /// The other tools that run.
    peers: Vec<&'static str>,
    line: Option<Line>,
    relay_to: Option<String>,
    own_cores: bool,
    json: Option<String>,
    svg: Option<String>,
}

fn main() {
    let asked = parse(std::env::args().skip(1));
    if let Some(registry) = asked.relay_to {
        return line::relay_to(&registry, asked.line.expect("a relay needs --rtt or --rate"));
    }
    let mut figures = Figures::new(asked.rounds, asked.mib, asked.line);
    let tool_cores = asked.own_cores.then(cores::split);
    figures.tool_cores.clone_from(&tool_cores);
    let bench = Bench::start(asked.mib, &asked.works, &asked.peers, asked.line, tool_cores);
    print!("{}", figures.head());
    for work in asked.works.iter().flat_map(|name| bench.works(name)) {
        let names: Vec<&str> = work.contenders.iter().map(|contender| contender.name.as_str()).collect();
        eprintln!("{}: {} rounds of {}", work.name, asked.rounds, names.join(", "));
        let outcome = measure::in_turn(&work, asked.rounds);
        print!("{}", figures::rows(&outcome));
        figures.add(outcome);
    }
    if let Some(path) = asked.json {
        std::fs::write(path, figures.json()).expect("the figures can be written");
    }
    if let Some(path) = asked.svg {
        std::fs::write(path, chart::svg(&figures)).expect("the chart can be written");
    }
}

fn parse(mut arguments: impl Iterator<Item = String>) -> Asked {
    let mut asked = Asked { rounds: 3, mib: 2048, peers: PEERS.to_vec(), ..Asked::default() };
    let (mut round_trip, mut rate) = (None, None);
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => asked.rounds = value().parse().expect("a number of rounds"),
            "--mib" => asked.mib = value().parse().expect("a number of MiB"),
            "--tools" => asked.peers = peers(&value()),
            "--rtt" => round_trip = Some(value()),
            "--rate" => rate = Some(value()),
            "--relay" => asked.relay_to = Some(value()),
            "--own-cores" => asked.own_cores = true,
            "--json" => asked.json = Some(value()),
            "--svg" => asked.svg = Some(value()),
            other => {
                let known = works::NAMES.iter().find(|name| **name == other);
                let known =
                    known.unwrap_or_else(|| panic!("{other} is no work; there are {:?}", works::NAMES));
                asked.works.push(known);
            }
        }
    }
    asked.line = line::asked(round_trip.as_deref(), rate.as_deref());
    if asked.works.is_empty() {
        asked.works.extend(works::NAMES);
    }
    asked
}

/// The tools of a list, without Airlift, which always runs: the ratios are to its figures.
fn peers(list: &str) -> Vec<&'static str> {
    let peer = |name: &str| {
        let peer = PEERS.iter().copied().find(|peer| *peer == name);
        peer.unwrap_or_else(|| panic!("{name} is no tool; there are airlift and {PEERS:?}"))
    };
    list.split(',').filter(|name| *name != "airlift").map(peer).collect()
}
