//! Why something could not be found out, or can't be followed.

use std::sync::Arc;

use airlift_oci::{GraphError, Host, ManifestError, Repository};
use airlift_registry::{Error, Refusal};

/// Why something could not be found out, or can't be followed. One error may be that of many images.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CheckError {
    /// The registry gives no answer, refuses, or answers something else.
    #[error(transparent)]
    Registry(Arc<Error>),
    /// The host answers, but not as a registry.
    #[error("{host} is no registry")]
    NoRegistry {
        /// The host.
        host: Host,
        /// What it answered.
        #[source]
        source: Arc<Error>,
    },
    /// The registry refuses to say whether something is there.
    #[error("{0}")]
    Hidden(Box<Refusal>),
    /// The registry says yes to whatever blob is asked for.
    #[error(
        "{0} says that it has any blob, also one that can't exist; only reading the blobs shows whether they are there"
    )]
    SaysYes(Repository),
    /// The registry has something under any digest that is asked for.
    #[error("{0} answers as if it had any manifest, also one that can't exist; it may be no registry")]
    AnyManifest(Repository),
    /// A manifest that can't be understood.
    #[error(transparent)]
    Manifest(ManifestError),
    /// A graph that can't be followed.
    #[error(transparent)]
    Graph(GraphError),
    /// The caller names no repository to ask.
    #[error("there is no repository to ask")]
    Nowhere,
}

impl CheckError {
    /// The registry's error, if it is one.
    pub fn registry(&self) -> Option<&Error> {
        match self {
            CheckError::Registry(error) | CheckError::NoRegistry { source: error, .. } => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for CheckError {
    fn from(error: Error) -> Self {
        CheckError::Registry(Arc::new(error))
    }
}
