//! The rules about files: manifests, `deny.toml`, sources, and everything that is committed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use airlift_testkit::tool::workspace_root;

use crate::packages::{Packages, rules};

/// Lines that every member's manifest has, with the section they stand in.
const INHERITED: [(&str, &str); 5] = [
    ("[package]", "edition.workspace = true"),
    ("[package]", "rust-version.workspace = true"),
    ("[package]", "license.workspace = true"),
    ("[package]", "publish.workspace = true"),
    ("[lints]", "workspace = true"),
];

/// Lines that the workspace's own manifest has for them to inherit.
const GIVEN: [(&str, &str); 4] = [
    ("[workspace.package]", "license = \"Apache-2.0\""),
    ("[workspace.package]", "publish = false"),
    ("[workspace.lints.rust]", "unsafe_code = \"forbid\""),
    ("[workspace.lints.rust]", "missing_docs = \"warn\""),
];

pub(crate) fn manifests(packages: &Packages) -> Vec<String> {
    let root = read("Cargo.toml");
    let mut broken = lacking("Cargo.toml", &root, &GIVEN);
    if !section(&root, "[workspace.package]").any(|line| line.starts_with("rust-version = ")) {
        broken.push("Cargo.toml states no rust-version".to_owned());
    }
    let members: Vec<PathBuf> = committed().into_iter().filter(|path| path.ends_with("Cargo.toml")).collect();
    for path in members.iter().filter(|path| path.starts_with("crates")) {
        let text = std::fs::read_to_string(workspace_root().join(path)).unwrap_or_default();
        broken.extend(lacking(&path.display().to_string(), &text, &INHERITED));
    }
    for (_, member) in
        packages.members().filter(|(_, member)| member.license.as_deref() != Some("Apache-2.0"))
    {
        broken.push(format!("{} is under {:?}", member.name, member.license));
    }
    broken
}

/// The lines of a TOML file's section, which is how far one needs to understand it here.
fn section<'a>(text: &'a str, header: &'a str) -> impl Iterator<Item = &'a str> {
    let lines = text.lines().map(str::trim).skip_while(move |line| *line != header).skip(1);
    lines.take_while(|line| !line.starts_with('['))
}

fn lacking(path: &str, text: &str, wanted: &[(&str, &str)]) -> Vec<String> {
    let lost = wanted.iter().filter(|(header, wanted)| !section(text, header).any(|line| line == *wanted));
    lost.map(|(header, wanted)| format!("{path} has no `{wanted}` in {header}")).collect()
}

pub(crate) fn deny_toml() -> Vec<String> {
    disagreement(&read("deny.toml"))
}

fn disagreement(deny: &str) -> Vec<String> {
    let mut broken = Vec::new();
    let mut compare = |what: &str, said: BTreeSet<&str>, tested: BTreeSet<&str>| {
        let differing = said.symmetric_difference(&tested);
        broken.extend(differing.map(|one| format!("deny.toml and the tests disagree on {what} {one}")));
    };
    let licences = section(deny, "[licenses]").filter_map(|line| line.strip_prefix('"')?.strip_suffix("\","));
    compare("licence", licences.collect(), rules::LICENCES.into());
    let features = section(deny, "[[bans.features]]").find_map(|line| line.strip_prefix("deny = "));
    compare("feature", features.into_iter().flat_map(quoted).collect(), rules::DECOMPRESSION.into());
    let once = section(deny, "[bans]").filter(|line| line.contains("deny-multiple-versions = true"));
    compare("the one version of", once.filter_map(|line| quoted(line).next()).collect(), rules::ONCE.into());
    broken
}

/// The texts within double quotes.
fn quoted(line: &str) -> impl Iterator<Item = &str> {
    line.split('"').skip(1).step_by(2)
}

/// Comments of sources, tests included, that are wider than rustfmt lets code be.
pub(crate) fn wide_comments() -> Vec<String> {
    let sources = committed().into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
    let mut broken = Vec::new();
    for path in sources {
        let text = std::fs::read_to_string(workspace_root().join(&path)).unwrap_or_default();
        broken.extend(wide_comments_in(&path.display().to_string(), &text));
    }
    broken
}

/// Where rustfmt ends lines of code, and we those of comments.
const WIDTH: usize = 110;

fn wide_comments_in(path: &str, text: &str) -> Vec<String> {
    let comments = text.lines().enumerate().filter(|(_, line)| line.trim_start().starts_with("//"));
    let wide = comments.filter(|(_, line)| line.chars().count() > WIDTH);
    wide.map(|(number, _)| format!("{path}:{}: the comment is wider than {WIDTH}", number + 1)).collect()
}

/// Files and folders that the page on the architecture names.
pub(crate) fn paths_of_the_architecture() -> Vec<String> {
    lost_paths("docs/architecture.md", &read("docs/architecture.md"))
}

/// The paths and modules in backticks of a page that lead to nothing.
fn lost_paths(page: &str, text: &str) -> Vec<String> {
    let named = text.split('`').skip(1).step_by(2).filter(|named| !named.contains(char::is_whitespace));
    let lost = named.filter(|named| {
        let is_path = ["crates/", "docs/", "fuzz/", "tests/"].iter().any(|start| named.starts_with(start));
        let is_module =
            named.contains("::") && named.bytes().all(|b| b.is_ascii_lowercase() || b":_".contains(&b));
        is_path && !workspace_root().join(named).exists() || is_module && !is_there(named)
    });
    lost.map(|named| format!("{page} names {named}, which is not there")).collect()
}

