//! Where the content of a locked image was fetched from.

use std::fmt;
use std::str::FromStr;

use airlift_oci::reference::LayoutForm;
use airlift_oci::{ReferenceError, Repository};

/// Where an image was fetched from, if that is not the repository in its reference.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FetchedFrom {
    /// The repository at a mirror: `registry.corp/dockerhub/library/nginx`.
    Mirror(Repository),
    /// An image layout on disk: `oci-archive:ours.tar`.
    Layout {
        /// How the layout is stored.
        form: LayoutForm,
        /// Its folder or file.
        path: String,
    },
}

impl fmt::Display for FetchedFrom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FetchedFrom::Mirror(repository) => repository.fmt(f),
            FetchedFrom::Layout { form, path } => write!(f, "{}{path}", form.prefix()),
        }
    }
}

impl FromStr for FetchedFrom {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        for form in [LayoutForm::Folder, LayoutForm::Archive] {
            if let Some(path) = text.strip_prefix(form.prefix()).filter(|path| !path.is_empty()) {
                return Ok(FetchedFrom::Layout { form, path: path.to_owned() });
            }
        }
        text.parse().map(FetchedFrom::Mirror)
    }
}
