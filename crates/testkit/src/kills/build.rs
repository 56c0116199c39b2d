//! Builds that are killed: what is left is nothing, what was there before, or all of it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

use airlift_server::samples::Sample;

use super::{Program, Scenario};

/// What is there before a build that is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Before {
    /// Nothing.
    Nothing,
    /// What an earlier run left, with some of the blobs.
    Part,
    /// What an earlier run left of another bundle.
    OtherPart,
    /// Another bundle under the output's name, which is to be replaced.
    OtherBundle,
}

/// What a bundle is written as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// One plain archive.
    Tar,
    /// In zstd frames.
    Zst,
    /// In volumes.
    Volumes,
}

impl Form {
    fn output(self) -> &'static str {
        match self {
            Form::Tar | Form::Volumes => "b.tar",
            Form::Zst => "b.tar.zst",
        }
    }

    /// The arguments of a build.
    fn build(self, reference: &str, output: &str) -> Vec<String> {
        let mut arguments = vec!["build", reference, "-o", output];
        if self == Form::Volumes {
            arguments.extend(["--volume-size", "700K"]);
        }
        arguments.into_iter().map(str::to_owned).collect()
    }

    /// The file whose presence says that there is a bundle.
    fn token(self) -> &'static str {
        match self {
            Form::Volumes => VOLUMES,
            _ => self.output(),
        }
    }

    /// What a run that was broken off half-way leaves of `files`.
    fn half_of(self, files: &Files) -> Files {
        let bytes: usize =
            files.iter().filter(|(name, _)| *name != VOLUMES).map(|(_, bytes)| bytes.len()).sum();
        let mut whole = bytes / 2;
        let half = |(name, bytes): (&String, &Vec<u8>)| {
            let mut bytes = bytes.clone();
            let kept = whole.min(bytes.len());
            whole -= kept;
            match self {
                // Entries are appended.
                Form::Zst => bytes.truncate(kept),
                // Its place is taken first.
                Form::Tar | Form::Volumes => bytes[kept..].fill(0),
            }
            // The manifest comes when all volumes are complete.
            if name == VOLUMES {
                bytes.clear();
            }
            (format!("{name}.part"), bytes)
        };
        files.iter().map(half).collect()
    }
}

/// The manifest of volumes; its name comes behind those of the volumes.
const VOLUMES: &str = "b.tar.volumes.json";

/// Files by name.
type Files = BTreeMap<String, Vec<u8>>;

/// `airlift build` of one image.
pub struct Build {
    program: Program,
    before: Before,
    form: Form,
    reference: String,
    expected: Files,
    other: Files,
}

impl Build {
    /// Builds `sample` from `source` once, unkilled, to know what has to come; `other` is what gets into the
    /// way.
    pub fn new(
        program: &Program,
        source: &str,
        (sample, other): (&Sample, &Sample),
        form: Form,
        before: Before,
    ) -> Self {
        let reference = |sample: &Sample| format!("{source}/{}:{}", sample.repository, sample.tag);
        let built = |sample: &Sample| {
            let folder = tempfile::tempdir().expect("a temporary folder can be made");
            let arguments = form.build(&reference(sample), form.output());
            program.run(folder.path(), &arguments.iter().map(String::as_str).collect::<Vec<_>>());
            program.run(folder.path(), &["verify", form.token()]);
            files_in(folder.path())
        };
        let (expected, other) = (built(sample), built(other));
        Build { program: program.clone(), before, form, reference: reference(sample), expected, other }
    }

    /// What it writes in a folder: final names, and those of unfinished files.
    pub fn paths(&self, folder: &Path) -> Vec<PathBuf> {
        let both = |name: &String| [folder.join(name), folder.join(format!("{name}.part"))];
        self.expected.keys().flat_map(both).collect()
    }
}

impl Scenario for Build {
    fn name(&self) -> String {
        let before = match self.before {
            Before::Nothing => "build",
            Before::Part => "resume",
            Before::OtherPart => "resume-other",
            Before::OtherBundle => "replace",
        };
        let form = match self.form {
            Form::Tar => "",
            Form::Zst => "-zst",
            Form::Volumes => "-volumes",
        };
        format!("{before}{form}")
    }

    fn begin(&self, folder: &Path, _: usize) -> Command {
        let there = match self.before {
            Before::Nothing => Files::new(),
            Before::Part => self.form.half_of(&self.expected),
            Before::OtherPart => self.form.half_of(&self.other),
            Before::OtherBundle => self.other.clone(),
        };
        for (name, bytes) in there {
            std::fs::write(folder.join(name), bytes).expect("its folder takes files");
        }
        let output = folder.join(self.form.output());
        let arguments = self.form.build(&self.reference, output.to_str().expect("temporary paths are UTF-8"));
        let mut command = self.program.command(folder, &[]);
        command.args(arguments);
        if self.before == Before::OtherBundle {
            command.arg("--force");
        }
        command
    }

    fn check_left(&self, folder: &Path, _: usize) {
        let found = files_in(folder);
        if !found.contains_key(self.form.token()) {
            // One name is changed in one step; those of a set are not.
            let is_in_between = self.form == Form::Volumes;
            assert!(self.before != Before::OtherBundle || is_in_between, "the old bundle is gone");
            return;
        }
        let is_there = |bundle: &Files| bundle.iter().all(|(name, bytes)| found.get(name) == Some(bytes));
        let is_old = self.before == Before::OtherBundle && is_there(&self.other);
        assert!(is_old || is_there(&self.expected), "half a bundle has the output's name");
    }

    fn check_done(&self, folder: &Path, _: usize) {
        let found = files_in(folder);
        let names = |files: &Files| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&found), names(&self.expected), "missing, or left behind");
        assert!(found == self.expected, "the bundle differs from one that was never killed");
    }
}

/// All files of a folder.
fn files_in(folder: &Path) -> Files {
    let entries = std::fs::read_dir(folder).expect("its folder can be listed");
    let file = |entry: std::fs::DirEntry| {
        let bytes = std::fs::read(entry.path()).expect("its files can be read");
        (entry.file_name().to_string_lossy().into_owned(), bytes)
    };
    entries.map(|entry| file(entry.expect("an entry"))).collect()
}
