//! The state of one manifest tree while it is sent.

use std::collections::HashSet;
use std::sync::{Arc, Mutex};

use airlift_oci::{Digest, Graph};

use crate::plan::manifest_tree::ManifestTree;
use crate::send::session::Session;
use crate::send::transfers::Transfers;

/// When a tag is looked at once more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum TagCheck {
    /// While the manifest is read back: nothing else comes before the tag moves.
    WithReadBack,
    /// Right before the tag moves.
    BeforeMove,
}

/// A manifest tree while it is sent. Its steps are in files of their own: blobs in `tree_blobs`, manifests in
/// `manifests`, its tag in `move_tag`.
pub(crate) struct TreeUpload {
    pub(crate) session: Arc<Session>,
    pub(crate) tree: ManifestTree,
    pub(crate) tag_check: TagCheck,
    /// What its tag stood for before the push.
    pub(crate) before: Option<Digest>,
    pub(crate) transfers: Mutex<Transfers>,
    /// Manifests that were refused because something below them is gone, and for which that was sent once
    /// more.
    pub(crate) restored: Mutex<HashSet<Digest>>,
    /// Manifests that were sent once more because another one that needs them was refused.
    pub(crate) resent: Mutex<HashSet<Digest>>,
    /// Manifests that a policy of the registry keeps back until what is attached to them is there, with their
    /// labels. They are read back then.
    pub(crate) withheld: Mutex<Vec<(Digest, String)>>,
    /// Manifests that the registry has acknowledged.
    pub(crate) acknowledged: Mutex<HashSet<Digest>>,
}

impl TreeUpload {
    pub(crate) fn new(session: &Arc<Session>, tree: ManifestTree, tag_check: TagCheck) -> Self {
        let (before, transfers, restored, resent, withheld, acknowledged) = Default::default();
        let session = Arc::clone(session);
        TreeUpload { session, tree, tag_check, before, transfers, restored, resent, withheld, acknowledged }
    }

    pub(crate) fn graph(&self) -> &Graph {
        self.session.source.graph()
    }
}
