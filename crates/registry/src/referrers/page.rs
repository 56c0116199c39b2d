//! What a response to the referrers API means: a page of the list, that there is no such API, or an error.

use airlift_oci::document::Document;
use airlift_oci::{Descriptor, media_type};
use reqwest::Url;

use crate::auth::login::Login;
use crate::error::Error;
use crate::error::call::Call;
use crate::error::content::ContentFault;
use crate::http::link::next_page;
use crate::http::redirect_policy::same_origin;
use crate::http::response::Response;

/// What an answer's status says of the API.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It depends on its content.
    Content,
    /// There is no such API.
    NoApi,
    /// It may be there, after a login.
    Withheld,
    /// An error.
    Refused,
}

/// Where an answer comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum AnsweredBy {
    /// The registry.
    Registry,
    /// The same API on another host, to which the registry had sent us: it may keep the list.
    OtherRegistry,
    /// Any other place to which the registry had sent us, such as its website.
    Elsewhere,
}

impl AnsweredBy {
    pub(super) fn of(url: &Url, base: &Url) -> Self {
        match url.path() {
            _ if same_origin(url, base) => AnsweredBy::Registry,
            path if path.starts_with("/v2/") && path.contains("/referrers/") => AnsweredBy::OtherRegistry,
            _ => AnsweredBy::Elsewhere,
        }
    }
}

pub(super) fn verdict(response: &Response, by: AnsweredBy) -> Verdict {
    let has_credentials = matches!(response.login.as_deref(), Some(Login::Known { .. }));
    match response.status().as_u16() {
        200 => Verdict::Content,
        // It keeps no list, so its refusals, limits and troubles say nothing of ours.
        _ if by == AnsweredBy::Elsewhere => Verdict::NoApi,
        // Another host got no credentials.
        401 | 403 if by == AnsweredBy::OtherRegistry => Verdict::NoApi,
        401 | 403 if has_credentials => Verdict::Refused,
        401 | 403 => Verdict::Withheld,
        408 | 425 | 429 => Verdict::Refused,
        501 => Verdict::NoApi,
        500.. => Verdict::Refused,
        _ => Verdict::NoApi,
    }
}

/// What an answer's `Content-Type` says of its body.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ClaimedType {
    /// It is an index.
    Index,
    /// Nothing in particular.
    Open,
    /// It is something else.
    Other,
}

impl ClaimedType {
    pub(super) fn of(content_type: Option<&str>) -> Self {
        let bare = content_type.unwrap_or_default().split(';').next().unwrap_or_default().trim();
        match bare.to_ascii_lowercase().as_str() {
            media_type::OCI_INDEX | media_type::DOCKER_LIST => ClaimedType::Index,
            "" | "application/json" | "text/json" | "text/plain" | "application/octet-stream" => {
                ClaimedType::Open
            }
            _ => ClaimedType::Other,
        }
    }
}

/// Whether a body of no particular type is meant as a list of referrers, readable or not.
pub(super) fn is_list(body: &[u8]) -> bool {
    let Ok(value) = serde_json::from_slice::<serde_json::Value>(body) else { return false };
    let is_index = value.get("mediaType").is_some_and(|own| own == media_type::OCI_INDEX);
    is_index || value.get("manifests").is_some()
}

pub(super) fn read_page(response: &Response, body: &[u8]) -> Result<ReferrersPage, Error> {
    let call = response.call.clone();
    let unreadable = |why: String| Error::content(&call, ContentFault::Referrers(why));
    let document = Document::parse(body).map_err(|error| unreadable(error.to_string()))?;
    let is_index = document.media_type.as_deref() == Some(media_type::OCI_INDEX);
    let referrers = match document.manifests {
        Some(referrers) => referrers,
        // An empty list, as Go writes it down.
        None if is_index => Vec::new(),
        None => return Err(unreadable("it lacks 'manifests'".to_owned())),
    };
    Ok(ReferrersPage { referrers, next: next_page(response)?, call })
}

/// One page of a list.
pub(super) struct ReferrersPage {
    pub(super) referrers: Vec<Descriptor>,
    pub(super) next: Option<Url>,
    pub(super) call: Call,
}
