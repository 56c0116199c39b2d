//! How a registry behaves.

use std::net::{Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Whether the registry has the referrers API.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Referrers {
    /// 404, as Distribution answers: clients fall back to tags.
    Absent,
    /// `/v2/NAME/referrers/DIGEST` answers, and a PUT with a subject is acknowledged with `OCI-Subject`.
    #[default]
    Api,
}

/// What may be absent when an index arrives.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Indexes {
    /// Nothing: 400 with one `MANIFEST_BLOB_UNKNOWN` a missing digest, as Distribution does.
    #[default]
    Complete,
    /// Children of an index. An image manifest's config and layers must still be there.
    Sparse,
}

/// How the registry behaves.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen; port 0 lets the system choose.
    pub listen: SocketAddr,
    /// Whether there is a referrers API.
    pub referrers: Referrers,
    /// Whether indexes must be complete.
    pub indexes: Indexes,
    /// How long a client may take for its headers, for its body's next bytes, or to read what it asked for.
    pub timeout: Duration,
}

impl Default for Options {
    /// Loopback on a port that the system chooses, referrers API on, complete indexes, a timeout of 30
    /// seconds.
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            referrers: Referrers::default(),
            indexes: Indexes::default(),
            timeout: Duration::from_secs(30),
        }
    }
}
