//! Names to addresses, by the system's resolver. A name without an address is another error than a host that
//! can't be reached.

use std::io;
use std::net::SocketAddr;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// The system's resolver.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Resolver;

/// A name without an address.
#[derive(Debug, thiserror::Error)]
#[error("no address for '{}'", .name.escape_debug())]
pub(crate) struct Unresolved {
    /// The host, or its proxy.
    pub(crate) name: String,
    source: io::Error,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let name = name.as_str().to_owned();
            let found = tokio::net::lookup_host((name.as_str(), 0)).await.map(Vec::from_iter);
            match found {
                Ok(addresses) => Ok(addrs(addresses)),
                Err(source) => Err(Unresolved { name, source }.into()),
            }
        })
    }
}

fn addrs(addresses: Vec<SocketAddr>) -> Addrs {
    Box::new(addresses.into_iter())
}

/// The name without an address that `error` came of, if that is its cause.
pub(crate) fn unresolved<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<&'a str> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(Unresolved { name, .. }) = error.downcast_ref() {
            return Some(name);
        }
        next = error.source();
    }
    None
}
