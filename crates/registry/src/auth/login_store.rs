//! Where logins are kept: the credential helper that a file names, else the file itself.

use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use airlift_oci::Host;
use airlift_oci::text::bounded;

use crate::auth::auth_document::{AuthDocument, edit};
use crate::auth::credentials::Credentials;
use crate::auth::helper::{self, Failure};
use crate::auth::login_store_error::LoginStoreError;
use crate::auth::user_login::UserLogin;
use crate::options::Options;

/// A place where a login is, or was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LoginPlace {
    /// A credential file.
    File(PathBuf),
    /// A credential helper.
    Helper(String),
}

impl fmt::Display for LoginPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LoginPlace::File(path) => write!(f, "{}", path.display()),
            LoginPlace::Helper(name) => write!(f, "docker-credential-{}", bounded(name).escape_debug()),
        }
    }
}

/// The files and helpers of this machine that keep logins.
#[derive(Debug)]
pub struct LoginStore {
    /// The files in the order in which they are read.
    files: Vec<PathBuf>,
    /// The file for new logins, if there is a place for one.
    target: Option<PathBuf>,
    /// How long a helper is waited for.
    time_limit: Duration,
}

impl LoginStore {
    /// The store that these options name, or else the usual places.
    pub fn new(options: &Options) -> Self {
        let files = Credentials::files(options.auth_file.as_deref());
        let target = match &options.auth_file {
            Some(path) => Some(path.clone()),
            None => Credentials::file_for_new_logins(),
        };
        LoginStore { files, target, time_limit: options.idle_timeout }
    }

    /// Stores a login, and says where: in the helper for the host or for all hosts if the file names one,
    /// else in the file, which only its owner can read. Other content of the file stays.
    ///
    /// # Errors
    /// If the file can't be read or written, isn't a credential file, or names a helper that fails. In that
    /// case the login isn't put into the file.
    pub async fn save(&self, host: &Host, login: &UserLogin) -> Result<LoginPlace, LoginStoreError> {
        let path = self.target.as_deref().ok_or(LoginStoreError::NoPlace)?;
        let Some((name, key)) = AuthDocument::open(path)?.helper(host) else {
            edit(path, |document| {
                document.set(host, login);
                true
            })?;
            return Ok(LoginPlace::File(path.to_owned()));
        };
        let stored = match checked(&name) {
            Ok(()) => helper::store(&name, &key, (login.user(), login.password()), self.time_limit).await,
            Err(problem) => return Err(failed(path, &name, problem)),
        };
        stored.map_err(|failure| failed(path, &name, failure.in_words(self.time_limit)))?;
        // An older secret in the file would be read before the helper is asked.
        edit(path, |document| document.remove(host))?;
        Ok(LoginPlace::Helper(name))
    }

    /// Erases the logins for a host from all files that are read and their helpers; says where some were. If
    /// one can't be erased, the others are all the same.
    ///
    /// # Errors
    /// The first one, if a file can't be read or written, isn't a credential file, or names a helper that
    /// fails.
    pub async fn erase(&self, host: &Host) -> Result<Vec<LoginPlace>, LoginStoreError> {
        let mut places = Vec::new();
        let mut ended = Ok(());
        for path in &self.files {
            ended = ended.and(self.erase_from(path, host, &mut places).await);
        }
        ended.map(|()| places)
    }

    /// Erases the logins for a host from a file, and from the helper that it names.
    async fn erase_from(
        &self,
        path: &Path,
        host: &Host,
        places: &mut Vec<LoginPlace>,
    ) -> Result<(), LoginStoreError> {
        if edit(path, |document| document.remove(host))? {
            places.push(LoginPlace::File(path.to_owned()));
        }
        if let Some((name, key)) = AuthDocument::open(path)?.helper(host)
            && self.erase_from_helper(path, &name, &key).await?
        {
            places.push(LoginPlace::Helper(name));
        }
        Ok(())
    }

    /// Whether the helper had one.
    async fn erase_from_helper(&self, path: &Path, name: &str, key: &str) -> Result<bool, LoginStoreError> {
        checked(name).map_err(|problem| failed(path, name, problem))?;
        let erased = match helper::ask(name, key, self.time_limit).await {
            Err(Failure::Nothing) => return Ok(false),
            Err(failure) => Err(failure),
            Ok(_) => helper::erase(name, key, self.time_limit).await,
        };
        erased.map_err(|failure| failed(path, name, failure.in_words(self.time_limit)))?;
        Ok(true)
    }
}

/// A helper's name is a part of a program's name, and no path.
fn checked(name: &str) -> Result<(), String> {
    if name.contains(['/', '\\']) { Err("has a slash in its name".to_owned()) } else { Ok(()) }
}

fn failed(path: &Path, name: &str, problem: String) -> LoginStoreError {
    LoginStoreError::Helper { helper: bounded(name).to_string(), path: path.to_owned(), problem }
}
