//! `/v2/NAME/tags/list`, in pages.

use airlift_oci::Tag;
use axum::body::Body;
use axum::http::StatusCode;
use axum::http::header;
use serde_json::json;

use crate::failure::{Code, Failure};
use crate::names::Repository;
use crate::request::RequestHead;
use crate::response::{Response, set};
use crate::storage::{ContentStore, More};

/// The most tags in one answer, however many were asked for.
const MAX_PAGE: usize = 1000;

/// GET and HEAD.
pub(crate) fn list(
    content: &dyn ContentStore,
    head: &RequestHead<'_>,
    repository: &Repository,
) -> Result<Response, Failure> {
    let limit = match head.parameter("n") {
        None => MAX_PAGE,
        Some(n) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => {
            n.parse().unwrap_or(MAX_PAGE).min(MAX_PAGE)
        }
        Some(n) => {
            let message = format!("n is not a number of tags: '{}'", n.escape_debug());
            return Err(Failure::new(Code::PaginationNumberInvalid, message).status(StatusCode::BAD_REQUEST));
        }
    };
    let last = head.parameter("last");
    let unknown = || Failure::new(Code::NameUnknown, format!("no repository '{repository}'"));
    let page = content.tags(repository, last.as_deref(), limit).ok_or_else(unknown)?;
    let tags: Vec<&str> = page.tags.iter().map(Tag::as_str).collect();
    let body = json!({"name": repository.as_str(), "tags": tags}).to_string();
    let mut response = Response::new(Body::from(body));
    set(&mut response, header::CONTENT_TYPE, "application/json");
    if let (More::Follows, Some(last)) = (page.more, tags.last()) {
        set(
            &mut response,
            header::LINK,
            format!("</v2/{repository}/tags/list?n={limit}&last={last}>; rel=\"next\""),
        );
    }
    Ok(response)
}
