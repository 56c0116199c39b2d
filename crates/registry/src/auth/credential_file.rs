//! One credential file: Podman's `auth.json` or Docker's `config.json`, and what it has for a repository.
//!
//! Decoding an entry is `docker_credential`'s. Nothing that is in a file gets into a message but names.

use std::io::Read as _;
use std::path::Path;
use std::time::Duration;

use airlift_oci::text::bounded;
use airlift_oci::{Host, Repository};
use docker_credential::{CredentialRetrievalError, DockerCredential};
use serde_json::{Map, Value, json};

use crate::auth::credential::Credential;
use crate::auth::secret::Secret;

/// The largest credential file that is read.
const MAX_FILE: u64 = 1024 * 1024;
/// Docker Hub's key in Docker's files and helpers.
pub(super) const HUB_KEY: &str = "https://index.docker.io/v1/";

/// The members of an entry that hold a login.
pub(super) const SECRET_MEMBERS: [&str; 4] = ["auth", "username", "password", "identitytoken"];

/// What one file has.
pub(crate) enum FileEntry {
    Nothing,
    Credential(Credential),
    /// A helper, and what it is to be asked for.
    Helper {
        name: String,
        key: String,
    },
}

/// The same as [`search`], on a thread that may block: a file may be a pipe, or lie on a server that is gone.
pub(crate) async fn find(
    path: &Path,
    repository: &Repository,
    time_limit: Duration,
) -> Result<FileEntry, String> {
    let (path, repository) = (path.to_owned(), repository.clone());
    let search = tokio::task::spawn_blocking(move || search(&path, &repository));
    match tokio::time::timeout(time_limit, search).await {
        Ok(Ok(found)) => found,
        _ => Err("can't be read (nothing came)".to_owned()),
    }
}

/// One file: the host's own helper, else an entry with a secret, else the helper for everything.
fn search(path: &Path, repository: &Repository) -> Result<FileEntry, String> {
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(FileEntry::Nothing),
        Err(error) => return Err(format!("can't be read ({error})")),
    };
    let config: Value = serde_json::from_slice(&text).map_err(|_| "is not JSON".to_owned())?;
    let host = repository.host().to_string();
    if let Some((key, name)) = own_helper(&config, &host) {
        return Ok(FileEntry::Helper { name, key });
    }
    if let Some((key, entry)) = entry(&config, repository) {
        return decoded(&key, &entry).map(FileEntry::Credential);
    }
    Ok(match general_helper(&config, repository.host()) {
        Some((name, key)) => FileEntry::Helper { name, key },
        None => FileEntry::Nothing,
    })
}

/// The helper that keeps the login of a host, and the key by which it does: the host's own, else the one for
/// all hosts.
pub(super) fn helper_of(config: &Value, host: &Host) -> Option<(String, String)> {
    let own = own_helper(config, &host.to_string()).map(|(key, name)| (name, key));
    own.or_else(|| general_helper(config, host))
}

fn general_helper(config: &Value, host: &Host) -> Option<(String, String)> {
    let name = config.get("credsStore").and_then(Value::as_str).filter(|helper| !helper.is_empty())?;
    let key = if host.is_docker_hub() { HUB_KEY.to_owned() } else { host.to_string() };
    Some((name.to_owned(), key))
}

/// The credential in an entry of `auths`.
fn decoded(key: &str, entry: &Value) -> Result<Credential, String> {
    let reduced = json!({ "auths": { key: entry } });
    let credential = docker_credential::get_credential_from_reader(reduced.to_string().as_bytes(), key);
    match credential {
        Ok(DockerCredential::IdentityToken(token)) => Ok(Credential::Identity(Secret(token))),
        Ok(DockerCredential::UsernamePassword(user, secret)) => Ok(Credential::new(user, secret)),
        Err(error) => {
            let reason = match error {
                CredentialRetrievalError::CredentialMismatchError => {
                    "its auth differs from its username and password"
                }
                _ => "its auth is not base64 of user:password",
            };
            Err(format!("the entry {} can't be used: {reason}", bounded(key).escape_debug()))
        }
    }
}

/// `host` in the form that keys are compared in.
pub(super) fn plain_host(host: &str) -> String {
    match host.to_ascii_lowercase() {
        hub if hub == "index.docker.io" || hub == "registry-1.docker.io" => "docker.io".to_owned(),
        other => other,
    }
}

/// A key of a credential file as `host[:port][/namespace]`; what follows a URL's host is a protocol version,
/// not a namespace.
pub(super) fn plain_key(key: &str) -> String {
    let without_scheme = key.strip_prefix("https://").or_else(|| key.strip_prefix("http://"));
    match without_scheme {
        Some(rest) => plain_host(rest.split('/').next().unwrap_or_default()),
        None => match key.trim_end_matches('/').split_once('/') {
            Some((host, "v1" | "v2")) => plain_host(host),
            Some((host, namespace)) => format!("{}/{namespace}", plain_host(host)),
            None => plain_host(key),
        },
    }
}

fn own_helper(config: &Value, host: &str) -> Option<(String, String)> {
    let helpers = config.get("credHelpers")?.as_object()?;
    let (key, helper) = helpers.iter().find(|(key, _)| plain_key(key) == plain_host(host))?;
    let helper = helper.as_str().filter(|helper| !helper.is_empty())?;
    Some((key.clone(), helper.to_owned()))
}

/// The entry whose key is the longest part of the repository's name, and which has a secret in it.
fn entry(config: &Value, repository: &Repository) -> Option<(String, Value)> {
    let auths = config.get("auths")?.as_object()?;
    let mut name = format!("{}/{}", plain_host(&repository.host().to_string()), repository.path());
    loop {
        for (key, entry) in auths.iter().filter(|(key, _)| plain_key(key) == name) {
            if let Some(entry) = filled(entry) {
                return Some((key.clone(), entry));
            }
        }
        name.truncate(name.rfind('/')?);
    }
}

/// An entry without its empty members, if a secret is left. Docker leaves `{}` where a helper has the secret.
fn filled(entry: &Value) -> Option<Value> {
    let is_filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let members = entry
        .as_object()?
        .iter()
        .filter(|(name, value)| SECRET_MEMBERS.contains(&name.as_str()) && is_filled(value));
    let members: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

/// The start of a file, no longer than a credential file may be.
pub(crate) fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(text)
}
