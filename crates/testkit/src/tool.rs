//! Where the tools of other people are that the tests run.

use std::path::{Path, PathBuf};

/// The names that `tests/run` found or installed, separated by spaces.
const EXPECTED: &str = "AIRLIFT_EXPECT_TOOLS";

/// Where Debian keeps daemons, which a user's `PATH` may leave out.
const SYSTEM_FOLDERS: [&str; 3] = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/// The folder of the workspace.
pub fn workspace_root() -> &'static Path {
    Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../.."))
}

/// Where the tool `name` is: built by `tests/run` (`crane`, `regctl`, `registry`), or on the `PATH`.
///
/// `None` where the machine doesn't have it; then the test is left out, with a line that says so. Panics
/// where `tests/run` had it: a test must not get lost unnoticed.
pub fn tool(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::iter::once(workspace_root().join("target/tools/bin"))
        .chain(std::env::split_paths(&path))
        .chain(SYSTEM_FOLDERS.iter().map(PathBuf::from))
        .map(|folder| folder.join(name))
        .find(|path| is_executable(path));
    if found.is_none() {
        let expected = std::env::var(EXPECTED).unwrap_or_default();
        assert!(!expected.split(' ').any(|tool| tool == name), "{EXPECTED} names {name}, but it is nowhere");
        eprintln!("left out: {name} is not installed here (tests/run installs it)");
    }
    found
}

/// Whether this process may do what only root may.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    // A process's folder in /proc belongs to its effective user.
    std::fs::metadata("/proc/self").is_ok_and(|process| process.uid() == 0)
}

fn is_executable(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.is_file() && file.permissions().mode() & 0o111 != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_what_is_on_the_path_and_nothing_else() {
        let shell = tool("sh").expect("every system has a shell");
        assert!(shell.is_absolute() && shell.ends_with("sh"), "{}", shell.display());
        assert_eq!(tool("no-such-tool-anywhere"), None);
    }

    #[test]
    fn the_workspace_root_is_the_folder_of_the_lock_file() {
        assert!(workspace_root().join("Cargo.lock").is_file());
    }
}
