//! What images of layouts are called in a bundle.

use airlift_oci::{Digest, LayoutName, Reference, ReferenceError, Root, Tag, reference};

/// An image's name in the bundle: the name that was given for it, else its own. `None` for an image without a
/// name; a bare tag stays one.
pub(super) fn bundle_name(root: &Root, given: Option<&LayoutName>) -> Result<Option<String>, ReferenceError> {
    let own = root.reference.as_deref();
    match given {
        Some(LayoutName { repository, tag }) => {
            let own_tag = || own.and_then(reference::tag_of).and_then(|tag| tag.parse::<Tag>().ok());
            let tag = tag.clone().or_else(own_tag);
            Ok(Some(full_name(
                &repository.to_string(),
                tag.as_ref().map(Tag::as_str),
                &root.descriptor.digest,
            )))
        }
        None => own.map(|own| own_name(own, &root.descriptor.digest)).transpose(),
    }
}

/// The name that a lock has for an image: exactly that, whatever tag the layout has by now.
pub(super) fn locked_name(name: &LayoutName, digest: &Digest) -> String {
    full_name(&name.repository.to_string(), name.tag.as_ref().map(Tag::as_str), digest)
}

fn own_name(own: &str, digest: &Digest) -> Result<String, ReferenceError> {
    if reference::repository_of(own).is_none() {
        return own.parse::<Tag>().map(|tag| tag.to_string());
    }
    let parsed: Reference = own.parse()?;
    Ok(full_name(&parsed.repository().to_string(), parsed.tag(), digest))
}

/// What something attached is called in a bundle, if its image is in `repository` there: by its tag, if it
/// has one in the layout, else by its digest.
pub(super) fn name_of_attached(root: &Root, repository: Option<&str>) -> Option<String> {
    let tag = root.reference.as_deref().filter(|name| !name.contains('@')).and_then(reference::tag_of);
    match repository {
        Some(repository) => Some(full_name(repository, tag, &root.descriptor.digest)),
        None => tag.map(str::to_owned),
    }
}

fn full_name(repository: &str, tag: Option<&str>, digest: &Digest) -> String {
    match tag {
        Some(tag) => format!("{repository}:{tag}"),
        None => format!("{repository}@{digest}"),
    }
}

#[cfg(test)]
mod tests {
    use airlift_oci::{Descriptor, LayoutReference, SourceReference, media_type};

    use super::*;

    fn root(name: &str) -> Root {
        let descriptor = Descriptor::new(media_type::OCI_INDEX, Digest::sha256(b"x"), 1);
        Root::new(descriptor, Some(name.to_owned()).filter(|name| !name.is_empty()))
    }

    fn given(name: &str) -> LayoutName {
        match format!("oci:a={name}").parse() {
            Ok(SourceReference::Layout(LayoutReference { name: Some(name), .. })) => name,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn an_image_keeps_its_name_unless_one_is_given() {
        let digest = Digest::sha256(b"x");
        let name = |own: &str| bundle_name(&root(own), None).unwrap().unwrap_or_default();
        assert_eq!(name("docker.io/library/nginx:1.27"), "docker.io/library/nginx:1.27");
        assert_eq!(name("nginx:1.27"), "docker.io/library/nginx:1.27");
        assert_eq!(name(&format!("r.example/a:1@{digest}")), "r.example/a:1");
        assert_eq!(name(&format!("r.example/a@{digest}")), format!("r.example/a@{digest}"));
        assert_eq!((name("1.27"), name("")), ("1.27".to_owned(), String::new()));
        assert!(bundle_name(&root("A Name/x"), None).is_err());
        assert!(bundle_name(&root("a tag"), None).is_err());
    }

    #[test]
    fn a_given_name_without_a_tag_takes_the_one_of_the_layout() {
        let digest = Digest::sha256(b"x");
        for (own, text, name) in [
            ("1.27", "r.example/web", "r.example/web:1.27".to_owned()),
            ("nginx:1.27", "r.example/web", "r.example/web:1.27".to_owned()),
            ("", "r.example/web", format!("r.example/web@{digest}")),
            ("nginx:1.27", "r.example/web:2", "r.example/web:2".to_owned()),
        ] {
            let found = bundle_name(&root(own), Some(&given(text))).unwrap();
            assert_eq!(found.as_deref(), Some(name.as_str()), "{own} {text}");
        }
    }

    #[test]
    fn what_is_attached_is_in_the_repository_of_its_image() {
        let digest = Digest::sha256(b"x");
        let name = |own: &str, repository| name_of_attached(&root(own), repository);
        let by_digest = format!("r.example/b@{digest}");
        assert_eq!(name(&format!("r.example/a@{digest}"), Some("r.example/b")), Some(by_digest.clone()));
        assert_eq!(name("", Some("r.example/b")), Some(by_digest));
        assert_eq!(
            name("r.example/a:sha256-0.sig", Some("r.example/b")),
            Some("r.example/b:sha256-0.sig".into())
        );
        assert_eq!((name("sha256-0.sig", None), name("", None)), (Some("sha256-0.sig".into()), None));
    }
}
