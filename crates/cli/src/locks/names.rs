//! Images of layouts in locks: their names, and the way back to the layout.

use airlift_lists::lock::locked_reference;
use airlift_oci::{Digest, LayoutForm, LayoutName, LayoutReference, Reference, SourceReference};

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
    let is_plain = |name: &&str| !name.contains(['*', '?', '=']) && !name.contains(char::is_control);
    let pattern = Some(name.filter(is_plain).map_or_else(|| digest.to_string(), str::to_owned));
    SourceReference::Layout(LayoutReference { form, path: path.to_owned(), pattern, name: None })
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
