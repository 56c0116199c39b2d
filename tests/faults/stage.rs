//! What the walks have in common: registries, a bundle, and what was asked for.

use std::path::PathBuf;

use airlift_server::samples::Sample;
use airlift_testkit::kills::{Program, sample};
use airlift_testkit::real::RealRegistry;
use airlift_testkit::tool::workspace_root;
use tempfile::TempDir;

/// Two registries and a bundle.
pub(crate) struct Stage {
    pub(crate) program: Program,
    pub(crate) source: RealRegistry,
    pub(crate) target: RealRegistry,
    /// What is built and pushed.
    pub(crate) new: Sample,
    /// What is in the way.
    pub(crate) old: Sample,
    pub(crate) folder: TempDir,
}

impl Stage {
    pub(crate) fn new() -> Self {
        let named = std::env::var_os("AIRLIFT").map(PathBuf::from);
        let program = Program(named.unwrap_or_else(|| workspace_root().join("target/release/airlift")));
        let registry =
            || RealRegistry::debian().start().expect("docker-registry is installed (tests/tools/install)");
        let (source, target) = (registry(), registry());
        let (new, old) = (sample("1", 1), sample("0", 100));
        source.endpoint().push(&[new.clone(), old.clone()]);
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let stage = Stage { program, source, target, new, old, folder };
        stage.program.run(stage.folder.path(), &["build", &stage.reference(), "-o", "b.tar"]);
        stage
    }

    pub(crate) fn reference(&self) -> String {
        format!("{}/{}:{}", self.source.authority(), self.new.repository, self.new.tag)
    }

    pub(crate) fn bundle(&self) -> PathBuf {
        self.folder.path().join("b.tar")
    }
}

/// Ends it: somebody asked for something that isn't there.
pub(crate) fn usage(text: &str) -> ! {
    eprintln!("{text}; see --help");
    std::process::exit(2)
}

/// What follows an option: a number from 1 up.
pub(crate) fn number(option: &str, text: Option<String>) -> usize {
    match text.and_then(|text| text.parse().ok()) {
        Some(number) if number > 0 => number,
        _ => usage(&format!("{option} takes a number from 1 up")),
    }
}
