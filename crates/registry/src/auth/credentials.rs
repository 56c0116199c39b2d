//! What the user has: Podman's and Docker's credential files, and credential helpers.
//!
//! Which entry counts is decided here (namespaces as Podman writes them, old URL keys as Docker writes them);
//! decoding an entry is `docker_credential`'s, and `helper` speaks to helpers. Nothing found is an answer
//! that says where it was looked for; a secret never is in one.

use std::collections::HashSet;
use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::Repository;
use airlift_oci::text::bounded;
use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;
use serde_json::{Map, Value, json};

use crate::auth::helper::{self, Failure};
use crate::options::SetupError;

/// The largest credential file that is read.
const MAX_FILE: u64 = 1024 * 1024;
/// Docker Hub's key in Docker's files and helpers.
const HUB_KEY: &str = "https://index.docker.io/v1/";

/// Something that must not be shown.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Secret(pub(crate) String);

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("<redacted>")
    }
}

/// What to log in with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// A user and a password.
    Login(RegistryAuth),
    /// An identity token, to be changed into access tokens.
    Identity(Secret),
}

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Lookup {
    /// Found, and in which file or helper.
    Found { credential: Credential, from: String },
    /// Not found; the places, and what was wrong with them.
    Nothing { looked: String },
}

/// Where to look.
#[derive(Debug)]
pub(crate) struct Credentials {
    files: Vec<PathBuf>,
    /// The helpers that didn't answer: nobody waits for them again.
    silent: Mutex<HashSet<String>>,
}

impl Credentials {
    /// The one file that was given, which must be readable, or else the usual places.
    pub(crate) fn new(auth_file: Option<&Path>) -> Result<Self, SetupError> {
        let Some(path) = auth_file else {
            return Ok(Self::usual(|name| std::env::var_os(name)));
        };
        let text = read(path).map_err(|source| SetupError::AuthFile { path: path.to_owned(), source })?;
        if serde_json::from_slice::<Map<String, Value>>(&text).is_err() {
            return Err(SetupError::AuthSyntax { path: path.to_owned() });
        }
        Ok(Self::at(vec![path.to_owned()]))
    }

    /// The files that are looked into, whether they are there or not.
    pub(crate) fn files(auth_file: Option<&Path>) -> Vec<PathBuf> {
        match auth_file {
            Some(path) => vec![path.to_owned()],
            None => Self::usual(|name| std::env::var_os(name)).files,
        }
    }

    /// Podman's and Docker's own places, by the environment.
    fn usual(variable: impl Fn(&str) -> Option<OsString>) -> Self {
        let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let home = folder("HOME");
        let below_home = |path: &str| home.as_ref().map(|home| home.join(path));
        let config = folder("XDG_CONFIG_HOME").or_else(|| below_home(".config"));
        let docker = folder("DOCKER_CONFIG").or_else(|| below_home(".docker"));
        let files = [
            folder("REGISTRY_AUTH_FILE"),
            folder("XDG_RUNTIME_DIR").map(|folder| folder.join("containers/auth.json")),
            config.map(|folder| folder.join("containers/auth.json")),
            docker.map(|folder| folder.join("config.json")),
        ];
        Self::at(files.into_iter().flatten().collect())
    }

    fn at(files: Vec<PathBuf>) -> Self {
        Credentials { files, silent: Mutex::default() }
    }

    /// Looks for what the user has for `repository`. A helper is waited for no longer than `patience`.
    pub(crate) async fn find(&self, repository: &Repository, patience: Duration) -> Lookup {
        let mut looked = Vec::new();
        for path in &self.files {
            let shown = path.display().to_string().escape_debug().to_string();
            match looked_up(path, repository, patience).await {
                Ok(Entry::Credential(credential)) => return Lookup::Found { credential, from: shown },
                Ok(Entry::Helper { name, key }) => match self.ask(&name, &key, patience).await {
                    Ok(credential) => {
                        let name = bounded(&name).escape_debug().to_string();
                        let from = format!("docker-credential-{name} (named in {shown})");
                        return Lookup::Found { credential, from };
                    }
                    Err(None) => looked.push(shown),
                    Err(Some(problem)) => looked.push(format!("{shown}: {problem}")),
                },
                Ok(Entry::Nothing) => looked.push(shown),
                Err(problem) => looked.push(format!("{shown}: {problem}")),
            }
        }
        let looked =
            if looked.is_empty() { "nowhere: HOME is not set".to_owned() } else { looked.join(", ") };
        Lookup::Nothing { looked }
    }

