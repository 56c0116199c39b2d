//! Failures of the machine: killed processes, full and broken disks, outputs that can't be written, signals.
//!
//! `tests/faults/kill` and `tests/faults/inject` walk every system call; here some of them are walked, by the
//! same code.

mod clock;
mod disk;
mod filesystems;
mod kills;
mod limits;
mod output;
mod signals;

use airlift_server::Options;
use airlift_testkit::kills::{Program, sample};

use crate::airlift::Airlift;
use crate::made::Embedded;

/// The binary, for the walks.
fn program() -> Program {
    Program(env!("CARGO_BIN_EXE_airlift").into())
}

/// A registry with the image that is built and pushed, and with the one that is in the way.
fn source() -> Embedded {
    let source = Embedded::start(Options::default());
    source.endpoint().push(&[sample("1", 1), sample("0", 100)]);
    source
}

/// The reference of the image.
fn reference(source: &Embedded) -> String {
    format!("{}/team/killed:1", source.authority())
}

/// The binary with a bundle of the image, `b.tar`, and the source that it came from.
fn built() -> (Embedded, Airlift) {
    let (source, airlift) = (source(), Airlift::new());
    airlift.run(&["build", &reference(&source), "-o", "b.tar"]).expect(0);
    (source, airlift)
}
