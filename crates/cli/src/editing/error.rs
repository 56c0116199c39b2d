//! Why the names of images can't be used in manifests.

use airlift_oci::{Digest, ReferenceError};

use crate::ui::term::harmless;

/// Why the names of images can't be used in manifests.
#[derive(Debug, thiserror::Error)]
pub(crate) enum NamingError {
    /// An image that can't have its new name.
    #[error("{} can't have a new name", harmless(.image))]
    NewName {
        image: String,
        #[source]
        why: ReferenceError,
    },
    /// A name that stands for two images.
    #[error("{} stands for two digests, {} and {}", harmless(.name), .digests[0], .digests[1])]
    TwoDigests { name: String, digests: [Digest; 2] },
}