    /// Asks a helper. An error is what is wrong with it, if anything is.
    async fn ask(&self, name: &str, key: &str, patience: Duration) -> Result<Credential, Option<String>> {
        let shown = bounded(name).escape_debug().to_string();
        if name.contains(['/', '\\']) {
            return Err(Some(format!("the helper's name '{shown}' contains a slash")));
        }
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_silent = silent().contains(name);
        let answer = if is_silent { Err(Failure::Silent) } else { helper::ask(name, key, patience).await };
        let problem = match answer {
            Ok(credential) => return Ok(credential),
            Err(Failure::Nothing) => return Err(None),
            Err(Failure::NotRun) => "can't be run".to_owned(),
            Err(Failure::Failed) => "failed".to_owned(),
            Err(Failure::Malformed) => "gave no credential".to_owned(),
            Err(Failure::Silent) => {
                silent().insert(name.to_owned());
                format!("didn't answer within {} s and was ended", patience.as_secs_f32())
            }
        };
        Err(Some(format!("docker-credential-{shown} {problem}")))
    }
}

/// What one file has.
enum Entry {
    Nothing,
    Credential(Credential),
    /// A helper, and what it is to be asked for.
    Helper {
        name: String,
        key: String,
    },
}

/// The same as [`search`], on a thread that may block: a file may be a pipe, or lie on a server that is gone.
async fn looked_up(path: &Path, repository: &Repository, patience: Duration) -> Result<Entry, String> {
    let (path, repository) = (path.to_owned(), repository.clone());
    let search = tokio::task::spawn_blocking(move || search(&path, &repository));
    match tokio::time::timeout(patience, search).await {
        Ok(Ok(found)) => found,
        _ => Err("can't be read (nothing came)".to_owned()),
    }
}

/// One file: the host's own helper, else an entry with a secret, else the helper for everything.
fn search(path: &Path, repository: &Repository) -> Result<Entry, String> {
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Entry::Nothing),
        Err(error) => return Err(format!("can't be read ({error})")),
    };
    let config: Value = serde_json::from_slice(&text).map_err(|_| "is not JSON".to_owned())?;
    let host = repository.host().to_string();
    if let Some((key, name)) = own_helper(&config, &host) {
        return Ok(Entry::Helper { name, key });
    }
    if let Some((key, entry)) = entry(&config, repository) {
        return decoded(&key, &entry).map(Entry::Credential);
    }
    match config.get("credsStore").and_then(Value::as_str).filter(|helper| !helper.is_empty()) {
        Some(name) => {
            let key = if repository.host().is_docker_hub() { HUB_KEY.to_owned() } else { host };
            Ok(Entry::Helper { name: name.to_owned(), key })
        }
        None => Ok(Entry::Nothing),
    }
}

/// The credential in an entry of `auths`.
fn decoded(key: &str, entry: &Value) -> Result<Credential, String> {
    let reduced = json!({ "auths": { key: entry } });
    let credential = docker_credential::get_credential_from_reader(reduced.to_string().as_bytes(), key);
    match credential {
        Ok(DockerCredential::IdentityToken(token)) => Ok(Credential::Identity(Secret(token))),
        Ok(DockerCredential::UsernamePassword(user, secret)) => Ok(helper::credential(user, secret)),
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
fn plain_host(host: &str) -> String {
    match host.to_ascii_lowercase() {
        hub if hub == "index.docker.io" || hub == "registry-1.docker.io" => "docker.io".to_owned(),
        other => other,
    }
}

/// A key of a credential file as `host[:port][/namespace]`; what follows a URL's host is a protocol version,
/// not a namespace.
fn plain_key(key: &str) -> String {
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
    let known = ["auth", "username", "password", "identitytoken"];
    let is_filled = |value: &Value| value.as_str().is_some_and(|text| !text.is_empty());
    let members =
        entry.as_object()?.iter().filter(|(name, value)| known.contains(&name.as_str()) && is_filled(value));
    let members: Map<String, Value> = members.map(|(name, value)| (name.clone(), value.clone())).collect();
    (!members.is_empty()).then_some(Value::Object(members))
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
