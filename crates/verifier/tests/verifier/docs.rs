//! `docs/guarantees.md` and `docs/faults.md` name tests that exist, the one every rule, the other every
//! fault.

use std::collections::BTreeSet;
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

/// What stands in quotes behind a word that makes findings, in the source of both crates.
fn rules_in_code() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders =
        ["oci", "disk", "bundle", "verifier"].map(|name| root().join(format!("crates/{name}/src"))).to_vec();
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let code = fs::read_to_string(path).unwrap();
            for word in code.split('"').skip(1).step_by(2) {
                let prefixes = [
                    "blob-",
                    "bundle-",
                    "expected-id",
                    "extra-",
                    "folder-",
                    "graph-",
                    "index-",
                    "layout-",
                    "manifest-",
                    "more-",
                    "tar-",
                    "volume-",
                    "zst-",
                ];
                let plain = word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'-');
                if plain && prefixes.iter().any(|prefix| word.starts_with(prefix)) {
                    found.insert(word.to_owned());
                }
            }
        }
    }
    found
}

#[test]
fn every_rule_is_explained() {
    let explained: BTreeSet<String> = TEXT
        .lines()
        .filter_map(|line| line.strip_prefix("| `")?.split_once("` |"))
        .map(|(rule, _)| rule.to_owned())
        .filter(|rule| rule != "graph" && !rule.contains(['.', ' ']))
        .collect();
    let used = rules_in_code();
    assert!(used.len() > 25, "{used:?}");
    assert_eq!(explained, used, "in docs/guarantees.md, and in the code");
}
