//! Kills at each system call.

use std::time::Instant;

use airlift_testkit::kills::{Before, Build, Form, Push, Scenario, walk};
use airlift_testkit::tracer::Kill;

use crate::stage::{Stage, number, usage};

/// What the script was asked for.
struct Wanted {
    scenarios: Vec<String>,
    every: usize,
    first: usize,
    jobs: usize,
}

/// Walks the scenarios that were asked for; returns whether all went well.
pub(crate) fn run(arguments: impl Iterator<Item = String>) -> bool {
    let wanted = wanted(arguments);
    let stage = Stage::new();
    let bundle = stage.bundle();
    let samples = (&stage.new, &stage.old);
    let build = |(form, before)| -> Box<dyn Scenario> {
        Box::new(Build::new(&stage.program, stage.source.authority(), samples, form, before))
    };
    let push = |old| -> Box<dyn Scenario> {
        Box::new(Push::new(&stage.program, &bundle, &stage.new, stage.target.endpoint().clone(), old))
    };
    let befores = [Before::Nothing, Before::Part, Before::OtherPart, Before::OtherBundle];
    let builds = [Form::Tar, Form::Zst, Form::Volumes]
        .into_iter()
        .flat_map(|form| befores.map(|before| build((form, before))));
    let scenarios: Vec<_> = builds.chain([push(None), push(Some(&stage.old))]).collect();
    let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name()).collect();
    if let Some(unknown) = wanted.scenarios.iter().find(|wanted| !names.contains(wanted)) {
        usage(&format!("there is no scenario '{unknown}', but {}", names.join(", ")));
    }
    let is_wanted =
        |name: &str| wanted.scenarios.is_empty() || wanted.scenarios.iter().any(|wanted| wanted == name);
    let mut well = true;
    for scenario in scenarios.iter().filter(|scenario| is_wanted(&scenario.name())) {
        well &= report(scenario.as_ref(), &wanted);
    }
    well
}

/// Walks one scenario and prints the result.
fn report(scenario: &dyn Scenario, wanted: &Wanted) -> bool {
    let started = Instant::now();
    let tally = walk(scenario, wanted.jobs, &|round| Some(Kill::At(wanted.first + round * wanted.every)));
    println!(
        "{}: killed at {} system calls of {} kinds, {} runs ended first, {} failures, {:.0} s",
        scenario.name(),
        tally.killed,
        tally.kinds.len(),
        tally.ended,
        tally.failures.len(),
        started.elapsed().as_secs_f64(),
    );
    let kinds: Vec<_> = tally.kinds.iter().map(|(name, count)| format!("{name} {count}")).collect();
    println!("  {}", kinds.join(", "));
    for failure in &tally.failures {
        println!("  FAILED: {failure}");
    }
    tally.failures.is_empty() && tally.killed > 0
}

fn wanted(mut arguments: impl Iterator<Item = String>) -> Wanted {
    let mut wanted = Wanted { scenarios: Vec::new(), every: 1, first: 1, jobs: 2 };
    while let Some(argument) = arguments.next() {
        match argument.as_str() {
            "--every" => wanted.every = number(&argument, arguments.next()),
            "--first" => wanted.first = number(&argument, arguments.next()),
            "--jobs" => wanted.jobs = number(&argument, arguments.next()),
            other if other.starts_with('-') => usage(&format!("'{other}' is no option")),
            _ => wanted.scenarios.push(argument),
        }
    }
    wanted
}
