//! The result as a JUnit report, which CI systems show as tests.

use airlift_checker::{CheckedImage, State};
use airlift_oci::text::{harmless, with_causes};
use quick_junit::{NonSuccessKind, Report, SerializeError, TestCase, TestCaseStatus, TestSuite};

use super::places::PlacedSubject;

/// A test for each image. No time is in it, so the same answers give the same report.
///
/// # Errors
/// If it can't be written as XML.
pub(super) fn report(checked: &[(PlacedSubject, CheckedImage)]) -> Result<String, SerializeError> {
    let mut suite = TestSuite::new("images");
    suite.add_test_cases(checked.iter().map(|(asked, image)| test_case(asked, image)));
    let mut report = Report::new("airlift check");
    report.add_test_suite(suite);
    report.to_string()
}

fn test_case(asked: &PlacedSubject, image: &CheckedImage) -> TestCase {
    let name = harmless(&asked.subject.name).into_owned();
    let repository = match name.rsplit_once([':', '@']) {
        Some((repository, tag)) if !tag.contains('/') => repository.to_owned(),
        _ => name.clone(),
    };
    let mut test = TestCase::new(name, status(image));
    test.set_classname(repository);
    test
}

fn status(image: &CheckedImage) -> TestCaseStatus {
    let kind = match image.state {
        State::Ok => return TestCaseStatus::success(),
        // What could not be found out is no failure of the image.
        State::Unreachable => NonSuccessKind::Error,
        _ => NonSuccessKind::Failure,
    };
    let mut status = TestCaseStatus::non_success(kind);
    status.set_type(image.state.to_string());
    status.set_message(message(image));
    let details = details(image);
    if !details.is_empty() {
        status.set_description(details);
    }
    status
}

fn message(image: &CheckedImage) -> String {
    let (digest, now) = (image.digest.map(|digest| digest.to_string()), image.tag_digest);
    let digest = digest.unwrap_or_else(|| "its tag".to_owned());
    match (image.state, now) {
        (State::Ok, _) => String::new(),
        (State::Drift, Some(now)) => format!("the tag stands for {now}, not for {digest}"),
        (State::Drift, None) => format!("the tag is gone; {digest} is there"),
        (State::Lost, _) => format!("{digest} is gone"),
        (State::Incomplete, _) => format!("parts of {digest} are missing"),
        (State::Damaged, _) => format!("blobs of {digest} have other bytes"),
        (State::Unreachable, _) => "it could not be found out".to_owned(),
    }
}

fn details(image: &CheckedImage) -> String {
    let missing = image.missing.iter().map(|part| ("missing", part));
    let damaged = image.damaged.iter().map(|part| ("other bytes", part));
    let parts = missing.chain(damaged).map(|(what, part)| format!("{what}: {} {}", part.place, part.digest));
    let lines: Vec<String> = parts.chain(image.error.iter().map(|error| with_causes(error))).collect();
    lines.iter().map(|line| harmless(line).into_owned()).collect::<Vec<_>>().join("\n")
}