/// Whether a crate has this module: `disk::rename`, or `send::move_tag` of any crate.
fn is_there(module: &str) -> bool {
    let path = module.replace("::", "/");
    let crates = std::fs::read_dir(workspace_root().join("crates")).expect("the crates can be listed");
    let mut folders = crates.map(|folder| folder.expect("the crates can be listed"));
    folders.any(|folder| {
        let within = path.strip_prefix(&format!("{}/", folder.file_name().to_string_lossy()));
        let found = folder.path().join("src").join(within.unwrap_or(&path));
        found.is_dir() || found.with_extension("rs").is_file()
    })
}

pub(crate) fn machine_paths() -> Vec<String> {
    let mut broken = Vec::new();
    for path in committed() {
        // What is deleted, or not text, names nothing.
        let text = std::fs::read_to_string(workspace_root().join(&path)).unwrap_or_default();
        for (number, line) in text.lines().enumerate() {
            if let Some(place) = machine_path_in(line) {
                broken.push(format!("{}:{}: names {place}", path.display(), number + 1));
            }
        }
    }
    broken
}

/// Folders where people keep their checkouts, put together so that this file doesn't name them.
const PLACES: [&str; 4] =
    [concat!("/", "work/"), concat!("/", "root/"), concat!("/", "home/"), concat!("/", "Users/")];

/// A path that begins with such a folder. `example.org/home/` is none, nor is `D/root/`.
fn machine_path_in(line: &str) -> Option<&'static str> {
    PLACES.into_iter().find(|place| {
        line.match_indices(place).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !"._-/}~".contains(c))
        })
    })
}

/// The paths of all files that git keeps, from the root.
fn committed() -> Vec<PathBuf> {
    let listed = Command::new("git").args(["ls-files", "-z"]).current_dir(workspace_root()).output();
    let listed = listed.expect("git is there");
    assert!(listed.status.success(), "{}", String::from_utf8_lossy(&listed.stderr));
    let paths = listed.stdout.split(|byte| *byte == 0).filter(|path| !path.is_empty());
    let paths: Vec<PathBuf> =
        paths.map(|path| PathBuf::from(String::from_utf8_lossy(path).into_owned())).collect();
    assert!(paths.iter().any(|path| path == Path::new("Cargo.toml")), "git lists another folder: {paths:?}");
    paths
}

fn read(path: &str) -> String {
    std::fs::read_to_string(workspace_root().join(path)).expect("a file of the root can be read")
}

#[test]
fn a_manifest_that_inherits_too_little_is_found() {
    let good = "[package]\nedition.workspace = true\nrust-version.workspace = true\nlicense.workspace = true\n\
                publish.workspace = true\n\n[lints]\nworkspace = true\n";
    assert_eq!(lacking("x", good, &INHERITED), [""; 0]);
    let elsewhere = good.replace("[lints]", "[dependencies]");
    assert_eq!(lacking("x", &elsewhere, &INHERITED), ["x has no `workspace = true` in [lints]"]);
    assert_eq!(lacking("x", "", &INHERITED).len(), INHERITED.len());
}

#[test]
fn a_deny_toml_that_says_something_else_is_found() {
    let real = read("deny.toml");
    assert_eq!(disagreement(&real.replace("    \"ISC\",\n", "    \"GPL-3.0-only\",\n")).len(), 2);
    assert_eq!(disagreement(&real.replace("\"gzip\"", "\"json\"")).len(), 2);
    assert_eq!(disagreement(&real.replace("crate = \"tokio\"", "crate = \"tonic\"")).len(), 2);
}

#[test]
fn a_path_of_a_machine_is_found() {
    for place in PLACES {
        for line in [
            format!("{place}me"),
            format!("see '{place}me'"),
            format!("path={place}x"),
            format!("({place}x)"),
        ] {
            assert_eq!(machine_path_in(&line), Some(place), "{line}");
        }
        for line in [format!("https://example.org{place}x"), format!("D{place}x"), format!("${{X}}{place}x")]
        {
            assert_eq!(machine_path_in(&line), None, "{line}");
        }
    }
}

#[test]
fn a_wide_comment_is_found() {
    let wide = "x".repeat(WIDTH - 3);
    let text = format!("let {wide}\n    // short\n/// {wide}\n// {wide}\n");
    assert_eq!(wide_comments_in("a.rs", &text), ["a.rs:3: the comment is wider than 110"]);
}

#[test]
fn a_path_that_leads_nowhere_is_found() {
    let page = "See `crates/oci`, `docs/architecture.md`, `oci::Digest`, `oci::graph` and `graph::builder`.";
    assert_eq!(lost_paths("a.md", page), [""; 0]);
    for lost in ["crates/gone/src/lib.rs", "oci::gone", "gone::builder"] {
        let page = format!("See `{lost}`.");
        assert_eq!(lost_paths("a.md", &page), [format!("a.md names {lost}, which is not there")]);
    }
}
