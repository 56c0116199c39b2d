//! A clock that jumps, backwards or by years, changes nothing: what is timed is timed by a clock that only
//! goes forward.
//!
//! The wall clock is read in two places: for a `Retry-After` that is a date, whose pause is capped; and for
//! the times in locks, receipts and events, which decide nothing.

use std::path::{Path, PathBuf};

use airlift_testkit::tool::workspace_root;

/// What reads the wall clock.
const READERS: [&str; 5] = ["SystemTime", "Timestamp::now", "Zoned::now", "Utc::now", "CLOCK_REALTIME"];

/// Where it may be read.
const ALLOWED: [&str; 2] = ["crates/registry/src/http/response.rs", "crates/cli/src/clock.rs"];

/// The Rust files below a folder.
fn sources(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

#[test]
fn nothing_depends_on_the_wall_clock() {
    let mut files = Vec::new();
    for member in std::fs::read_dir(workspace_root().join("crates")).unwrap() {
        let member = member.unwrap().path();
        if !member.ends_with("testkit") {
            sources(&member.join("src"), &mut files);
        }
    }
    assert!(files.len() > 80, "the sources are somewhere else now");
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        let allowed = ALLOWED.iter().any(|allowed| file.ends_with(allowed));
        let readers = READERS.iter().filter(|reader| text.contains(**reader));
        let found: Vec<_> = readers.filter(|_| !allowed).collect();
        assert!(found.is_empty(), "{} reads the wall clock: {found:?}", file.display());
    }
}
