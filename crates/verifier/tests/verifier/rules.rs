//! The rules: `docs/guarantees.md` explains every one, and code makes findings of every one.
//!
//! `UPDATE_DOCS=1 cargo test -p airlift-verifier --test verifier rules` writes the table of the page anew.

use std::fs;
use std::path::{Path, PathBuf};

use airlift_verifier::{Rule, Severity};

const START: &str = "<!-- The test of the rules writes from here (UPDATE_DOCS=1) -->\n";
const END: &str = "<!-- to here -->\n";

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

#[test]
fn every_rule_is_explained() {
    let mut table = String::from("| rule | severity | meaning | what to do |\n|---|---|---|---|\n");
    for rule in Rule::ALL {
        let severity = match rule.severity() {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        table.push_str(&format!("| `{rule}` | {severity} | {} | {} |\n", rule.meaning(), rule.remedy()));
    }
    let path = root().join("docs/guarantees.md");
    let page = fs::read_to_string(&path).unwrap();
    let (before, rest) = page.split_once(START).unwrap();
    let (written, after) = rest.split_once(END).unwrap();
    if std::env::var_os("UPDATE_DOCS").is_some() {
        fs::write(&path, format!("{before}{START}{table}{END}{after}")).unwrap();
        return;
    }
    assert!(written == table, "docs/guarantees.md is stale; UPDATE_DOCS=1 writes it anew");
}

#[test]
fn rules_are_in_the_order_of_their_ids_and_have_a_sentence_each() {
    let ids: Vec<&str> = Rule::ALL.iter().map(|rule| rule.id()).collect();
    assert!(ids.is_sorted_by(|one, next| one < next), "{ids:?}");
    for rule in Rule::ALL {
        for text in [rule.meaning(), rule.remedy()] {
            assert!(text.ends_with('.') && !text.contains(['|', '\n']), "{rule}: {text}");
        }
        assert_eq!(serde_json::to_value(rule).unwrap(), rule.id());
        let id: String = format!("{rule:?}")
            .char_indices()
            .flat_map(|(at, one)| (at > 0 && one.is_uppercase()).then_some('-').into_iter().chain(Some(one)))
            .collect();
        assert_eq!(rule.id(), id.to_lowercase(), "an id is its variant's name");
    }
}

/// The code of all crates that make findings, without tests and comparisons with rules.
fn code_that_makes_findings() -> String {
    let mut folders = ["bundle", "verifier"].map(|name| root().join(format!("crates/{name}/src"))).to_vec();
    let mut all = String::new();
    while let Some(folder) = folders.pop() {
        for item in fs::read_dir(folder).unwrap() {
            let path = item.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if !ABOUT_RULES.iter().any(|file| path.ends_with(file)) {
                let code = fs::read_to_string(path).unwrap();
                let code = code.split("#[cfg(test)]").next().unwrap_or_default();
                all.extend(code.lines().filter(|line| !is_comparison(line)).flat_map(|line| [line, "\n"]));
            }
        }
    }
    all
}

/// Files that define rules, or say what follows from findings, and make none of their own.
const ABOUT_RULES: [&str; 3] = ["findings/rule.rs", "report/state.rs", "report/consequences.rs"];

fn is_comparison(line: &str) -> bool {
    ["== Rule::", "!= Rule::", "matches!(", "//"].iter().any(|sign| line.contains(sign))
}

#[test]
fn every_rule_is_found_by_some_code() {
    let code = code_that_makes_findings();
    let is_made = |rule: &&Rule| {
        let name = format!("Rule::{rule:?}");
        code.match_indices(&name).any(|(at, _)| !code[at + name.len()..].starts_with(char::is_alphanumeric))
    };
    let unused: Vec<&Rule> = Rule::ALL.iter().filter(|rule| !is_made(rule)).collect();
    assert_eq!(unused, Vec::<&Rule>::new(), "no code makes such findings");
}
