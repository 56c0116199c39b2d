//! When a failed request is made again: which failures are worth it (`rules`), how often and after what pause
//! (`policy`), what the registry asks for (`retry_after`), and what a 429 means (`too_many_requests`).
//! `wait_until_visible` waits for what was accepted and doesn't show yet.

pub(crate) mod policy;
pub(crate) mod retry_after;
pub(crate) mod rules;
pub(crate) mod too_many_requests;
pub(crate) mod wait_until_visible;
