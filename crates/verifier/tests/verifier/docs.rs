//! `docs/guarantees.md` and `docs/faults.md` name tests that exist, and the latter names every fault.

use std::fs;
use std::path::Path;

const TEXT: &str = include_str!("../../../../docs/guarantees.md");
const FAULTS: &str = include_str!("../../../../docs/faults.md");

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// The tests that a text names as `path/file.rs::test`.
fn tests_in(text: &str) -> Vec<(&str, &str)> {
    text.split('`').filter_map(|code| code.split_once(".rs::")).collect()
}

fn assert_exist(text: &str) {
    for (file, test) in tests_in(text) {
        let code = fs::read_to_string(root().join(format!("{file}.rs"))).unwrap_or_default();
        let before = code.split_once(&format!("fn {test}()")).map(|(before, _)| before);
        // The attribute stands just above, maybe with `async` between.
        let is_test =
            before.is_some_and(|before| before.lines().rev().take(2).any(|line| line.ends_with("test]")));
        assert!(is_test, "{file}.rs has no test {test}");
    }
}

#[test]
fn the_tests_that_hold_the_guarantees_exist() {
    assert!(tests_in(TEXT).len() > 15);
    assert_exist(TEXT);
}

/// The rows of the tables of faults, without their heads.
fn faults() -> Vec<&'static str> {
    let is_head = |row: &str| row.starts_with("| fault |") || row.starts_with("|---");
    FAULTS.lines().filter(|line| line.starts_with('|') && !is_head(line)).collect()
}

#[test]
fn the_tests_that_hold_the_faults_exist() {
    for row in faults() {
        assert!(!tests_in(row).is_empty(), "no test holds {row}");
    }
    assert_exist(FAULTS);
}

#[test]
fn every_fault_has_its_row() {
    let number = |row: &str| row.strip_prefix("| ")?.split_once(". ")?.0.parse::<u32>().ok();
    let numbers: Vec<u32> = faults().into_iter().filter_map(number).collect();
    assert_eq!(numbers, (1..=76).collect::<Vec<_>>());
    assert!(faults().len() > numbers.len(), "those without a number are somewhere else now");
}
