//! `/v2/NAME/referrers/DIGEST`: the manifests whose subject is that digest.

use airlift_oci::{Digest, media_type};
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderName};
use serde_json::{Map, Value, json};

use crate::failure::{Code, Failure};
use crate::names::Repository;
use crate::request::RequestHead;
use crate::response::{Response, set};
use crate::storage::{ContentStore, Referrer};

/// Says that the client need not filter again.
const FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");

/// The answer of a registry without the API.
pub(crate) fn no_api() -> Failure {
    Failure::new(Code::Unsupported, "no referrers API here").status(StatusCode::NOT_FOUND)
}

/// GET and HEAD. An unknown subject has no referrers; that is an answer, not an error.
pub(crate) fn list(
    content: &dyn ContentStore,
    head: &RequestHead<'_>,
    repository: &Repository,
    subject: &Digest,
) -> Result<Response, Failure> {
    let wanted = head.parameter("artifactType").filter(|wanted| !wanted.is_empty());
    let mut referrers = content.referrers(repository, subject);
    if let Some(wanted) = &wanted {
        referrers.retain(|referrer| referrer.artifact_type.as_ref() == Some(wanted));
    }
    let manifests: Vec<Value> = referrers.into_iter().map(descriptor).collect();
    let index = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": manifests});
    let mut response = Response::new(Body::from(index.to_string()));
    set(&mut response, header::CONTENT_TYPE, media_type::OCI_INDEX);
    if wanted.is_some() {
        set(&mut response, FILTERS_APPLIED, "artifactType");
    }
    Ok(response)
}

fn descriptor(referrer: Referrer) -> Value {
    let mut descriptor = Map::new();
    descriptor.insert("mediaType".into(), referrer.media_type.into());
    descriptor.insert("digest".into(), referrer.digest.to_string().into());
    descriptor.insert("size".into(), referrer.size.into());
    if let Some(artifact_type) = referrer.artifact_type {
        descriptor.insert("artifactType".into(), artifact_type.into());
    }
    if let Some(annotations) = referrer.annotations {
        descriptor.insert("annotations".into(), annotations);
    }
    descriptor.into()
}
