//! Media types as people call them.

use airlift_oci::media_type;

use crate::ui::term::harmless;

/// A media type as people call it.
pub(crate) fn of_media_type(media_type: &str) -> String {
    let known = match media_type {
        media_type::OCI_INDEX => "OCI index",
        media_type::DOCKER_LIST => "Docker list",
        media_type::OCI_MANIFEST => "OCI manifest",
        media_type::OCI_ARTIFACT => "artifact manifest",
        media_type::DOCKER_MANIFEST => "Docker manifest",
        media_type::OCI_CONFIG => "OCI config",
        media_type::DOCKER_CONFIG => "Docker config",
        media_type::OCI_EMPTY => "empty config",
        "application/vnd.docker.image.rootfs.diff.tar.gzip" => "tar+gzip",
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip" => "foreign tar+gzip",
        "" => "no type",
        _ => "",
    };
    if !known.is_empty() {
        return known.to_owned();
    }
    match media_type.strip_prefix("application/vnd.oci.image.layer.") {
        Some(rest) => {
            let foreign = if rest.starts_with("nondistributable.") { "foreign " } else { "" };
            let form = rest.trim_start_matches("nondistributable.").trim_start_matches("v1.");
            format!("{foreign}{}", harmless(form))
        }
        None => harmless(media_type.strip_prefix("application/").unwrap_or(media_type)).into_owned(),
    }
}

/// What is attached to an image, as people call it: by cosign's tag, else by its artifact type.
pub(crate) fn of_attachment(reference: Option<&str>, artifact_type: Option<&str>) -> String {
    let tags = [(".sig", "signature"), (".att", "attestation"), (".sbom", "SBOM")];
    let by_tag = reference.and_then(|name| tags.iter().find(|(suffix, _)| name.ends_with(suffix)));
    if let Some((_, word)) = by_tag {
        return (*word).to_owned();
    }
    let kind = artifact_type.unwrap_or_default();
    let words = [
        ("signature", "signature"),
        ("sigstore.bundle", "signature or attestation"),
        ("cosign.artifact.sig", "signature"),
        ("spdx", "SBOM"),
        ("cyclonedx", "SBOM"),
        ("in-toto", "attestation"),
    ];
    match words.iter().find(|(part, _)| kind.contains(part)) {
        Some((_, word)) => (*word).to_owned(),
        None => of_media_type(kind),
    }
}

#[cfg(test)]
mod tests {
    use super::{of_attachment, of_media_type};

    #[test]
    fn attachments_in_words() {
        for (reference, artifact_type, words) in [
            ("r.example/a:sha256-00.sig", None, "signature"),
            ("r.example/a:sha256-00.att", None, "attestation"),
            ("r.example/a@sha256:00", Some("application/vnd.cncf.notary.signature"), "signature"),
            ("r.example/a@sha256:00", Some("application/spdx+json"), "SBOM"),
            (
                "r.example/a@sha256:00",
                Some("application/vnd.dev.sigstore.bundle.v0.3+json"),
                "signature or attestation",
            ),
            ("r.example/a@sha256:00", Some("application/vnd.example.x"), "vnd.example.x"),
            ("r.example/a@sha256:00", None, "no type"),
        ] {
            assert_eq!(of_attachment(Some(reference), artifact_type), words);
        }
    }

    #[test]
    fn media_types_in_words() {
        for (media_type, words) in [
            ("application/vnd.oci.image.layer.v1.tar+zstd", "tar+zstd"),
            ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "foreign tar+gzip"),
            ("application/vnd.docker.image.rootfs.diff.tar.gzip", "tar+gzip"),
            ("application/vnd.in-toto+json", "vnd.in-toto+json"),
            ("evil\u{1b}[2J", "evil\\u{1b}[2J"),
            ("", "no type"),
        ] {
            assert_eq!(of_media_type(media_type), words);
        }
    }
}
