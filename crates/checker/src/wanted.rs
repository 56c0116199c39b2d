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
    /// The tags by which clients find what is attached.
    pub attached_tags: Vec<AttachedTag>,
}

/// A tag by which clients find something that is attached to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AttachedTag {
    /// The tag.
    pub tag: Tag,
    /// What it stood for.
    pub digest: Digest,
    /// What that is.
    pub tagged_as: TaggedAs,
}

/// What a tag of attached content stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TaggedAs {
    /// For what is attached, as cosign's tags do.
    Itself,
    /// For a list of what is attached, at registries that keep none themselves.
    ListOfReferrers,
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
            attached_tags: Vec::new(),
        }
    }
}
