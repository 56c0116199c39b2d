//! Running the binary.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};
use std::time::Duration;

use airlift_testkit::tamper::listing;
use serde_json::Value;
use tempfile::TempDir;

/// Variables that the machine or its user may have set, and that must not influence a test.
const FOREIGN: [&str; 12] = [
    "ALL_PROXY",
    "DOCKER_AUTH_CONFIG",
    "DOCKER_CONFIG",
    "HTTPS_PROXY",
    "HTTP_PROXY",
    "REGISTRY_AUTH_FILE",
    "RUST_LOG",
    "XDG_CONFIG_HOME",
    "XDG_RUNTIME_DIR",
    "all_proxy",
    "http_proxy",
    "https_proxy",
];

/// The binary with its own empty working folder, which is also its home: it has no credentials.
pub(crate) struct Airlift {
    folder: TempDir,
}

/// The result of a run.
#[derive(Debug)]
pub(crate) struct Ran {
    /// What was asked for, for messages.
    arguments: String,
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

impl Airlift {
    pub(crate) fn new() -> Self {
        Airlift {
            folder: tempfile::Builder::new()
                .prefix("e2e-")
                .tempdir()
                .expect("a temporary folder can be made"),
        }
    }

    /// A path in its folder.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The content of a file in its folder.
    pub(crate) fn read(&self, name: &str) -> Vec<u8> {
        std::fs::read(self.path(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
    }

    /// The names in its folder, sorted.
    pub(crate) fn files(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.folder.path()).expect("its folder can be listed");
        let names = entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned());
        let mut names: Vec<String> = names.collect();
        names.sort();
        names
    }

    /// The command, for tests that redirect or set something.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_airlift"));
        command.current_dir(self.folder.path()).env("HOME", self.folder.path()).args(arguments);
        FOREIGN.iter().for_each(|name| {
            command.env_remove(name);
        });
        command
    }

    /// Runs it in its folder without input, and waits.
    pub(crate) fn run(&self, arguments: &[&str]) -> Ran {
        self.run_with_input(arguments, b"")
    }

    /// The same at this time, in seconds since 1970, as far as locks are concerned.
    pub(crate) fn run_at(&self, epoch: &str, arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.env("SOURCE_DATE_EPOCH", epoch).stdin(Stdio::null());
        Ran::of(arguments, command.output().expect("the binary starts"))
    }

    /// Unpacks a tar archive into a folder.
    pub(crate) fn unpack(&self, archive: &str, folder: &str) {
        let bytes = self.read(archive);
        for entry in listing(&self.path(archive)) {
            let path = self.path(folder).join(&entry.name);
            std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("it can be made");
            let (from, to) = (entry.offset as usize, (entry.offset + entry.size) as usize);
            std::fs::write(path, &bytes[from..to]).expect("files can be made");
        }
    }

    /// The same with something on stdin.
    pub(crate) fn run_with_input(&self, arguments: &[&str], input: &[u8]) -> Ran {
        let mut command = self.command(arguments);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the binary starts");
        // It may end without reading everything, or anything.
        let _ = child.stdin.take().expect("stdin was asked for").write_all(input);
        Ran::of(arguments, child.wait_with_output().expect("the binary ends"))
    }

    /// The same, with the most memory that it held at a time, in bytes; 0 if the system doesn't say. Pages of
    /// files don't count: the code of a binary without optimisation is three times as large.
    pub(crate) fn run_measured(&self, arguments: &[&str]) -> (Ran, u64) {
        let mut command = self.command(arguments);
        // Into files: a full pipe would stop the child while it is watched.
        let (out, err) = (self.path("stdout"), self.path("stderr"));
        let create = |path| std::fs::File::create(path).expect("its folder takes files");
        command.stdin(Stdio::null()).stdout(create(&out)).stderr(create(&err));
        let mut child = command.spawn().expect("the binary starts");
        let status = format!("/proc/{}/status", child.id());
        let mut peak = 0;
        let ended = loop {
            // The kernel keeps the peak, so only a peak after the last read is missed.
            let seen = std::fs::read_to_string(&status).unwrap_or_default();
            peak = own_memory(&seen).unwrap_or(peak);
            match child.try_wait().expect("the child can be asked") {
                Some(ended) => break ended,
                None => std::thread::sleep(Duration::from_millis(1)),
            }
        };
        let read = |path| std::fs::read(path).expect("the file is there");
        let output = Output { status: ended, stdout: read(&out), stderr: read(&err) };
        for file in [out, err] {
            std::fs::remove_file(file).expect("its folder gives files away");
        }
        (Ran::of(arguments, output), peak)
    }

    /// The same with stdout into a file or device.
    pub(crate) fn run_into(&self, arguments: &[&str], stdout: &Path) -> Ran {
        let stdout = std::fs::OpenOptions::new().write(true).open(stdout).expect("stdout can be opened");
        let mut command = self.command(arguments);
        command.stdin(Stdio::null()).stdout(stdout).stderr(Stdio::piped());
        Ran::of(arguments, command.output().expect("the binary starts"))
    }
}

/// The peak of a process's memory in bytes, without the pages of files, by its `/proc/PID/status`.
fn own_memory(status: &str) -> Option<u64> {
    let peak = kibibytes(status, "VmHWM:")?;
    Some(peak.saturating_sub(kibibytes(status, "RssFile:")?) * 1024)
}

/// The number of a line such as `VmHWM:    1234 kB`.
fn kibibytes(status: &str, name: &str) -> Option<u64> {
    let value = status.lines().find_map(|line| line.strip_prefix(name))?;
    value.trim().strip_suffix("kB")?.trim().parse().ok()
}

impl Ran {
    /// The result of a run with other means.
    pub(crate) fn of(arguments: &[&str], output: Output) -> Self {
        let (arguments, stderr) = (arguments.join(" "), String::from_utf8_lossy(&output.stderr).into_owned());
        let Some(code) = output.status.code() else {
            panic!("airlift {arguments}: {}\n{stderr}", output.status)
        };
        // In every run, whatever its arguments.
        assert!(!stderr.contains("panicked at"), "airlift {arguments}: {stderr}");
        Ran { arguments, code, stdout: output.stdout, stderr }
    }

    /// Returns itself if it ended with `code`, and panics with all its output otherwise.
    pub(crate) fn expect(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self}");
        self
    }

    /// Returns itself if its messages contain `text`.
    pub(crate) fn says(self, text: &str) -> Self {
        assert!(self.stderr.contains(text) || self.text().contains(text), "{text:?} is missing in\n{self}");
        self
    }

    /// stdout as text.
    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// stdout as the one JSON document that `--json` prints, of that schema.
    pub(crate) fn json(&self, schema: &str) -> Value {
        let parsed = serde_json::from_slice(&self.stdout);
        let document: Value = parsed.unwrap_or_else(|error| panic!("{error} in the output of {self}"));
        assert_eq!(document["schema"], schema, "{self}");
        document
    }
}

impl std::fmt::Display for Ran {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Ran { arguments, code, stderr, .. } = self;
        write!(f, "airlift {arguments}: exit {code}\n--- stdout\n{}\n--- stderr\n{stderr}", self.text())
    }
}
