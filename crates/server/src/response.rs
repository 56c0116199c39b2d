//! What the endpoints answer with.

use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, HeaderValue};

/// A response; its body may be read from the storage as it is sent.
pub(crate) type Response = axum::http::Response<Body>;

/// The digest of what is sent or was taken.
pub(crate) const CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");

/// A response without a body.
pub(crate) fn empty(status: StatusCode) -> Response {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = status;
    response
}

/// Sets a header, if the value can be one; all values set here are made of checked names, digests and
/// numbers.
pub(crate) fn set(response: &mut Response, name: HeaderName, value: impl TryInto<HeaderValue>) {
    if let Ok(value) = value.try_into() {
        response.headers_mut().insert(name, value);
    }
}
