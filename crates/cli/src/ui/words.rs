//! Media types as people call them.

use airlift_bundle::media_type;

use crate::ui::term::harmless;

/// A media type as people call it.
pub(crate) fn in_words(media_type: &str) -> String {
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

#[cfg(test)]
mod tests {
    use super::in_words;

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
            assert_eq!(in_words(media_type), words);
        }
    }
}
