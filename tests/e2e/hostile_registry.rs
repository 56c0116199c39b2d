//! Registries that lie, break connections, flood and stall, and the binary's reaction: a clear error in
//! bounded time and memory, nothing published, no secret shown; or, where a repetition helps, the very same
//! bundle.
//!
//! The faults are data: [`pull::FAULTS`] and [`push::FAULTS`]. `crates/registry/tests/faults.rs` does the
//! same a level below.

mod pull;
mod push;
mod stage;

use airlift_testkit::scripted::{Answer, Script};
use stage::Stage;

use crate::made::bundle;

#[test]
fn every_lie_of_a_source_ends_in_a_clear_error_or_in_the_same_bundle() {
    let stage = Stage::new();
    stage::walk(pull::FAULTS, |fault| pull::play(fault, &stage));
}

#[test]
fn every_lie_of_a_target_ends_in_a_clear_error_and_without_a_tag() {
    let stage = Stage::new();
    stage::walk(push::FAULTS, |fault| push::play(fault, &stage));
}

/// All images wait for the first answer of the registry.
#[test]
fn a_push_of_two_images_ends_where_a_registry_refuses_all_requests() {
    let (airlift, _, _) = bundle(&["team/app", "team/web"], &[]);
    for status in [429, 500, 503] {
        let target = Script::serving(Vec::new()).rule(move |_| Some(Answer::status(status))).start();
        let arguments = ["push", "b.tar", &target.authority(), "--retries", "0"];
        let ran = stage::run_bounded(&airlift, &arguments).expect(3);
        stage::assert_says(&ran, &[&status.to_string(), "team/app"]);
    }
}
