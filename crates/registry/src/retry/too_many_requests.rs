//! 429 Too Many Requests: whether asking again soon can help, and what to say of it.
//!
//! The pause before the next attempt is made in `policy`, no shorter than `Retry-After` asks for.

use crate::auth::login::Login;
use crate::error::duration::in_words;
use crate::error::refusal::Refusal;
use crate::limits::pull_limit::PullLimit;

/// Whether a 429 means that the pulls of the whole window are used up. Where the registry says when to come
/// back, that counts.
pub(crate) fn is_exhausted(refusal: &Refusal, limit: Option<PullLimit>) -> bool {
    refusal.retry_after.is_none() && limit.is_some_and(|limit| limit.remaining == 0)
}

/// What a 429 means, and when to come back.
pub(crate) fn explanation(
    refusal: &Refusal,
    limit: Option<PullLimit>,
    login: Option<&Login>,
) -> Option<String> {
    // With pulls left it is some other limit that was hit.
    let limit = limit.filter(|limit| limit.remaining == 0);
    if limit.is_none() && !refusal.has("TOOMANYREQUESTS") {
        return None;
    }
    let mut text = match limit {
        Some(PullLimit { limit, window: Some(window), .. }) => {
            format!("the registry's limit of {limit} pulls in {} is used up", in_words(window))
        }
        Some(PullLimit { limit, window: None, .. }) => {
            format!("the registry's limit of {limit} pulls is used up")
        }
        None => "the registry's limit of requests is used up".to_owned(),
    };
    match (refusal.retry_after, limit.and_then(|limit| limit.window)) {
        // When to come back is said of every refusal.
        (Some(_), _) => {}
        (None, Some(window)) => text.push_str(&format!(": come back within {}", in_words(window))),
        (None, None) => text.push_str(", and it doesn't say until when"),
    }
    if matches!(login, Some(Login::Anonymous { .. })) {
        text.push_str("; a login may be allowed more");
    }
    Some(text)
}
