//! The URLs of a registry's API.

use airlift_oci::{Host, Repository};
use reqwest::{Method, Url};

use crate::error::Error;
use crate::error::call::Call;
use crate::error::content::ContentFault;

/// The URL of a registry, with the path `/`.
pub(super) fn base(host: &Host, scheme: &str) -> Result<Url, Error> {
    let text = format!("{scheme}://{}/", host.api());
    // A `Host` is made of what a URL parser accepts, so this is never an error.
    Url::parse(&text).map_err(|_| Error::Realm {
        registry: host.clone(),
        realm: text,
        reason: "it is not a URL",
    })
}

/// `path` below `base`. Paths are made of checked names, so they always fit.
pub(crate) fn join(base: &Url, path: &str) -> Result<Url, Error> {
    base.join(path).map_err(|_| Error::content(&Call::new(&Method::GET, base), ContentFault::Location))
}

/// The URL of something in a repository: `manifests/1.27`.
pub(crate) fn repository_url(base: &Url, repository: &Repository, rest: &str) -> Result<Url, Error> {
    join(base, &format!("v2/{}/{rest}", repository.path()))
}
