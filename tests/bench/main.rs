//! The benchmark behind `tests/bench/run`: the same work by Airlift and by other tools, in turn, on real registries.
//!
//! [`works`] says what is done, [`measure`] runs it, [`figures`] sums it up as a table and JSON, [`chart`] draws the ratios.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a benchmark that can't be set up has to fail")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for people")]

mod chart;
mod figures;
mod measure;
mod works;

use figures::Figures;
use works::Bench;

/// What was asked for.
struct Asked {
    rounds: usize,
    mib: usize,
    works: Vec<String>,
    json: Option<String>,
    svg: Option<String>,
}

fn main() {
    let asked = parse(std::env::args().skip(1));
    let bench = Bench::start(asked.mib);
    let mut figures = Figures::new(asked.rounds, asked.mib);
    print!("{}", figures.head());
    for work in bench.works(&asked.works) {
        eprintln!("{}: {} rounds of {}", work.name, asked.rounds, work.names().join(", "));
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
    let mut asked = Asked { rounds: 3, mib: 2048, works: Vec::new(), json: None, svg: None };
    while let Some(argument) = arguments.next() {
        let mut value = || arguments.next().unwrap_or_else(|| panic!("{argument} needs a value"));
        match argument.as_str() {
            "--rounds" => asked.rounds = value().parse().expect("a number of rounds"),
            "--mib" => asked.mib = value().parse().expect("a number of MiB"),
            "--json" => asked.json = Some(value()),
            "--svg" => asked.svg = Some(value()),
            work if works::NAMES.contains(&work) => asked.works.push(argument),
            other => panic!("{other} is no work; there are {}", works::NAMES.join(", ")),
        }
    }
    asked
}
