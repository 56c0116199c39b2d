//! Storage that can be written to: content in files named by digest, everything else in memory.
//!
//! `content/ALGORITHM/HEX` holds blobs and manifests alike, written under `uploads/`, hashed on the way and
//! renamed. Names and tags live as long as the value; nothing is reclaimed before the folder is removed. It
//! is a scratch folder: no fsync.

use std::collections::HashMap;
use std::fs::{self, File};
use std::hash::{BuildHasher, RandomState};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use airlift_oci::{Algorithm, Digest, Tag};
use bytes::Bytes;
use tempfile::TempPath;

use super::catalogue::{Catalogue, ManifestRecord};
use super::content::{Blob, ContentStore, Manifest, Referrer, TagPage};
use super::error::StorageError;
use super::session::UploadSession;
use crate::manifest::{Kind, View};
use crate::names::{Reference, Repository};
use crate::options::Indexes;

/// How many uploads may be open at a time.
const MAX_SESSIONS: usize = 4096;

/// An open upload, shared by the requests that feed it.
pub(crate) type SharedSession = Arc<tokio::sync::Mutex<UploadSession>>;

/// Why a sound manifest was not taken.
#[derive(Debug)]
pub(crate) enum ManifestRefused {
    /// These digests are not in the repository.
    Missing(Vec<Digest>),
    /// The storage failed.
    Storage(StorageError),
}

impl From<StorageError> for ManifestRefused {
    fn from(error: StorageError) -> Self {
        ManifestRefused::Storage(error)
    }
}

/// A manifest to be kept.
pub(crate) struct NewManifest<'a> {
    pub(crate) digest: Digest,
    pub(crate) bytes: &'a [u8],
    pub(crate) view: View,
    /// The tag to move to it.
    pub(crate) tag: Option<Tag>,
}

/// A scratch folder.
pub(crate) struct Folder {
    content: PathBuf,
    uploads: PathBuf,
    catalogue: Mutex<Catalogue>,
    sessions: Mutex<Sessions>,
}

#[derive(Default)]
struct Sessions {
    /// By id, with the repository that the blob is for.
    open: HashMap<String, (Repository, SharedSession)>,
    begun: u64,
    ids: RandomState,
}

impl Folder {
    /// Makes the folders that are needed below `root`.
    pub(crate) fn open(root: &Path) -> Result<Self, StorageError> {
        let folder = Folder {
            content: root.join("content"),
            uploads: root.join("uploads"),
            catalogue: Mutex::default(),
            sessions: Mutex::default(),
        };
        let algorithms = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
        let content = algorithms.map(|algorithm| folder.content.join(algorithm.name()));
        for path in content.into_iter().chain([folder.uploads.clone()]) {
            fs::create_dir_all(&path).map_err(|source| StorageError::Io {
                action: "create",
                path,
                source,
            })?;
        }
        Ok(folder)
    }

    /// Begins an upload; `None` if there are too many already.
    pub(crate) fn begin(
        &self,
        repository: Repository,
        algorithm: Algorithm,
    ) -> Result<Option<(String, SharedSession)>, StorageError> {
        let session = UploadSession::create(&self.uploads, algorithm)?;
        let session = Arc::new(tokio::sync::Mutex::new(session));
        let mut sessions = lock(&self.sessions);
        if sessions.open.len() >= MAX_SESSIONS {
            return Ok(None);
        }
        sessions.begun += 1;
        let id = format!("{:016x}-{:x}", sessions.ids.hash_one(sessions.begun), sessions.begun);
        sessions.open.insert(id.clone(), (repository, Arc::clone(&session)));
        Ok(Some((id, session)))
    }

    /// The open upload of that id in `repository`; the id is only ever looked up.
    pub(crate) fn session(&self, repository: &Repository, id: &str) -> Option<SharedSession> {
        let sessions = lock(&self.sessions);
        let (owner, session) = sessions.open.get(id)?;
        (owner == repository).then(|| Arc::clone(session))
    }

    /// Forgets an upload. Its file goes with the last request that holds it.
    pub(crate) fn forget(&self, id: &str) {
        lock(&self.sessions).open.remove(id);
    }

    /// Moves a file whose content has `digest` to its place, and lets `repository` have it.
    pub(crate) fn keep_blob(
        &self,
        repository: &Repository,
        digest: Digest,
        file: TempPath,
    ) -> Result<(), StorageError> {
        self.place(digest, file)?;
        lock(&self.catalogue).add_blob(repository, digest);
        Ok(())
    }

    /// Keeps `bytes`, which have `digest`, as a blob of `repository`.
    pub(crate) fn write_blob(
        &self,
        repository: &Repository,
        digest: Digest,
        bytes: &[u8],
    ) -> Result<(), StorageError> {
        let file = self.write(bytes)?;
        self.keep_blob(repository, digest, file)
    }

