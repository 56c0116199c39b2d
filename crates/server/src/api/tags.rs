//! `/v2/NAME/tags/list`, in pages.

use axum::body::Body;
use axum::http::header;
use axum::http::{Response, StatusCode};
use serde_json::json;

use crate::app::{Answer, App, Asked, set};
use crate::failure::{Code, Failure};
use crate::names::{Repository, Tag};
use crate::query;
use crate::storage::More;

/// The most tags in one answer, however many were asked for.
const MAX_PAGE: usize = 1000;

/// GET and HEAD.
pub(crate) fn list(app: &App, asked: &Asked<'_>, repository: &Repository) -> Answer {
    let limit = match query::value(asked.query, "n") {
        None => MAX_PAGE,
        Some(n) if !n.is_empty() && n.bytes().all(|b| b.is_ascii_digit()) => {
            n.parse().unwrap_or(MAX_PAGE).min(MAX_PAGE)
        }
        Some(n) => {
            let message = format!("n is not a number of tags: '{}'", n.escape_debug());
            return Err(Failure::new(Code::PaginationNumberInvalid, message).status(StatusCode::BAD_REQUEST));
        }
    };
    let last = query::value(asked.query, "last");
    let unknown = || Failure::new(Code::NameUnknown, format!("no repository '{repository}'"));
    let page = app.content.tags(repository, last.as_deref(), limit).ok_or_else(unknown)?;
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
