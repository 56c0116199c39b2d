//! Answers that say no, in the specification's JSON.
//!
//! OCI distribution-spec 1.1, "Error codes": `{"errors":[{"code","message","detail"}]}`, whatever went wrong.

use airlift_oci::Digest;
use axum::body::Body;
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Response, StatusCode};
use serde_json::{Value, json};

use crate::storage::StorageError;

/// What went wrong, in the specification's words and (the last four) Distribution's.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    TooManyRequests,
    Unsupported,
    PaginationNumberInvalid,
    RangeInvalid,
    TagInvalid,
    Unknown,
}

impl Code {
    const fn name(self) -> &'static str {
        match self {
            Code::BlobUnknown => "BLOB_UNKNOWN",
            Code::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Code::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Code::DigestInvalid => "DIGEST_INVALID",
            Code::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Code::ManifestInvalid => "MANIFEST_INVALID",
            Code::ManifestUnknown => "MANIFEST_UNKNOWN",
            Code::NameInvalid => "NAME_INVALID",
            Code::NameUnknown => "NAME_UNKNOWN",
            Code::SizeInvalid => "SIZE_INVALID",
            Code::TooManyRequests => "TOOMANYREQUESTS",
            Code::Unsupported => "UNSUPPORTED",
            Code::PaginationNumberInvalid => "PAGINATION_NUMBER_INVALID",
            Code::RangeInvalid => "RANGE_INVALID",
            Code::TagInvalid => "TAG_INVALID",
            Code::Unknown => "UNKNOWN",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Code::BlobUnknown | Code::BlobUploadUnknown | Code::ManifestUnknown | Code::NameUnknown => {
                StatusCode::NOT_FOUND
            }
            Code::RangeInvalid => StatusCode::RANGE_NOT_SATISFIABLE,
            Code::TooManyRequests => StatusCode::TOO_MANY_REQUESTS,
            Code::Unsupported => StatusCode::METHOD_NOT_ALLOWED,
            Code::Unknown => StatusCode::INTERNAL_SERVER_ERROR,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// A refused request: status, headers and at least one entry.
#[derive(Debug)]
pub(crate) struct Failure {
    status: StatusCode,
    headers: Vec<(HeaderName, HeaderValue)>,
    entries: Vec<Value>,
}

impl Failure {
    /// A failure with one entry and the status that goes with its code.
    pub(crate) fn new(code: Code, message: impl Into<String>) -> Self {
        let message: String = message.into();
        Failure {
            status: code.status(),
            headers: Vec::new(),
            entries: vec![json!({"code": code.name(), "message": message, "detail": null})],
        }
    }

    /// One `MANIFEST_BLOB_UNKNOWN` a digest, as Distribution answers.
    pub(crate) fn missing(digests: &[Digest]) -> Self {
        let entry = |digest: &Digest| {
            json!({
                "code": Code::ManifestBlobUnknown.name(),
                "message": "the manifest references content unknown to this repository",
                "detail": digest.to_string(),
            })
        };
        Failure {
            status: Code::ManifestBlobUnknown.status(),
            headers: Vec::new(),
            entries: digests.iter().map(entry).collect(),
        }
    }

    /// The same with another status.
    pub(crate) fn status(mut self, status: StatusCode) -> Self {
        self.status = status;
        self
    }

    /// The same with one more header.
    pub(crate) fn header(mut self, name: HeaderName, value: impl TryInto<HeaderValue>) -> Self {
        if let Ok(value) = value.try_into() {
            self.headers.push((name, value));
        }
        self
    }

    /// The answer to send.
    pub(crate) fn into_response(self) -> Response<Body> {
        let body = json!({"errors": self.entries}).to_string();
        let mut response = Response::new(Body::from(body));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            headers.insert(name, value);
        }
        response
    }
}

impl From<StorageError> for Failure {
    fn from(error: StorageError) -> Self {
        // The path stays in the log: a client has no use for it.
        tracing::error!(error = &error as &dyn std::error::Error, "storage failed");
        Failure::new(Code::Unknown, "the registry's storage failed")
    }
}
