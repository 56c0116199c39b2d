//! What the user has: Podman's and Docker's credential files, and credential helpers.
//!
//! Which entry counts is decided here (namespaces as Podman writes them, old URL keys as Docker writes them);
//! decoding an entry is `docker_credential`'s, and `helper` speaks to helpers. Nothing found is an answer
//! that says where it was looked for; a secret never is in one.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use airlift_oci::Repository;
use airlift_oci::text::bounded;
use serde_json::{Map, Value};

use crate::auth::credential::Credential;
use crate::auth::credential_file::{self, FileEntry};
use crate::auth::helper::{self, Failure};
use crate::error::setup::SetupError;

/// What a search came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SearchResult {
    /// Found, and in which file or helper.
    Found { credential: Credential, from: String },
    /// Not found; the places, and what was wrong with them.
    Nothing { looked: String },
}

/// Where to look.
#[derive(Debug)]
pub(crate) struct Credentials {
    files: Vec<PathBuf>,
    /// The helpers that didn't answer. They are not asked again.
    silent: Mutex<HashSet<String>>,
}

impl Credentials {
    /// The one file that was given, which must be readable, or else the usual places.
    pub(crate) fn new(auth_file: Option<&Path>) -> Result<Self, SetupError> {
        let Some(path) = auth_file else {
            return Ok(Self::usual(|name| std::env::var_os(name)));
        };
        let text = credential_file::read(path)
            .map_err(|source| SetupError::AuthFile { path: path.to_owned(), source })?;
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

    /// The file that takes a new login: the one that `REGISTRY_AUTH_FILE` names, else the first of the usual
    /// places where there is a file, else `containers/auth.json` in the folder for configuration, which
    /// stays when the session ends. No file that is read before it can hold another login.
    pub(crate) fn file_for_new_logins() -> Option<PathBuf> {
        let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
        let files = Self::usual(variable).files;
        if variable("REGISTRY_AUTH_FILE").is_some() {
            return files.into_iter().next();
        }
        let there = files.iter().find(|path| path.exists()).cloned();
        there.or_else(|| {
            let skipped = usize::from(variable("XDG_RUNTIME_DIR").is_some());
            files.into_iter().nth(skipped)
        })
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

    /// Looks for what the user has for `repository`. A helper is waited for no longer than `time_limit`.
    pub(crate) async fn find(&self, repository: &Repository, time_limit: Duration) -> SearchResult {
        let mut looked = Vec::new();
        for path in &self.files {
            let shown = path.display().to_string().escape_debug().to_string();
            match credential_file::find(path, repository, time_limit).await {
                Ok(FileEntry::Credential(credential)) => {
                    return SearchResult::Found { credential, from: shown };
                }
                Ok(FileEntry::Helper { name, key }) => match self.ask(&name, &key, time_limit).await {
                    Ok(credential) => {
                        let name = bounded(&name).escape_debug().to_string();
                        let from = format!("docker-credential-{name} (named in {shown})");
                        return SearchResult::Found { credential, from };
                    }
                    Err(None) => looked.push(shown),
                    Err(Some(problem)) => looked.push(format!("{shown}: {problem}")),
                },
                Ok(FileEntry::Nothing) => looked.push(shown),
                Err(problem) => looked.push(format!("{shown}: {problem}")),
            }
        }
        let looked =
            if looked.is_empty() { "nowhere: HOME is not set".to_owned() } else { looked.join(", ") };
        SearchResult::Nothing { looked }
    }

    /// Asks a helper. An error is what is wrong with it, if anything is.
    async fn ask(&self, name: &str, key: &str, time_limit: Duration) -> Result<Credential, Option<String>> {
        let shown = bounded(name).escape_debug().to_string();
        if name.contains(['/', '\\']) {
            return Err(Some(format!("the helper's name '{shown}' contains a slash")));
        }
        let silent = || self.silent.lock().unwrap_or_else(PoisonError::into_inner);
        let is_silent = silent().contains(name);
        let answer = if is_silent { Err(Failure::Silent) } else { helper::ask(name, key, time_limit).await };
        match answer {
            Ok(credential) => Ok(credential),
            Err(Failure::Nothing) => Err(None),
            Err(failure) => {
                if failure == Failure::Silent {
                    silent().insert(name.to_owned());
                }
                Err(Some(format!("docker-credential-{shown} {}", failure.in_words(time_limit))))
            }
        }
    }
}

#[cfg(test)]
#[path = "credentials_tests.rs"]
mod tests;
