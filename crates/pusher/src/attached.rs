//! What is attached to an image, and where it goes.

use airlift_oci::{Graph, Repository, Root, Selector, Tag, reference};

use crate::tree::Tree;

/// The tag or digest under which something attached goes: what has a tag, as cosign's signatures have, keeps
/// it; the others have only their digest.
fn attached_selector(root: &Root) -> Selector {
    let tag = root.reference.as_deref().and_then(reference::tag_of).and_then(|tag| tag.parse::<Tag>().ok());
    tag.map_or(Selector::Digest(root.descriptor.digest), Selector::Tag)
}

/// The trees of something attached: itself, or where it is no more than a list of referrers, these.
pub(crate) fn trees_of(graph: &Graph, root: &Root, repository: &Repository, image: &str) -> Vec<Tree> {
    let tree = |digest, selector| Tree {
        digest,
        repository: repository.clone(),
        selector,
        name: format!("{image} (attached)"),
    };
    if !graph.is_list_of_referrers(root) {
        return vec![tree(root.descriptor.digest, attached_selector(root))];
    }
    let list = graph.manifest(&root.descriptor.digest).and_then(|entry| entry.raw.as_ref());
    let listed = list.into_iter().flat_map(Graph::children_of).map(|child| child.digest);
    listed.map(|digest| tree(digest, Selector::Digest(digest))).collect()
}
