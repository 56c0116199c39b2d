//! Credential helpers: programs `docker-credential-NAME` that keep credentials.
//!
//! The protocol is that of docker/docker-credential-helpers: `get`, `store` or `erase` as the only argument,
//! the host (or JSON, to store) on standard input, and the answer to `get` as JSON on standard output. A
//! helper may wait for a user that isn't there, so there is a limit to its time, after which it is ended.
//! What it prints may hold what it was asked for, so nothing of that is repeated.

use std::io;
use std::process::{Output, Stdio};
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::process::{Child, Command};

use crate::auth::credential::Credential;

/// The most that is read of what a helper prints.
const MAX_OUTPUT: u64 = 1024 * 1024;

/// Why a helper gave no credential.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// It has none for that host.
    Nothing,
    /// It can't be started.
    NotRun,
    /// It ended with an error.
    Failed,
    /// What it printed is no credential.
    Malformed,
    /// It was ended.
    Silent,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Reply {
    username: String,
    secret: String,
}

/// What a helper gets to keep.
#[derive(Serialize)]
#[serde(rename_all = "PascalCase")]
struct StoreRequest<'a> {
    #[serde(rename = "ServerURL")]
    server_url: &'a str,
    username: &'a str,
    secret: &'a str,
}

impl Failure {
    /// What the helper did, behind its name.
    pub(crate) fn in_words(&self, time_limit: Duration) -> String {
        match self {
            Failure::Nothing => "has no such credential".to_owned(),
            Failure::NotRun => "can't be run".to_owned(),
            Failure::Failed => "failed".to_owned(),
            Failure::Malformed => "gave no credential".to_owned(),
            Failure::Silent => {
                format!("didn't answer within {} s and was ended", time_limit.as_secs_f32())
            }
        }
    }
}

/// Asks `docker-credential-{name}` what it has for `key`, and waits for `time_limit` at most.
pub(crate) async fn ask(name: &str, key: &str, time_limit: Duration) -> Result<Credential, Failure> {
    let output = run(name, "get", key, time_limit).await?;
    let reply: Reply = serde_json::from_slice(&output.stdout).map_err(|_| Failure::Malformed)?;
    Ok(Credential::new(reply.username, reply.secret))
}

/// Gives it a user and a secret to keep for `key`.
pub(crate) async fn store(
    name: &str,
    key: &str,
    (username, secret): (&str, &str),
    time_limit: Duration,
) -> Result<(), Failure> {
    let kept = serde_json::to_string(&StoreRequest { server_url: key, username, secret });
    run(name, "store", &kept.map_err(|_| Failure::Malformed)?, time_limit).await.map(drop)
}

/// Has it forget what it keeps for `key`.
pub(crate) async fn erase(name: &str, key: &str, time_limit: Duration) -> Result<(), Failure> {
    run(name, "erase", key, time_limit).await.map(drop)
}

async fn run(name: &str, action: &str, input: &str, time_limit: Duration) -> Result<Output, Failure> {
    let mut command = Command::new(format!("docker-credential-{name}"));
    command.arg(action).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
    // The helper ends with the wait for it: a program that hangs must not outlive us or hold us up.
    let child = command.kill_on_drop(true).spawn().map_err(|_| Failure::NotRun)?;
    let output = tokio::time::timeout(time_limit, talk(child, input)).await.map_err(|_| Failure::Silent)?;
    let output = output.map_err(|_| Failure::Failed)?;
    if !output.status.success() {
        let is_unknown = String::from_utf8_lossy(&output.stdout).contains("credentials not found");
        return Err(if is_unknown { Failure::Nothing } else { Failure::Failed });
    }
    Ok(output)
}

async fn talk(mut child: Child, text: &str) -> io::Result<Output> {
    if let Some(mut input) = child.stdin.take() {
        // A helper that doesn't read it may have an answer all the same.
        let _ = input.write_all(text.as_bytes()).await;
    }
    let mut stdout = Vec::new();
    if let Some(output) = child.stdout.take() {
        output.take(MAX_OUTPUT).read_to_end(&mut stdout).await?;
    }
    let status = child.wait().await?;
    Ok(Output { status, stdout, stderr: Vec::new() })
}
