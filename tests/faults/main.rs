//! The long walks behind `tests/faults/kill`: too long for each run of the tests, which take samples of them.
//!
//! Run through the script beside this file, which says what there is.
#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a walk that can't be set up has to fail")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "its output is for people")]

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    eprintln!("this walk needs Linux's ptrace");
}

#[cfg(target_os = "linux")]
mod linux {
    use std::path::PathBuf;
    use std::process::exit;
    use std::time::Instant;

    use airlift_testkit::killed::{Before, Build, Program, Push, Scenario, sample, walk};
    use airlift_testkit::real::RealRegistry;
    use airlift_testkit::tool::workspace_root;
    use airlift_testkit::tracer::Kill;

    /// What the script was asked for.
    struct Wanted {
        scenarios: Vec<String>,
        every: usize,
        first: usize,
        jobs: usize,
    }

    pub(super) fn main() {
        let wanted = wanted();
        let program = Program(
            std::env::var_os("AIRLIFT")
                .map_or_else(|| workspace_root().join("target/release/airlift"), PathBuf::from),
        );
        let registry =
            || RealRegistry::debian().start().expect("docker-registry is installed (tests/tools/install)");
        let (source, target) = (registry(), registry());
        let (new, old) = (sample("1", 1), sample("0", 100));
        source.endpoint().push(&[new.clone(), old.clone()]);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let reference = format!("{}/{}:{}", source.authority(), new.repository, new.tag);
        program.run(folder.path(), &["build", &reference, "-o", "b.tar"]);
        let bundle = folder.path().join("b.tar");

        let build = |before| Box::new(Build::new(&program, source.authority(), &new, &old, before));
        let push = |old| Box::new(Push::new(&program, &bundle, &new, target.endpoint().clone(), old));
        let scenarios: Vec<Box<dyn Scenario>> = vec![
            build(Before::Nothing),
            build(Before::Part),
            build(Before::OtherPart),
            build(Before::OtherBundle),
            push(None),
            push(Some(&old)),
        ];
        let names: Vec<_> = scenarios.iter().map(|scenario| scenario.name()).collect();
        if let Some(unknown) = wanted.scenarios.iter().find(|wanted| !names.contains(&wanted.as_str())) {
            eprintln!("there is no scenario '{unknown}'; there are {}", names.join(", "));
            exit(2);
        }
        let asked_for =
            |name: &str| wanted.scenarios.is_empty() || wanted.scenarios.iter().any(|wanted| wanted == name);
        let mut failed = false;
        for scenario in scenarios.iter().filter(|scenario| asked_for(scenario.name())) {
            failed |= !report(scenario.as_ref(), &wanted);
        }
        // Leaves everything to be dropped first: the registries end with their values.
        drop((source, target, folder));
        exit(i32::from(failed));
    }

    /// Walks one scenario and tells what came of it.
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

    fn wanted() -> Wanted {
        let mut wanted = Wanted { scenarios: Vec::new(), every: 1, first: 1, jobs: 2 };
        let mut arguments = std::env::args().skip(1);
        let usage = |text: &str| -> ! {
            eprintln!("{text}; see tests/faults/kill --help");
            exit(2)
        };
        while let Some(argument) = arguments.next() {
            let mut number = || match arguments.next().and_then(|text| text.parse().ok()) {
                Some(number) if number > 0 => number,
                _ => usage(&format!("{argument} takes a number from 1 up")),
            };
            match argument.as_str() {
                "--every" => wanted.every = number(),
                "--first" => wanted.first = number(),
                "--jobs" => wanted.jobs = number(),
                other if other.starts_with('-') => usage(&format!("'{other}' is no option")),
                scenario => wanted.scenarios.push(scenario.to_owned()),
            }
        }
        wanted
    }
}
