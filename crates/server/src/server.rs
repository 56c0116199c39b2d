//! A running registry.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use tokio::net::TcpListener;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::app::App;
use crate::listen;
use crate::options::Options;
use crate::requests::Requests;
use crate::samples::Sample;
use crate::seed::{self, SeedError};
use crate::storage::{ContentStore, Folder, StorageError};

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
    ///
    /// # Errors
    /// If the folder can't be set up, or the address can't be listened on.
    pub async fn start(storage_dir: &Path, options: Options) -> Result<Server, StartError> {
        let folder = Arc::new(Folder::open(storage_dir)?);
        let refused = |source| StartError::Listen { address: options.listen, source };
        let listener = TcpListener::bind(options.listen).await.map_err(refused)?;
        let address = listener.local_addr().map_err(refused)?;
        let content: Arc<dyn ContentStore> = Arc::<Folder>::clone(&folder);
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
    /// # Errors
    /// On the first manifest that a PUT would refuse, or when the storage fails; what went before it stays.
    pub async fn seed(&self, samples: &[Sample]) -> Result<(), SeedError> {
        seed::seed(&self.folder, self.app.options.indexes, samples).await
    }

    /// Stops listening and breaks all connections, before it returns.
    pub async fn stop(self) {
        // An error means that the task has ended already, which is what was wanted.
        let _ = self.stop.send(());
        let _ = self.task.await;
    }
}
