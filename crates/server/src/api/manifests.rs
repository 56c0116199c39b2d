//! `/v2/NAME/manifests/REFERENCE`: bytes in, the same bytes out.

use std::sync::Arc;

use airlift_oci::{Algorithm, Digest};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderName};

use crate::blocking::blocking;
use crate::body::{BodyError, Incoming};
use crate::failure::{Code, Failure};
use crate::manifest::{self, View};
use crate::names::{Reference, ReferenceError, Repository};
use crate::options::{Options, Referrers};
use crate::request::RequestHead;
use crate::response::{CONTENT_DIGEST, Response, empty, set};
use crate::storage::{ContentStore, Folder, ManifestRefused, NewManifest};

/// Says that the registry itself keeps track of the subject.
const OCI_SUBJECT: HeaderName = HeaderName::from_static("oci-subject");

/// GET and HEAD; hyper leaves the body out of the answer to a HEAD.
///
/// `Accept` is ignored on purpose: another representation would be other bytes.
pub(crate) async fn get(
    content: &Arc<dyn ContentStore>,
    repository: Repository,
    reference: &str,
) -> Result<Response, Failure> {
    let parsed = for_reading(reference)?;
    let content = Arc::clone(content);
    let found = blocking(move || content.manifest(&repository, &parsed)).await??;
    let manifest = found.ok_or_else(|| unknown(reference))?;
    let digest = manifest.digest.to_string();
    let mut response = Response::new(Body::from(manifest.bytes));
    set(&mut response, header::CONTENT_TYPE, manifest.media_type);
    set(&mut response, header::ETAG, format!("\"{digest}\""));
    set(&mut response, CONTENT_DIGEST, digest);
    Ok(response)
}

/// A manifest on its way in.
pub(crate) struct Put<'a> {
    pub(crate) head: &'a RequestHead<'a>,
    pub(crate) repository: Repository,
    pub(crate) reference: &'a str,
    pub(crate) body: &'a mut Incoming,
}

/// PUT: checks the digest, the media type and, as the options say, that all it names is there.
pub(crate) async fn put(folder: &Arc<Folder>, options: &Options, put: Put<'_>) -> Result<Response, Failure> {
    let Put { head, repository, reference, body } = put;
    let reference = for_writing(reference)?;
    let header = content_type(head.headers)?;
    let bytes = body.whole(manifest::MAX_BYTES).await.map_err(|error| match error {
        BodyError::TooLarge => {
            Failure::new(Code::ManifestInvalid, "request body too large: a manifest has at most 4 MiB")
                .status(StatusCode::PAYLOAD_TOO_LARGE)
        }
        other => other.into(),
    })?;
    let invalid = |error: manifest::ManifestError| Failure::new(Code::ManifestInvalid, error.to_string());
    let view = View::parse(&bytes, header.as_deref()).map_err(invalid)?;
    let (digest, tag) = match reference {
        Reference::Digest(digest) if digest.matches(&bytes) => (digest, None),
        Reference::Digest(wanted) => {
            let actual = Digest::of(wanted.algorithm(), &bytes);
            return Err(Failure::new(
                Code::DigestInvalid,
                format!("the manifest's digest is {actual}, not {wanted}"),
            ));
        }
        Reference::Tag(tag) => (Digest::of(Algorithm::Sha256, &bytes), Some(tag)),
    };
    let subject = view.subject;
    let place = tag.as_ref().map_or_else(|| digest.to_string(), |tag| tag.as_str().to_owned());
    let mut response = empty(StatusCode::CREATED);
    set(&mut response, header::LOCATION, format!("/v2/{repository}/manifests/{place}"));
    set(&mut response, CONTENT_DIGEST, digest.to_string());
    if let (Some(subject), Referrers::Api) = (subject, options.referrers) {
        set(&mut response, OCI_SUBJECT, subject.to_string());
    }
    let (folder, indexes) = (Arc::clone(folder), options.indexes);
    let keep = move || {
        let new = NewManifest { digest, bytes: &bytes, view, tag };
        folder.keep_manifest(&repository, new, indexes)
    };
    match blocking(keep).await? {
        Ok(()) => Ok(response),
        Err(ManifestRefused::Missing(digests)) => Err(Failure::missing(&digests)),
        Err(ManifestRefused::Storage(error)) => Err(error.into()),
    }
}

/// DELETE by digest takes the tags along; by tag it takes only the tag.
pub(crate) fn delete(folder: &Folder, repository: &Repository, reference: &str) -> Result<Response, Failure> {
    let parsed = for_reading(reference)?;
    if folder.remove_manifest(repository, &parsed) {
        Ok(empty(StatusCode::ACCEPTED))
    } else {
        Err(unknown(reference))
    }
}

fn unknown(reference: &str) -> Failure {
    Failure::new(
        Code::ManifestUnknown,
        format!("no manifest '{}' in this repository", reference.escape_debug()),
    )
}

/// What can't be a tag can't be there either.
fn for_reading(reference: &str) -> Result<Reference, Failure> {
    Reference::parse(reference).map_err(|error| match error {
        ReferenceError::Digest(error) => Failure::new(Code::DigestInvalid, error.to_string()),
        ReferenceError::Tag => unknown(reference),
    })
}

fn for_writing(reference: &str) -> Result<Reference, Failure> {
    Reference::parse(reference).map_err(|error| match error {
        ReferenceError::Digest(error) => Failure::new(Code::DigestInvalid, error.to_string()),
        ReferenceError::Tag => {
            Failure::new(Code::TagInvalid, format!("'{}' is not a tag", reference.escape_debug()))
        }
    })
}

/// The media type that the request stands by, without parameters.
fn content_type(headers: &HeaderMap) -> Result<Option<String>, Failure> {
    let Some(value) = headers.get(header::CONTENT_TYPE) else {
        return Ok(None);
    };
    let text =
        value.to_str().map_err(|_| Failure::new(Code::ManifestInvalid, "the Content-Type is not a text"))?;
    let media_type = text.split(';').next().unwrap_or_default().trim();
    Ok(Some(media_type.to_owned()).filter(|text| !text.is_empty()))
}
