//! What is asked for.

use airlift_oci::{Digest, Repository, Tag};

use crate::scope::Scope;

/// One image that should be there.
#[derive(Clone, Debug)]
pub struct Wanted {
    /// What it is called in messages.
    pub name: String,
    /// The repositories that are asked for its content. If it is not whole in one of them, the next is asked.
    pub places: Vec<Repository>,
    /// Those that are asked for its tag.
    pub tag_places: Vec<Repository>,
    /// The tag that should stand for it.
    pub tag: Option<Tag>,
    /// Its digest. Without one, what the tag stands for now is checked.
    pub digest: Option<Digest>,
    /// Which of the manifests below it should be there.
    pub scope: Scope,
    /// The manifests of what is attached to it and should be there, too.
    pub attached: Vec<Digest>,
}

impl Wanted {
    /// The whole image in one repository.
    pub fn whole(name: String, repository: Repository, tag: Option<Tag>, digest: Option<Digest>) -> Self {
        Wanted {
            name,
            places: vec![repository.clone()],
            tag_places: vec![repository],
            tag,
            digest,
            scope: Scope::Whole,
            attached: Vec::new(),
        }
    }
}
