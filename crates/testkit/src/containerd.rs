//! containerd, the real consumer of images: what it pulls by a pinned digest is what a cluster would run.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempfile::TempDir;

use crate::process::Daemon;
use crate::tool::{is_root, tool};

/// What tests need is the content store; the rest would look for devices, networks and file systems.
const CONFIG: &str = r#"version = 2
disabled_plugins = [
  "io.containerd.grpc.v1.cri",
  "io.containerd.internal.v1.restart",
  "io.containerd.snapshotter.v1.aufs",
  "io.containerd.snapshotter.v1.btrfs",
  "io.containerd.snapshotter.v1.devmapper",
  "io.containerd.snapshotter.v1.zfs",
  "io.containerd.tracing.processor.v1.otlp",
  "io.containerd.internal.v1.tracing",
]
"#;

/// A running containerd with a store of its own. Dropping it ends it and removes the store.
pub struct Containerd {
    ctr: PathBuf,
    socket: PathBuf,
    // In this order: the process ends before its folder goes.
    _daemon: Daemon,
    folder: TempDir,
}

impl Containerd {
    /// Starts it, and returns when it answers. `None` where it is not installed, or without root.
    pub fn start() -> Option<Containerd> {
        let (program, ctr) = (tool("containerd")?, tool("ctr")?);
        if !is_root() {
            eprintln!("left out: containerd needs root");
            return None;
        }
        let folder =
            tempfile::Builder::new().prefix("ctrd-").tempdir().expect("a temporary folder can be made");
        let (config, socket) = (folder.path().join("config.toml"), folder.path().join("sock"));
        std::fs::write(&config, CONFIG).expect("its folder takes files");
        let mut command = Command::new(program);
        command.arg("--config").arg(&config);
        command.arg("--root").arg(folder.path().join("root"));
        command.arg("--state").arg(folder.path().join("state"));
        command.arg("--address").arg(&socket);
        let (daemon, ()) =
            Daemon::start(&mut command, |line| line.contains("containerd successfully booted").then_some(()));
        Some(Containerd { ctr, socket, _daemon: daemon, folder })
    }

    /// Runs `ctr ARGS` against it and returns what came of it.
    pub fn try_ctr(&self, args: &[&str]) -> Output {
        let mut command = Command::new(&self.ctr);
        command.arg("--address").arg(&self.socket).args(args).output().expect("ctr runs")
    }

    /// Runs `ctr ARGS` against it and returns its stdout; panics with its stderr if it fails.
    pub fn ctr(&self, args: &[&str]) -> Vec<u8> {
        let output = self.try_ctr(args);
        assert!(output.status.success(), "ctr {args:?}: {}", String::from_utf8_lossy(&output.stderr));
        output.stdout
    }

    /// The exact bytes that its store holds under `digest`.
    pub fn content(&self, digest: &str) -> Vec<u8> {
        self.ctr(&["content", "get", digest])
    }

    /// Where it keeps everything.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}
