//! Lets the system calls of a build fail, one after the other, and checks what is left.
//!
//! `tests/faults/inject` walks all of them; a test walks some of them by the same code.

use std::path::Path;

use crate::kills::{Build, Scenario as _};
use crate::strace::{Strace, Watched};

/// The calls that are about the output, its `.part` and its folder.
pub const CALLS: [&str; 15] = [
    "openat",
    "statx",
    "flock",
    "ftruncate",
    "fallocate",
    "pread64",
    "preadv2",
    "pwrite64",
    "write",
    "fsync",
    "fdatasync",
    "renameat2",
    "rename",
    "linkat",
    "close",
];

/// What they fail with.
pub const ERRORS: [&str; 2] = ["ENOSPC", "EIO"];

/// Calls whose failure a run may survive: there is another way, or nothing depends on them by then. What
/// can't be read past the page cache is read through it, and hashed in both cases.
const FORGIVEN: [&str; 4] = ["statx", "preadv2", "pread64", "close"];

/// The exit code for local files.
const LOCAL: i32 = 4;

/// What came of one fault.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The call was made and failed, and so did the run, as it should.
    Held,
    /// The call was made and failed, and the run completed the bundle all the same.
    GotOver,
    /// There was no such call any more.
    NotReached,
}

/// Lets the call of this number fail in a build, and panics unless the run ended with an error that names the
/// file, with nothing good destroyed and nothing half-done published, and the same command completed it
/// afterwards.
///
/// `None` where there is no strace.
pub fn fail(build: &Build, call: &str, error: &str, number: usize) -> Option<Outcome> {
    let folder =
        tempfile::Builder::new().prefix("failed-").tempdir().expect("a temporary folder can be made");
    // What it is called in the calls: no links on the way.
    let folder =
        folder.path().canonicalize().map(|path| (folder, path)).expect("a folder of ours has a path");
    let (_keep, folder) = folder;
    let mut command = build.begin(&folder, number);
    let mut paths = build.paths(&folder);
    paths.push(folder.clone());
    let strace = Strace::of(&["fsync", "fdatasync"])?.about(&paths);
    let watched = strace.failing(call, error, number).run(&command);
    let what = || format!("{call} {number} {error}: {}\n{}", watched.output.status, watched.stderr());
    let code = watched.output.status.code();
    if watched.has_failed() {
        // Where a file can't be opened past the page cache, the usual way has to do.
        let is_direct = watched.position(call, &["O_DIRECT", "(INJECTED)"]).is_some();
        // What is to be replaced is looked into for what it may give; else that is fetched.
        let is_look = watched.position(call, &["O_RDONLY", "/b.tar", "(INJECTED)"]).is_some();
        let forgiven = (is_direct || is_look || FORGIVEN.contains(&call)) && code == Some(0);
        assert!(forgiven || code == Some(LOCAL), "{}", what());
        let folder = folder.to_str().expect("temporary paths are UTF-8");
        assert!(forgiven || watched.stderr().contains(folder), "no file is named: {}", what());
        assert_never_again(&watched);
        build.check_left(Path::new(folder), number);
        let again = command.output().expect("the binary starts");
        let complaints = String::from_utf8_lossy(&again.stderr);
        assert!(again.status.success(), "{}\nrun again: {complaints}", what());
    } else {
        assert_eq!(code, Some(0), "{}", what());
    }
    build.check_done(&folder, number);
    Some(match (watched.has_failed(), code) {
        (false, _) => Outcome::NotReached,
        (true, Some(0)) => Outcome::GotOver,
        (true, _) => Outcome::Held,
    })
}

/// A flush that failed once succeeds the next time, though the data is lost: so there must be no next time.
fn assert_never_again(watched: &Watched) {
    let is_flush = |name: &str| matches!(name, "fsync" | "fdatasync");
    let flushes = watched.calls.iter().filter(|call| is_flush(&call.name));
    let mut failed = flushes.skip_while(|call| !call.text.contains("(INJECTED)"));
    if failed.next().is_some() {
        assert_eq!(failed.next(), None, "a flush came after one that had failed");
    }
}
