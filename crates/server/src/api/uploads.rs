//! `/v2/NAME/blobs/uploads/`: blobs on their way in, in one request or in many.

use std::sync::Arc;

use airlift_oci::{Algorithm, Digest};
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName};
use tokio::sync::OwnedMutexGuard;

use crate::blocking::blocking;
use crate::body::Incoming;
use crate::failure::{Code, Failure};
use crate::names::Repository;
use crate::request::RequestHead;
use crate::response::{CONTENT_DIGEST, Response, empty, set};
use crate::route;
use crate::storage::{Finish, Folder, SharedSession, UploadSession};

/// Docker's own name for the session's id.
const UPLOAD_UUID: HeaderName = HeaderName::from_static("docker-upload-uuid");

/// POST: mounts, takes a whole blob, or opens a session.
pub(crate) async fn begin(
    folder: &Arc<Folder>,
    head: &RequestHead<'_>,
    repository: Repository,
    body: &mut Incoming,
) -> Result<Response, Failure> {
    if let Some(mounted) = mount(folder, head, &repository)? {
        return Ok(mounted);
    }
    let wanted = head.parameter("digest").map(|text| route::digest(&text)).transpose()?;
    let algorithm = match (wanted, head.parameter("digest-algorithm")) {
        (Some(digest), _) => digest.algorithm(),
        (None, None) => Algorithm::Sha256,
        (None, Some(name)) => Algorithm::from_name(&name).ok_or_else(|| {
            Failure::new(Code::DigestInvalid, format!("no digest algorithm '{}'", name.escape_debug()))
        })?,
    };
    let (worker, owner) = (Arc::clone(folder), repository.clone());
    let begun = blocking(move || worker.begin(owner, algorithm)).await??;
    let (id, session) = begun.ok_or_else(|| Failure::new(Code::TooManyRequests, "too many open uploads"))?;
    let upload = Upload { folder: Arc::clone(folder), repository, id, session };
    match wanted {
        None => Ok(upload.progress(StatusCode::ACCEPTED, 0)),
        // The client doesn't know this session's id, so a failed one can't be resumed.
        Some(digest) => {
            let taken = upload.take(upload.lock().await?, digest, body).await;
            upload.folder.forget(&upload.id);
            taken
        }
    }
}

/// A blob that another repository has needs no bytes. A miss is no error: the client uploads instead.
fn mount(
    folder: &Folder,
    head: &RequestHead<'_>,
    repository: &Repository,
) -> Result<Option<Response>, Failure> {
    let Some(digest) = head.parameter("mount") else {
        return Ok(None);
    };
    let digest = route::digest(&digest)?;
    let source = head.parameter("from").and_then(|from| Repository::parse(&from));
    let mounted = source.is_some_and(|source| folder.mount(&source, repository, digest));
    Ok(mounted.then(|| created(repository, &digest)))
}

fn created(repository: &Repository, digest: &Digest) -> Response {
    let mut response = empty(StatusCode::CREATED);
    set(&mut response, header::LOCATION, format!("/v2/{repository}/blobs/{digest}"));
    set(&mut response, CONTENT_DIGEST, digest.to_string());
    response
}

/// An open session, found by a request.
pub(crate) struct Upload {
    folder: Arc<Folder>,
    repository: Repository,
    id: String,
    session: SharedSession,
}

/// A session that this request alone may write to.
type Guard = OwnedMutexGuard<UploadSession>;

impl Upload {
    /// The session `id` of `repository`, if there is one.
    pub(crate) fn find(folder: &Arc<Folder>, repository: Repository, id: &str) -> Result<Self, Failure> {
        let session = folder.session(&repository, id).ok_or_else(unknown)?;
        Ok(Upload { folder: Arc::clone(folder), repository, id: id.to_owned(), session })
    }

    /// GET: how far it is.
    pub(crate) async fn status(self) -> Result<Response, Failure> {
        let written = self.lock().await?.written();
        Ok(self.progress(StatusCode::NO_CONTENT, written))
    }

    /// PATCH: the next chunk, or all there is in one stream.
    pub(crate) async fn append(
        self,
        head: &RequestHead<'_>,
        body: &mut Incoming,
    ) -> Result<Response, Failure> {
        let guard = self.lock().await?;
        self.check_range(head.headers, guard.written())?;
        let guard = stream(guard, body).await?;
        Ok(self.progress(StatusCode::ACCEPTED, guard.written()))
    }

