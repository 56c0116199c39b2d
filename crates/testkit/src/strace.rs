//! System calls that are watched, and system calls that fail, by `strace`.

use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::tool::tool;

/// What is to be watched, and what is to fail.
#[derive(Clone, Debug)]
pub struct Strace {
    program: PathBuf,
    calls: Vec<String>,
    paths: Vec<PathBuf>,
    failing: Vec<String>,
}

/// A call that was watched, with the thread's number in front and the result at its end; descriptors have
/// their paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Call {
    /// Its name.
    pub name: String,
    /// Its arguments and its result.
    pub text: String,
}

/// What came of a run.
#[derive(Debug)]
pub struct Watched {
    /// How it ended and what it wrote.
    pub output: Output,
    /// The calls in the order in which they were complete.
    pub calls: Vec<Call>,
}

impl Strace {
    /// Watches these calls. `None` where there is no strace (see [`tool`]).
    pub fn of(calls: &[&str]) -> Option<Self> {
        let calls = calls.iter().map(|call| (*call).to_owned()).collect();
        Some(Strace { program: tool("strace")?, calls, paths: Vec::new(), failing: Vec::new() })
    }

    /// Only calls that are about these paths, or descriptors of them.
    pub fn about(mut self, paths: &[PathBuf]) -> Self {
        self.paths.extend_from_slice(paths);
        self
    }

    /// Lets a call fail with an error such as `ENOSPC`: the one of this number, from 1, in each thread that
    /// comes so far.
    pub fn failing(self, call: &str, error: &str, number: usize) -> Self {
        self.inject(call, format!("inject=?{call}:error={error}:when={number}"))
    }

    /// Lets a call fail with an error from this number on, from 1, in each thread.
    pub fn failing_from(self, call: &str, error: &str, number: usize) -> Self {
        self.inject(call, format!("inject=?{call}:error={error}:when={number}+"))
    }

    /// Lets a call fail each time, as where a file system doesn't know it.
    pub fn refusing(self, call: &str, error: &str) -> Self {
        self.inject(call, format!("inject=?{call}:error={error}"))
    }

    fn inject(mut self, call: &str, failing: String) -> Self {
        self.failing.push(failing);
        if !self.calls.iter().any(|watched| watched == call) {
            self.calls.push(call.to_owned());
        }
        self
    }

    /// Runs `command` without input to its end.
    pub fn run(&self, command: &Command) -> Watched {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let log = folder.path().join("log");
        let mut traced = Command::new(&self.program);
        // A name that this kind of machine doesn't have, such as `rename` on arm64, is passed over.
        let calls: Vec<_> = self.calls.iter().map(|call| format!("?{call}")).collect();
        traced
            .args(["-f", "-qq", "-y", "-s", "0", "-o"])
            .arg(&log)
            .arg("-e")
            .arg(format!("trace={}", calls.join(",")));
        for path in &self.paths {
            traced.arg("-P").arg(path);
        }
        for failing in &self.failing {
            traced.arg("-e").arg(failing);
        }
        traced.arg("--").arg(command.get_program()).args(command.get_args());
        for (name, value) in command.get_envs() {
            match value {
                Some(value) => traced.env(name, value),
                None => traced.env_remove(name),
            };
        }
        if let Some(folder) = command.get_current_dir() {
            traced.current_dir(folder);
        }
        let output = traced.stdin(Stdio::null()).output().expect("strace starts");
        let text = read(&log);
        Watched { output, calls: calls_in(&text) }
    }
}

fn read(path: &Path) -> String {
    String::from_utf8_lossy(&std::fs::read(path).expect("strace writes its log")).into_owned()
}

impl Watched {
    /// Whether the call that was to fail was made.
    pub fn has_failed(&self) -> bool {
        self.calls.iter().any(|call| call.text.contains("(INJECTED)"))
    }

    /// What was written to standard error.
    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&self.output.stderr).into_owned()
    }

    /// Where in the list the first call is that has this name (one of several, separated by `|`) and all
    /// these texts in it.
    pub fn position(&self, names: &str, texts: &[&str]) -> Option<usize> {
        self.calls.iter().position(|call| {
            names.split('|').any(|name| name == call.name)
                && texts.iter().all(|text| call.text.contains(text))
        })
    }
}

/// The calls in a log. Those that others came between are put together again, at the place where they end.
fn calls_in(log: &str) -> Vec<Call> {
    let mut begun: Vec<(&str, String)> = Vec::new();
    let mut calls = Vec::new();
    for line in log.lines() {
        let Some((thread, rest)) = line.split_once(' ') else { continue };
        let rest = rest.trim_start();
        if let Some(start) = rest.strip_suffix("<unfinished ...>") {
            begun.push((thread, start.trim_end().to_owned()));
        } else if let Some(end) = rest.strip_prefix("<... ") {
            let end = end.split_once(" resumed>").map_or("", |(_, end)| end);
            let found = begun.iter().position(|(other, _)| *other == thread);
            let start = found.map(|place| begun.remove(place).1).unwrap_or_default();
            calls.extend(call_in(&format!("{start}{end}")));
        } else {
            calls.extend(call_in(rest));
        }
    }
    calls
}

fn call_in(line: &str) -> Option<Call> {
    let (name, text) = line.split_once('(')?;
    let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    plain.then(|| Call { name: name.to_owned(), text: text.to_owned() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_what_strace_writes() {
        let log = "7 openat(AT_FDCWD</>, \"/x\", O_RDONLY) = 3</x>\n\
                   7 pwrite64(3</x>, \"\"..., 5, 0 <unfinished ...>\n\
                   8 fsync(4</y>)     = -1 EIO (Input/output error) (INJECTED)\n\
                   7 <... pwrite64 resumed>)           = 5\n\
                   9 +++ exited with 0 +++\n";
        let calls = calls_in(log);
        let names: Vec<_> = calls.iter().map(|call| call.name.as_str()).collect();
        assert_eq!(names, ["openat", "fsync", "pwrite64"]);
        assert_eq!(calls[2].text, "3</x>, \"\"..., 5, 0)           = 5");
    }

    #[test]
    fn a_call_fails_where_it_should() {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("sh");
        command.args(["-c", "echo x > made"]).current_dir(folder.path());
        let Some(strace) = Strace::of(&["openat"]) else { return };
        let made = folder.path().join("made");
        let watched =
            strace.clone().about(&["made".into(), made.clone()]).failing("openat", "ENOSPC", 1).run(&command);
        assert!(watched.has_failed() && !watched.output.status.success() && !made.exists(), "{watched:?}");
        let watched = strace.run(&command);
        assert!(!watched.has_failed() && watched.output.status.success() && made.exists(), "{watched:?}");
        assert!(watched.position("openat|open", &["\"made\"", "O_CREAT"]).is_some(), "{watched:?}");
    }
}
