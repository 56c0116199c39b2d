//! `docs/guarantees.md` names tests that exist, and every rule.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

const TEXT: &str = include_str!("../../../../docs/guarantees.md");

fn root() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn the_tests_that_hold_the_guarantees_exist() {
    let named: Vec<(&str, &str)> = TEXT.split('`').filter_map(|code| code.split_once(".rs::")).collect();
    assert!(named.len() > 15);
    for (file, test) in named {
        let code = fs::read_to_string(root().join(format!("{file}.rs"))).unwrap_or_default();
        assert!(code.contains(&format!("fn {test}()")), "{file}.rs has no test {test}");
    }
}

/// What stands in quotes behind a word that makes findings, in the source of both crates.
fn rules_in_code() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut folders = vec![root().join("crates/bundle/src"), root().join("crates/verifier/src")];
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
                    "bundle-id",
                    "expected-id",
                    "extra-",
                    "folder-",
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