    /// PUT: the last chunk, if any, and the digest of it all.
    pub(crate) async fn finish(
        self,
        head: &RequestHead<'_>,
        body: &mut Incoming,
    ) -> Result<Response, Failure> {
        let digest = head.parameter("digest");
        let digest = digest.ok_or_else(|| Failure::new(Code::DigestInvalid, "the query has no digest"))?;
        let digest = route::digest(&digest)?;
        let guard = self.lock().await?;
        self.check_range(head.headers, guard.written())?;
        self.take(guard, digest, body).await
    }

    /// DELETE.
    pub(crate) fn cancel(self) -> Result<Response, Failure> {
        self.folder.forget(&self.id);
        Ok(empty(StatusCode::NO_CONTENT))
    }

    /// Takes the rest of the bytes and makes a blob of them all. A wrong digest ends the session.
    async fn take(&self, mut guard: Guard, digest: Digest, body: &mut Incoming) -> Result<Response, Failure> {
        guard.expect(digest.algorithm());
        let mut guard = stream(guard, body).await?;
        self.folder.forget(&self.id);
        let (folder, repository) = (Arc::clone(&self.folder), self.repository.clone());
        let finish = move || match guard.finish(digest)? {
            Finish::Matches(file) => folder.keep_blob(&repository, digest, file).map(|()| None),
            Finish::Differs(actual) => Ok(Some(actual)),
        };
        match blocking(finish).await?? {
            None => Ok(created(&self.repository, &digest)),
            Some(actual) => Err(Failure::new(
                Code::DigestInvalid,
                format!("what was sent has the digest {actual}, not {digest}"),
            )),
        }
    }

    async fn lock(&self) -> Result<Guard, Failure> {
        let guard = Arc::clone(&self.session).lock_owned().await;
        if guard.is_open() { Ok(guard) } else { Err(unknown()) }
    }

    /// `Content-Range: FIRST-LAST` must go on where the session is, and fit the length.
    fn check_range(&self, headers: &HeaderMap, written: u64) -> Result<(), Failure> {
        let Some(value) = headers.get(header::CONTENT_RANGE) else {
            return Ok(());
        };
        let range = value.to_str().ok().and_then(parse_range);
        let length =
            headers.get(header::CONTENT_LENGTH).and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
        match range {
            Some((first, last))
                if first == written && length.is_none_or(|length| last - first + 1 == length) =>
            {
                Ok(())
            }
            _ => {
                let message =
                    format!("the chunk does not go on at byte {written}, or its length is not its range's");
                Err(Failure::new(Code::BlobUploadInvalid, message)
                    .status(StatusCode::RANGE_NOT_SATISFIABLE)
                    .header(header::LOCATION, self.location())
                    .header(header::RANGE, range_of(written)))
            }
        }
    }

    fn progress(&self, status: StatusCode, written: u64) -> Response {
        let mut response = empty(status);
        set(&mut response, header::LOCATION, self.location());
        set(&mut response, header::RANGE, range_of(written));
        set(&mut response, UPLOAD_UUID, self.id.as_str());
        response
    }

    fn location(&self) -> String {
        format!("/v2/{}/blobs/uploads/{}", self.repository, self.id)
    }
}

fn unknown() -> Failure {
    Failure::new(Code::BlobUploadUnknown, "no such upload in this repository")
}

/// With nothing written it is still `0-0`: the specification has no way to say "none".
fn range_of(written: u64) -> String {
    format!("0-{}", written.saturating_sub(1))
}

/// `FIRST-LAST`, with or without RFC 9110's unit and total.
fn parse_range(text: &str) -> Option<(u64, u64)> {
    let text = text.strip_prefix("bytes").map_or(text, |rest| rest.trim_start_matches([' ', '=']));
    let text = text.split('/').next().unwrap_or_default();
    let (first, last) = text.split_once('-')?;
    let (first, last) = (first.parse::<u64>().ok()?, last.parse::<u64>().ok()?);
    (first <= last && last < u64::MAX).then_some((first, last))
}

/// Moves the body into the session, piece by piece. The guard travels with the work, so a client that goes
/// away leaves the session whole.
async fn stream(mut guard: Guard, body: &mut Incoming) -> Result<Guard, Failure> {
    loop {
        let piece = body.piece().await?;
        if piece.is_empty() {
            return Ok(guard);
        }
        guard = blocking(move || guard.append(&piece).map(|()| guard)).await??;
    }
}
