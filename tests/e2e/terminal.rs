//! Running the binary on a terminal.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::airlift::Airlift;

/// A terminal by script(1), with a shell that runs a command.
pub(crate) struct Terminal {
    child: Child,
    shown: Vec<u8>,
}

impl Terminal {
    pub(crate) fn start(script: &Path, airlift: &Airlift, shell: &str) -> Self {
        let mut command = Command::new(script);
        command.args(["-q", "-e", "-c", shell, "/dev/null"]).current_dir(airlift.path(""));
        command.env("AIRLIFT", airlift.command(&[]).get_program());
        command.env("HOME", airlift.path("")).env_remove("XDG_CONFIG_HOME").env_remove("XDG_RUNTIME_DIR");
        command.env_remove("DOCKER_CONFIG").env_remove("REGISTRY_AUTH_FILE");
        let child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Terminal { child, shown: Vec::new() }
    }

    pub(crate) fn wait_for_question(&mut self) {
        let stdout = self.child.stdout.as_mut().unwrap();
        let mut byte = [0];
        while !self.shown.ends_with(b": ") {
            let read = stdout.read(&mut byte).unwrap();
            assert_eq!(read, 1, "it ended: {}", String::from_utf8_lossy(&self.shown));
            self.shown.push(byte[0]);
        }
    }

    pub(crate) fn answer(&mut self, answer: &str) {
        self.wait_for_question();
        self.child.stdin.as_mut().unwrap().write_all(answer.as_bytes()).unwrap();
        self.shown.push(b'|');
    }

    /// All that was shown to the end.
    pub(crate) fn rest(mut self) -> String {
        self.child.stdout.as_mut().unwrap().read_to_end(&mut self.shown).unwrap();
        self.child.wait().unwrap();
        String::from_utf8_lossy(&self.shown).into_owned()
    }
}
