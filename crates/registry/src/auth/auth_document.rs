//! A credential file that is changed: all that is not the login of the host stays as it is.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use airlift_disk::{WriterLock, behind_links, folder_of, keep_owner, rename_over, sync_file, sync_folder};
use airlift_oci::Host;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::ser::PrettyFormatter;
use serde_json::{Map, Serializer, Value, json};

use crate::auth::credential_file::{self, HUB_KEY, SECRET_MEMBERS, plain_host, plain_key};
use crate::auth::login_store_error::LoginStoreError;
use crate::auth::user_login::UserLogin;

/// So often a change is begun again because another program changed the file meanwhile.
const MOST_CHANGES: usize = 20;

/// The content of a credential file, and where it belongs.
pub(super) struct AuthDocument {
    path: PathBuf,
    /// The bytes that were read.
    text: Vec<u8>,
    members: Map<String, Value>,
}

impl AuthDocument {
    /// Reads a file; an absent or empty one has no content.
    pub(super) fn open(path: &Path) -> Result<Self, LoginStoreError> {
        // A new file would take the place of a device or a pipe.
        if std::fs::metadata(path).is_ok_and(|found| !found.is_file()) {
            let source = io::Error::new(io::ErrorKind::InvalidInput, "it is there and is not a regular file");
            return Err(LoginStoreError::File { doing: "write", path: path.to_owned(), source });
        }
        let text = content(path).map_err(|source| LoginStoreError::File {
            doing: "read",
            path: path.to_owned(),
            source,
        })?;
        let no_file = |why| LoginStoreError::Syntax { path: path.to_owned(), why };
        let members: Map<String, Value> = match text.trim_ascii().is_empty() {
            true => Map::new(),
            false => serde_json::from_slice(&text).map_err(|_| no_file("it is not a JSON object"))?,
        };
        if members.get("auths").is_some_and(|auths| !auths.is_object()) {
            return Err(no_file("its 'auths' is not a JSON object"));
        }
        Ok(AuthDocument { path: path.to_owned(), text, members })
    }

    /// The helper that keeps the login of a host, and the key by which it does.
    pub(super) fn helper(&self, host: &Host) -> Option<(String, String)> {
        credential_file::helper_of(&Value::Object(self.members.clone()), host)
    }

    /// Puts a login in the place of the one that the file has for the host.
    pub(super) fn set(&mut self, host: &Host, login: &UserLogin) {
        let key = if host.is_docker_hub() { HUB_KEY.to_owned() } else { host.to_string() };
        let auth = STANDARD.encode(format!("{}:{}", login.user(), login.password()));
        self.remove(host);
        let auths = self.members.entry("auths").or_insert_with(|| json!({}));
        // It was checked when the file was read.
        if let Some(auths) = auths.as_object_mut() {
            let entry = auths.entry(key).or_insert_with(|| json!({}));
            if !entry.is_object() {
                *entry = json!({});
            }
            if let Some(entry) = entry.as_object_mut() {
                entry.insert("auth".to_owned(), Value::String(auth));
            }
        }
    }

    /// Removes the secrets of the host itself; not those of a part of its repositories. Says if there were
    /// any.
    pub(super) fn remove(&mut self, host: &Host) -> bool {
        let Some(auths) = self.members.get_mut("auths").and_then(Value::as_object_mut) else { return false };
        let host = plain_host(&host.to_string());
        let mut had_any = false;
        auths.retain(|key, entry| {
            if plain_key(key) != host {
                return true;
            }
            let Some(entry) = entry.as_object_mut() else { return false };
            for member in SECRET_MEMBERS {
                had_any |= entry.remove(member).is_some();
            }
            // Members that other programs put there stay.
            !entry.is_empty()
        });
        had_any
    }

