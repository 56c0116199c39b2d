//! Registries that lie, break connections, flood and stall, and the binary's reaction: a clear error in
//! bounded time and memory, nothing published, no secret shown; or, where a repetition helps, the very same
//! bundle.
//!
//! The faults are data: [`pull::FAULTS`] and [`push::FAULTS`]. `crates/registry/tests/faults.rs` does the
//! same a level below.

mod pull;
mod push;
mod stage;

use stage::Stage;

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