    /// Lets `target` have a blob of `source` too. Whether `source` has it.
    pub(crate) fn mount(&self, source: &Repository, target: &Repository, digest: Digest) -> bool {
        let mut catalogue = lock(&self.catalogue);
        let held = catalogue.has_blob(source, &digest);
        if held {
            catalogue.add_blob(target, digest);
        }
        held
    }

    /// Takes a blob away from `repository`. Whether it was there.
    pub(crate) fn remove_blob(&self, repository: &Repository, digest: &Digest) -> bool {
        lock(&self.catalogue).remove_blob(repository, digest)
    }

    /// Keeps a manifest's exact bytes, and moves its tag.
    pub(crate) fn keep_manifest(
        &self,
        repository: &Repository,
        new: NewManifest<'_>,
        indexes: Indexes,
    ) -> Result<(), ManifestRefused> {
        let NewManifest { digest, bytes, view, tag } = new;
        self.complete(&lock(&self.catalogue), repository, &view, indexes)?;
        let file = self.write(bytes)?;
        self.place(digest, file)?;
        let mut catalogue = lock(&self.catalogue);
        // Again, under the lock that makes it true: something may have been deleted meanwhile.
        self.complete(&catalogue, repository, &view, indexes)?;
        let record = ManifestRecord {
            media_type: view.media_type,
            size: bytes.len() as u64,
            subject: view.subject,
            artifact_type: view.artifact_type,
            annotations: view.annotations,
        };
        catalogue.add_manifest(repository, digest, record);
        if let Some(tag) = tag {
            catalogue.tag(repository, tag, digest);
        }
        Ok(())
    }

    fn complete(
        &self,
        catalogue: &Catalogue,
        repository: &Repository,
        view: &View,
        indexes: Indexes,
    ) -> Result<(), ManifestRefused> {
        let missing = match indexes {
            Indexes::Complete => catalogue.missing(repository, view),
            Indexes::Sparse if view.kind == Kind::Manifest => catalogue.missing(repository, view),
            Indexes::Sparse => Vec::new(),
        };
        if missing.is_empty() { Ok(()) } else { Err(ManifestRefused::Missing(missing)) }
    }

    /// Removes a tag, or a manifest with all its tags. Whether it was there.
    pub(crate) fn remove_manifest(&self, repository: &Repository, reference: &Reference) -> bool {
        lock(&self.catalogue).remove(repository, reference)
    }

    fn write(&self, bytes: &[u8]) -> Result<TempPath, StorageError> {
        let io = |source| StorageError::Io { action: "write to", path: self.uploads.clone(), source };
        let mut file = tempfile::Builder::new().prefix("write-").tempfile_in(&self.uploads).map_err(io)?;
        file.write_all(bytes).map_err(io)?;
        Ok(file.into_temp_path())
    }

    fn place(&self, digest: Digest, file: TempPath) -> Result<(), StorageError> {
        let path = self.path(&digest);
        file.persist(&path).map_err(|error| StorageError::Io { action: "create", path, source: error.error })
    }

    /// Made of an algorithm's name and hex digits, nothing else.
    fn path(&self, digest: &Digest) -> PathBuf {
        self.content.join(digest.algorithm().name()).join(digest.hex())
    }
}

impl ContentStore for Folder {
    fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<Manifest>, StorageError> {
        let Some((digest, record)) = lock(&self.catalogue).resolve(repository, reference) else {
            return Ok(None);
        };
        let path = self.path(&digest);
        let bytes = fs::read(&path).map_err(|source| StorageError::Io { action: "read", path, source })?;
        if !digest.matches(&bytes) {
            return Err(StorageError::Altered(digest));
        }
        Ok(Some(Manifest { digest, media_type: record.media_type, bytes: Bytes::from(bytes) }))
    }

    fn blob(&self, repository: &Repository, digest: &Digest) -> Result<Option<Blob>, StorageError> {
        if !lock(&self.catalogue).has_blob(repository, digest) {
            return Ok(None);
        }
        let path = self.path(digest);
        let opened = File::open(&path).and_then(|file| Ok((file.metadata()?.len(), file)));
        let (size, file) = opened.map_err(|source| StorageError::Io { action: "open", path, source })?;
        // Other blobs are proven before their last bytes are sent; an empty one has no last bytes.
        if size == 0 && !digest.matches(b"") {
            return Err(StorageError::Altered(*digest));
        }
        Ok(Some(Blob { source: Arc::new(file), offset: 0, size }))
    }

    fn tags(&self, repository: &Repository, last: Option<&str>, limit: usize) -> Option<TagPage> {
        lock(&self.catalogue).tags(repository, last, limit)
    }

    fn referrers(&self, repository: &Repository, subject: &Digest) -> Vec<Referrer> {
        lock(&self.catalogue).referrers(repository, subject)
    }
}

/// No code here leaves a locked value half-changed, so a poisoned lock can be used like a sound one.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
