//! Why a request got no response: TLS, a time limit, name resolution, or the network.

use std::time::Duration;

use reqwest::Url;

use crate::error::call::{Call, Effort};
use crate::error::{Error, Obstacle};
use crate::http::dns;
use crate::tls::fault::{TlsFault, tls_fault};

/// The failure of a request to `url`, by its cause.
pub(crate) fn classify(call: &Call, url: &Url, error: reqwest::Error, connect_timeout: Duration) -> Error {
    let call = call.clone();
    let source = error.without_url();
    match tls_fault(&source) {
        Some(fault) if fault != TlsFault::NotTls || url.scheme() == "https" => {
            Error::Untrusted { call, fault, source }
        }
        _ if source.is_timeout() => Error::timed_out(&call, "no connection", connect_timeout),
        _ => {
            let what = match dns::unresolved(&source) {
                Some(name) => Obstacle::Name(name.to_owned()),
                None if source.is_connect() => Obstacle::Connection,
                None => Obstacle::Broken,
            };
            Error::Unreachable { call, what, effort: Effort::ONCE, source }
        }
    }
}
