//! A test that runs itself again as a process, with an environment of its own that no other test sees.

use std::process::Command;

const CHILD: &str = "AIRLIFT_TEST_CHILD";

/// Whether this is the process with the environment; what it was told.
pub(crate) fn told_to_child() -> Option<String> {
    std::env::var(CHILD).ok()
}

/// Runs the test `name` in a process of its own. Gives what that printed.
pub(crate) async fn again(
    name: &'static str,
    child: String,
    environment: Vec<(&'static str, String)>,
) -> String {
    let run = move || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["--exact", name, "--nocapture"]).env(CHILD, child);
        for variable in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"] {
            command.env_remove(variable).env_remove(variable.to_ascii_lowercase());
        }
        command.envs(environment).output().unwrap()
    };
    let output = tokio::task::spawn_blocking(run).await.unwrap();
    let printed =
        format!("{}\n{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{printed}");
    assert!(printed.contains("1 passed"), "{printed}");
    printed
}
