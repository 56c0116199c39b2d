//! An OCI registry small enough to live in a binary: distribution-spec 1.1 over HTTP/1.1, writable over a
//! scratch folder.
//!
//! It is the registry of `airlift demo` and of the tests: strict in what it takes, exact in what it hands
//! out. Bytes are kept and served as they came; nothing is ever serialised again. It has no TLS, no
//! credentials and no garbage collection, and what it knows of names and tags lives as long as the
//! [`Server`].
//!
//! [`samples`] are deterministic images to fill it with.

mod api;
mod app;
mod body;
mod failure;
mod listen;
mod manifest;
mod names;
mod query;
mod route;
pub mod samples;
mod seed;
mod storage;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
pub use crate::seed::SeedError;
use crate::storage::Folder;
pub use crate::storage::StorageError;

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
    pub patience: Duration,
}

impl Default for Options {
    /// Loopback on a port that the system chooses, referrers API on, complete indexes, 30 seconds of
    /// patience.
    fn default() -> Self {
        Options {
            listen: SocketAddr::from((Ipv4Addr::LOCALHOST, 0)),
            referrers: Referrers::default(),
            indexes: Indexes::default(),
            patience: Duration::from_secs(30),
        }
    }
}

/// Why a registry could not be started.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Its folder could not be set up.
    #[error("cannot set up the registry's folder")]
    Storage(#[from] StorageError),
    /// Its address could not be bound.
    #[error("cannot listen on {address}")]
    Listen {
        /// The address that was asked for.
        address: SocketAddr,
        /// Why not.
        source: std::io::Error,
    },
}

/// How many requests have arrived, by method.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Requests {
    /// GET.
    pub get: u64,
    /// HEAD.
    pub head: u64,
    /// POST.
    pub post: u64,
    /// PATCH.
    pub patch: u64,
    /// PUT.
    pub put: u64,
    /// DELETE.
    pub delete: u64,
    /// Every other method.
    pub other: u64,
}

impl Requests {
    /// All of them.
    pub fn total(&self) -> u64 {
        self.get + self.head + self.post + self.patch + self.put + self.delete + self.other
    }
}

/// A running registry. Dropping it ends it soon, [`Server::stop`] ends it now.
pub struct Server {
    address: SocketAddr,
    app: Arc<App>,
    folder: Arc<Folder>,
    stop: oneshot::Sender<()>,
    task: JoinHandle<()>,
}

impl Server {
    /// Starts an empty registry that keeps its content below `storage_dir`, which is created where absent.
    /// Must be called within a tokio runtime, which then serves the requests.
    ///
    /// The folder may hold content of an earlier run; nothing refers to it any more.
    pub async fn start(storage_dir: &Path, options: Options) -> Result<Server, StartError> {
        let folder = Arc::new(Folder::open(storage_dir)?);
        let refused = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let content: Arc<dyn storage::Content> = Arc::<Folder>::clone(&folder);
        let app = Arc::new(App::new(content, Some(Arc::clone(&folder)), options));
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(listen::serve(listener, Arc::clone(&app), stopped));
        Ok(Server { address, app, folder, stop, task })
    }

    /// Where it listens; also what stands before the first `/` of its references.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// The requests so far.
    pub fn requests(&self) -> Requests {
        self.app.requests()
    }

    /// Puts samples into the registry without a request, in their order, as their PUTs would.
    ///
    /// Fails on the first manifest that a PUT would refuse, or when the storage fails; what went before it
    /// stays.
    pub async fn seed(&self, samples: &[samples::Sample]) -> Result<(), SeedError> {
        seed::seed(&self.folder, self.app.options.indexes, samples).await
    }

    /// Stops listening and breaks all connections, before it returns.
    pub async fn stop(self) {
        // An error means that the task has ended already, which is what was wanted.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
