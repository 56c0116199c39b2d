//! What `verify` finds: every flipped bit and every cut of our own archives, and whatever is wrong with
//! others'.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::print_stderr, dead_code)]

#[path = "../../../bundle/tests/format/archives.rs"]
mod archives;
mod docs;
mod findings;
mod flips;
mod foreign;
mod frames;
#[path = "../../../bundle/tests/format/frames_file.rs"]
mod frames_file;
mod hostile;
#[path = "../../../oci/tests/oci/images.rs"]
mod images;
mod large;
mod locked;
mod missing_platforms;
mod odd;
mod rules;
#[path = "../../../bundle/tests/format/tar_file.rs"]
mod tar_file;
mod verified_bundle;
mod volumes;

use std::io;
use std::path::Path;

use airlift_oci::Unobserved;
use airlift_verifier::{Finding, Options, ProvenContent, Report, verify};

fn report(path: &Path) -> Report {
    let report = verify(path, &Options { jobs: 2, ..Options::default() }, &Unobserved).unwrap();
    check(&report);
    report
}

/// What can be read of a blob, at most so many bytes at a time, and whether that was all of it.
fn read_in_pieces(content: &ProvenContent, most: usize) -> (Vec<u8>, io::Result<()>) {
    let (mut reader, mut bytes) = (content.reader(), Vec::new());
    loop {
        match reader.next_piece(most) {
            Ok(piece) if piece.is_empty() => return (bytes, Ok(())),
            Ok(piece) => bytes.extend_from_slice(&piece),
            Err(error) => return (bytes, Err(error)),
        }
    }
}

/// What holds for every report.
fn check(report: &Report) {
    assert_eq!(report.ok, !report.findings.iter().any(Finding::is_error));
    for finding in &report.findings {
        let text = format!("{} {}", finding.message, finding.path.concat());
        assert!(!text.chars().any(char::is_control), "{text:?}");
        assert!(!finding.rule.id().is_empty() && !finding.message.is_empty());
    }
}

/// The rules of a report's findings, in order.
fn rules(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.rule.id()).collect()
}