    /// Replaces the file, or the one that its link leads to, in one step, unless it is no longer what was
    /// read. Only its owner can read it, who stays the same where that is possible. Says whether it was
    /// replaced.
    fn replace(&self) -> io::Result<bool> {
        let path = behind_links(&self.path)?;
        let mut text = Vec::new();
        let mut serializer = Serializer::with_formatter(&mut text, PrettyFormatter::with_indent(b"\t"));
        serde::Serialize::serialize(&self.members, &mut serializer).map_err(io::Error::other)?;
        text.push(b'\n');
        let (unfinished, mut file) = create_beside(&path)?;
        keep_owner(&file, &path);
        let written = file.write_all(&text).and_then(|()| sync_file(&file));
        let replaced = written.and_then(|()| {
            let is_as_read = content(&path)? == self.text;
            if is_as_read {
                rename_over(&unfinished, &path)?;
            }
            Ok(is_as_read)
        });
        if !matches!(replaced, Ok(true)) {
            let _ = std::fs::remove_file(&unfinished);
            return replaced;
        }
        sync_folder(folder_of(&path)).map(|()| true)
    }
}

/// Changes a credential file. `change` says if it changed anything, which is then written. Runs of this
/// program do it one after another; after a change by another program meanwhile, it begins again. Says
/// whether there was anything to write.
pub(super) fn edit(path: &Path, change: impl Fn(&mut AuthDocument) -> bool) -> Result<bool, LoginStoreError> {
    let failed = |source| LoginStoreError::File { doing: "write", path: path.to_owned(), source };
    if !change(&mut AuthDocument::open(path)?) {
        return Ok(false);
    }
    let file = behind_links(path).map_err(failed)?;
    DirBuilder::new().recursive(true).mode(0o700).create(folder_of(&file)).map_err(failed)?;
    let _lock = WriterLock::wait(&file);
    for _ in 0..MOST_CHANGES {
        let mut document = AuthDocument::open(path)?;
        if !change(&mut document) {
            return Ok(false);
        }
        if document.replace().map_err(failed)? {
            return Ok(true);
        }
    }
    Err(failed(io::Error::other("another program changes it all the time")))
}

/// The bytes of a file; none if it isn't there.
fn content(path: &Path) -> io::Result<Vec<u8>> {
    match credential_file::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        read => read,
    }
}

/// A new file beside another one, which only its owner can read.
fn create_beside(path: &Path) -> io::Result<(PathBuf, File)> {
    let name = path.file_name().ok_or(io::ErrorKind::InvalidInput)?;
    for number in 0..100 {
        let mut unfinished = name.to_owned();
        unfinished.push(format!(".{}-{number}.new", std::process::id()));
        let unfinished = path.with_file_name(unfinished);
        match OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unfinished) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            opened => return opened.map(|file| (unfinished, file)),
        }
    }
    Err(io::ErrorKind::AlreadyExists.into())
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;

    #[test]
    fn a_change_by_another_program_meanwhile_is_kept() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.json");
        std::fs::write(&path, r#"{"auths":{}}"#).unwrap();
        let host: Host = "r.example".parse().unwrap();
        let login = UserLogin::new("ann", "secret").unwrap();
        let tries = Cell::new(0);
        let change = |document: &mut AuthDocument| {
            tries.set(tries.get() + 1);
            if tries.get() == 2 {
                std::fs::write(&path, r#"{"auths":{"other.example":{"auth":"eDp5"}}}"#).unwrap();
            }
            document.set(&host, &login);
            true
        };
        assert!(edit(&path, change).unwrap());
        let written: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
        assert_eq!(written["auths"]["other.example"]["auth"], "eDp5");
        assert_eq!(written["auths"]["r.example"]["auth"], STANDARD.encode("ann:secret"));
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1, "nothing half-made is left");

        let never = |document: &mut AuthDocument| {
            tries.set(tries.get() + 1);
            std::fs::write(&path, format!(r#"{{"auths":{{}},"n":{}}}"#, tries.get())).unwrap();
            document.set(&host, &login);
            true
        };
        assert!(matches!(edit(&path, never), Err(LoginStoreError::File { doing: "write", .. })));
    }
}
