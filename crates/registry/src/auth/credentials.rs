//! What the user has: Podman's and Docker's credential files, and credential helpers.
//!
//! Which entry counts is decided here (namespaces as Podman writes them, old URL keys as Docker writes them); decoding an entry and
//! speaking to a helper is `docker_credential`'s. Nothing found is an answer that says where it was looked for; a secret never is in one.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use docker_credential::{CredentialRetrievalError, DockerCredential};
use oci_client::secrets::RegistryAuth;
use serde_json::{Map, Value, json};

use crate::host::bounded;
use crate::options::SetupError;
use crate::reference::Repository;

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
#[derive(Clone, Debug)]
pub(crate) struct Credentials {
    files: Vec<PathBuf>,
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
        Ok(Credentials { files: vec![path.to_owned()] })
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
        Credentials { files: files.into_iter().flatten().collect() }
    }

    /// Looks for what the user has for `repository`. Reads files and may run a helper: blocks.
    pub(crate) fn find(&self, repository: &Repository) -> Lookup {
        let mut looked = Vec::new();
        for path in &self.files {
            let shown = path.display().to_string().escape_debug().to_string();
            match search(path, repository) {
                Ok(Some((credential, None))) => {
                    return Lookup::Found { credential, from: shown };
                }
                Ok(Some((credential, Some(helper)))) => {
                    return Lookup::Found {
                        credential,
                        from: format!("docker-credential-{helper} (named in {shown})"),
                    };
                }
                Ok(None) => looked.push(shown),
                Err(problem) => looked.push(format!("{shown}: {problem}")),
            }
        }
        let looked =
            if looked.is_empty() { "nowhere: HOME is not set".to_owned() } else { looked.join(", ") };
        Lookup::Nothing { looked }
    }
}

/// A credential and, if one gave it, the helper's name.
type Hit = (Credential, Option<String>);

/// One file: the host's own helper, else an entry with a secret, else the helper for everything.
fn search(path: &Path, repository: &Repository) -> Result<Option<Hit>, String> {
    let text = match read(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(format!("can't be read ({error})")),
    };
    let config: Value = serde_json::from_slice(&text).map_err(|_| "is not JSON".to_owned())?;
    let host = repository.host().to_string();
    if let Some((key, helper)) = own_helper(&config, &host) {
        return ask_helper(&helper, &key);
    }
    if let Some((key, entry)) = entry(&config, repository) {
        let reduced = json!({ "auths": { key.clone(): entry } });
        let credential = docker_credential::get_credential_from_reader(reduced.to_string().as_bytes(), &key);
        return credential.map(|credential| Some((convert(credential), None))).map_err(|error| {
            let reason = match error {
                CredentialRetrievalError::CredentialMismatchError => {
                    "its auth differs from its username and password"
                }
                _ => "its auth is not base64 of user:password",
            };
            format!("the entry {} can't be used: {reason}", bounded(&key).escape_debug())
        });
    }
    match config.get("credsStore").and_then(Value::as_str).filter(|helper| !helper.is_empty()) {
        Some(helper) => {
            let key = if repository.host().is_docker_hub() { HUB_KEY.to_owned() } else { host };
            ask_helper(helper, &key)
        }
        None => Ok(None),
    }
}

/// `host` in the form that keys are compared in.
fn plain_host(host: &str) -> String {
    match host.to_ascii_lowercase() {
        hub if hub == "index.docker.io" || hub == "registry-1.docker.io" => "docker.io".to_owned(),
        other => other,
    }
}

/// A key of a credential file as `host[:port][/namespace]`; what follows a URL's host is a protocol version, not a namespace.
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

fn ask_helper(helper: &str, key: &str) -> Result<Option<Hit>, String> {
    let shown = bounded(helper).escape_debug().to_string();
    if helper.contains(['/', '\\']) {
        return Err(format!("the helper's name '{shown}' contains a slash"));
    }
    let config = json!({ "credHelpers": { key: helper } }).to_string();
    match docker_credential::get_credential_from_reader(config.as_bytes(), key) {
        Ok(credential) => Ok(Some((convert(credential), Some(shown)))),
        Err(CredentialRetrievalError::HelperFailure { stdout, .. })
            if stdout.contains("credentials not found") =>
        {
            Ok(None)
        }
        // What the helper printed may hold what it was asked for, so it isn't repeated.
        Err(CredentialRetrievalError::HelperFailure { .. }) => {
            Err(format!("docker-credential-{shown} failed"))
        }
        Err(CredentialRetrievalError::MalformedHelperResponse) => {
            Err(format!("docker-credential-{shown} gave no credential"))
        }
        Err(_) => Err(format!("docker-credential-{shown} can't be run")),
    }
}

fn convert(credential: DockerCredential) -> Credential {
    match credential {
        DockerCredential::IdentityToken(token) => Credential::Identity(Secret(token)),
        DockerCredential::UsernamePassword(user, token) if user == "<token>" => {
            Credential::Identity(Secret(token))
        }
        DockerCredential::UsernamePassword(user, password) => {
            Credential::Login(RegistryAuth::Basic(user, password))
        }
    }
}

fn read(path: &Path) -> std::io::Result<Vec<u8>> {
    let mut text = Vec::new();
    std::fs::File::open(path)?.take(MAX_FILE).read_to_end(&mut text)?;
    Ok(text)
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
