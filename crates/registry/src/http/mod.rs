//! One HTTP request: which client speaks to which host, through which proxy, which redirects are followed,
//! and how long it may take. Knows nothing of registries, tokens or retries.

pub(crate) mod client;
mod clients;
mod dns;
pub(crate) mod html;
pub(crate) mod link;
mod network_error;
mod proxy;
pub(crate) mod redirect_policy;
pub(crate) mod request;
pub(crate) mod response;
pub(crate) mod time_limits;
