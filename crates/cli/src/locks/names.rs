//! Images of layouts in locks: their names, and the way back to the layout.

use airlift_lists::lock::locked_reference;
use airlift_oci::{
    Digest, LayoutForm, LayoutName, LayoutReference, Reference, Root, SourceReference, reference,
};

/// The name in a lock of a layout's image. One that is no full name is that of a place in the layout.
pub(crate) fn name_in_lock(
    form: LayoutForm,
    path: &str,
    name: Option<&str>,
    digest: &Digest,
) -> SourceReference {
    // Other tools' layouts often have a bare tag, which would also be a name at Docker Hub.
    let full = name.filter(|name| name.contains('/')).and_then(|name| name.parse::<Reference>().ok());
    if let Some(full) = full {
        return locked_reference(&full);
    }
    let pattern = Some(exactly(name, digest));
    SourceReference::Layout(LayoutReference { form, path: path.to_owned(), pattern, name: None })
}

/// One image of those that a reference to a layout means, under the name that the bundle has for it.
pub(crate) fn one_of(layout: &LayoutReference, root: &Root) -> LayoutReference {
    let own = root.reference.as_deref();
    let (pattern, name) = match &layout.name {
        None => (exactly(own, &root.descriptor.digest), None),
        Some(given) => {
            let tag = own.and_then(reference::tag_of).and_then(|tag| tag.parse().ok());
            let name = LayoutName { repository: given.repository.clone(), tag };
            (root.descriptor.digest.to_string(), Some(name))
        }
    };
    LayoutReference { pattern: Some(pattern), name, ..layout.clone() }
}

/// The text that means this image alone in a layout: its name there, or its digest.
fn exactly(name: Option<&str>, digest: &Digest) -> String {
    let is_plain = |name: &&str| !name.contains(['*', '?', '=']) && !name.contains(char::is_control);
    name.filter(is_plain).map_or_else(|| digest.to_string(), str::to_owned)
}

/// From where an image of a layout is taken, by its digest and under its name.
pub(crate) fn in_layout(
    reference: &Reference,
    digest: &Digest,
    form: LayoutForm,
    path: &str,
) -> SourceReference {
    let tag = reference.tag().and_then(|tag| tag.parse().ok());
    let name = Some(LayoutName { repository: reference.repository().clone(), tag });
    let (path, pattern) = (path.to_owned(), Some(digest.to_string()));
    SourceReference::Layout(LayoutReference { form, path, pattern, name })
}
