//! `kill -9`, wherever a run is: what is left is nothing, what was there before, or all of it; and the same
//! command goes on.

use airlift_server::Options;
use airlift_testkit::kills::{Before, Build, Form, Push, Scenario, sample, walk};
use airlift_testkit::tracer::{self, Kill, call_named};

use super::{built, program, source};
use crate::made::Embedded;

/// Kills before each of these, which change what outlasts the process, …
const LASTING: [&str; 8] =
    ["ftruncate", "fallocate", "flock", "pwrite64", "fsync", "renameat2", "linkat", "unlinkat"];

/// … at most so often each, …
const OFTEN: usize = 2;

/// … and at so many points that are spread over all of the run.
const SPREAD: usize = 5;

/// Walks some of the calls of a scenario. They are counted in a run that isn't killed.
fn assert_survives(scenario: &dyn Scenario) {
    let folder = tempfile::tempdir().unwrap();
    let whole = tracer::run(&scenario.begin(folder.path(), usize::MAX), Kill::Never);
    let mut points: Vec<Kill> = (1..=SPREAD).map(|nth| Kill::At(whole.calls * nth / (SPREAD + 1))).collect();
    for call in LASTING.map(call_named) {
        let made = whole.kinds.get(&call).copied().unwrap_or(0);
        points.extend((1..=made.min(OFTEN)).map(|number| Kill::AtKind(call, number)));
    }
    let tally = walk(scenario, 4, &|round| points.get(round).copied());
    assert!(tally.failures.is_empty(), "{}", tally.failures.join("\n\n"));
    // Threads make a run a little shorter or longer than the one before.
    assert!(tally.killed >= SPREAD / 2, "{tally:?}");
}

fn assert_builds_survive(form: Form, befores: &[Before]) {
    let source = source();
    let samples = (sample("1", 1), sample("0", 100));
    for before in befores {
        let samples = (&samples.0, &samples.1);
        assert_survives(&Build::new(&program(), source.authority(), samples, form, *before));
    }
}

#[test]
fn a_build_that_was_killed_is_absent_or_complete_and_goes_on() {
    let befores = [Before::Nothing, Before::Part, Before::OtherPart, Before::OtherBundle];
    assert_builds_survive(Form::Tar, &befores);
}

#[test]
fn frames_whose_build_was_killed_are_absent_or_complete_and_go_on() {
    assert_builds_survive(Form::Zst, &[Before::Part, Before::OtherBundle]);
}

#[test]
fn volumes_whose_build_was_killed_are_a_set_or_none_and_go_on() {
    assert_builds_survive(Form::Volumes, &[Before::Part, Before::OtherPart, Before::OtherBundle]);
}

#[test]
fn a_push_that_was_killed_leaves_no_tag_without_its_image_and_goes_on() {
    let ((_source, airlift), target) = (built(), Embedded::start(Options::default()));
    let (new, old) = (sample("1", 1), sample("0", 100));
    for old in [None, Some(&old)] {
        let bundle = airlift.path("b.tar");
        assert_survives(&Push::new(&program(), &bundle, &new, target.endpoint().clone(), old));
    }
}
