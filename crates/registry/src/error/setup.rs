//! What can be wrong with the options of a transport, before the first request.

use std::fmt;
use std::path::PathBuf;

use airlift_oci::HostError;

/// The lists of hosts among the [`Options`](crate::Options).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HostList {
    /// [`Options::plain_http`](crate::Options::plain_http).
    PlainHttp,
    /// [`Options::insecure_skip_tls_verify`](crate::Options::insecure_skip_tls_verify).
    Unchecked,
}

impl fmt::Display for HostList {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            HostList::PlainHttp => "the registries that speak plain http",
            HostList::Unchecked => "the registries whose certificate is not checked",
        })
    }
}

/// Why no transport could be made of the options.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// A list of hosts has an entry that is no host.
    #[error("one of {list} can't be read as a host")]
    Host {
        /// Which list.
        list: HostList,
        /// What is wrong with it.
        source: HostError,
    },
    /// The file with CA certificates can't be read.
    #[error("the CA file {} can't be read", .path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file with CA certificates has none.
    #[error("the CA file {} holds no usable PEM certificate", .path.display())]
    CaCertificates {
        /// The file.
        path: PathBuf,
    },
    /// The file with credentials can't be read.
    #[error("the auth file {} can't be read", .path.display())]
    AuthFile {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file with credentials is not JSON of Docker's form.
    #[error("the auth file {} is not a JSON object such as {{\"auths\": {{…}}}}", .path.display())]
    AuthSyntax {
        /// The file.
        path: PathBuf,
    },
    /// A variable of the environment should name a proxy, and doesn't.
    #[error("the proxy in {variable} ('{}') is no good: {reason}", .value.escape_debug())]
    Proxy {
        /// The variable.
        variable: &'static str,
        /// Its value, without a password.
        value: String,
        /// What is wrong with it.
        reason: &'static str,
    },
    /// A rate of nothing would never end.
    #[error("a rate limit of 0 bytes per second would never end")]
    NoRate,
}
