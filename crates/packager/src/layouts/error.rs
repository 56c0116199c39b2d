//! Why images can't be taken from a layout.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use airlift_oci::{Digest, LayoutForm, LayoutReference, Reference, ReferenceError, Unmatched};
use airlift_verifier::{ExamineError, Finding};

use crate::error_list::Plural;
use crate::location::LayoutPath;

/// Why images can't be taken from a layout.
#[derive(Debug, thiserror::Error)]
pub enum LayoutError {
    /// It can't be opened.
    #[error("can't take images from {layout}")]
    Open {
        /// The layout.
        layout: LayoutPath,
        /// The image at Docker Hub that the same text would name.
        hub: Option<Reference>,
        /// Why not.
        #[source]
        source: ExamineError,
    },
    /// It is a folder and not an archive, or the other way round.
    #[error("{} is {}; write {}{}", .layout.path, what(.found), .found.prefix(), .layout.path)]
    OtherForm {
        /// The layout as it was named.
        layout: LayoutPath,
        /// What it is.
        found: LayoutForm,
    },
    /// What is in it can't be read as a layout.
    #[error("can't take images from {layout}: {}", .finding.message)]
    Unreadable {
        /// The layout.
        layout: LayoutPath,
        /// What is wrong with it.
        finding: Box<Finding>,
    },
    /// It names no image.
    #[error("{layout} holds no image")]
    Empty {
        /// The layout.
        layout: LayoutPath,
    },
    /// None of its images has that name.
    #[error("no image of {layout} matches {unmatched}")]
    NoMatch {
        /// The layout.
        layout: LayoutPath,
        /// The pattern, and what there is.
        unmatched: Unmatched,
    },
    /// Several of its images have a name that should be that of one.
    #[error("'{}' may mean several images of {layout}: {}", .wanted.escape_debug(), .names.join(", "))]
    Ambiguous {
        /// The layout.
        layout: LayoutPath,
        /// The name.
        wanted: String,
        /// The images.
        names: Vec<String>,
    },
    /// Several images would get one name.
    #[error("{layout} holds several images, and one name can't be that of all: {}", .names.join(", "))]
    OneName {
        /// The layout.
        layout: LayoutPath,
        /// The images.
        names: Vec<String>,
    },
    /// It names two images alike.
    #[error("{layout} has two images of the name {name}: {first} and {second}")]
    NamedTwice {
        /// The layout.
        layout: LayoutPath,
        /// The name.
        name: String,
        /// The digest of one.
        first: Digest,
        /// The digest of the other.
        second: Digest,
    },
    /// An image's name is none that a bundle can have.
    #[error("{layout} has an image ({digest}) whose name is no reference: {reason}")]
    Name {
        /// The layout.
        layout: LayoutPath,
        /// The image.
        digest: Digest,
        /// What is wrong with the name.
        reason: ReferenceError,
    },
    /// The image that was locked is not in it.
    #[error("{layout} does not hold {digest}, which was locked{}; it holds {}", of_name(.name), .names.join(", "))]
    NotAsLocked {
        /// The layout.
        layout: LayoutPath,
        /// The digest that was locked.
        digest: Digest,
        /// The name in the lock.
        name: Option<String>,
        /// What there is.
        names: Vec<String>,
    },
    /// A manifest is missing, or is not what its digest says.
    #[error("{layout} is damaged: {} ({}): {}", .finding.path.join(" → "), .digest, .finding.message)]
    Damaged {
        /// The layout.
        layout: LayoutPath,
        /// The manifest.
        digest: Digest,
        /// What is wrong with it.
        finding: Box<Finding>,
    },
}

/// References to a layout that can't be met, all for one reason. It speaks as that reason does.
#[derive(Debug)]
pub struct LayoutFailure {
    /// The references.
    pub references: Vec<LayoutReference>,
    /// The reason.
    pub error: Arc<LayoutError>,
}

impl fmt::Display for LayoutFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl Error for LayoutFailure {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        self.error.source()
    }
}

fn what(found: &LayoutForm) -> &'static str {
    match found {
        LayoutForm::Folder => "a folder",
        LayoutForm::Archive => "a file",
    }
}

fn of_name(name: &Option<String>) -> String {
    name.as_ref().map(|name| format!(" as {name}")).unwrap_or_default()
}

/// A blob that a layout should have.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{layout} {damage} {} ({digest})", .path.join(" → "))]
pub struct LayoutDamage {
    /// The layout.
    pub layout: LayoutPath,
    /// Where the blob stands.
    pub path: Vec<String>,
    /// The blob.
    pub digest: Digest,
    /// What is wrong with it.
    pub damage: Damage,
}

/// What is wrong with a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Damage {
    /// It isn't there.
    #[error("lacks")]
    Missing,
    /// What is there has another digest or size, or can't be read.
    #[error("is damaged: it holds something else in the place of")]
    Altered,
}

impl Plural for LayoutDamage {
    fn of(count: usize) -> String {
        format!("{count} parts of images are missing or damaged in layouts")
    }
}
