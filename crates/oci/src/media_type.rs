//! Media types of the documents that make up an image, and what Airlift does with each.
//!
//! They are constants, so that they can be matched; a test holds them against [`oci_spec::image::MediaType`].
//!
//! OCI image-spec 1.1, `media-types.md`; Docker image manifest v2, schema 2.

use std::borrow::Cow;

/// An OCI image index: a list of manifests, usually one a platform.
pub const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
/// An OCI image manifest: a config and layers.
pub const OCI_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
/// An artifact manifest: `blobs` and a `subject`, no config. In drafts of OCI 1.1 until 2023; registries
/// still hold signatures of that time.
pub const OCI_ARTIFACT: &str = "application/vnd.oci.artifact.manifest.v1+json";
/// Docker's form of an index.
pub const DOCKER_LIST: &str = "application/vnd.docker.distribution.manifest.list.v2+json";
/// Docker's form of a manifest.
pub const DOCKER_MANIFEST: &str = "application/vnd.docker.distribution.manifest.v2+json";
/// Docker's config blob.
pub const DOCKER_CONFIG: &str = "application/vnd.docker.container.image.v1+json";
/// An OCI image's config blob.
pub const OCI_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
/// The config of an artifact that needs none: the two bytes `{}`.
pub const OCI_EMPTY: &str = "application/vnd.oci.empty.v1+json";
/// Docker's first manifest format, unsigned: not content-addressed, refused.
pub const DOCKER_SCHEMA1: &str = "application/vnd.docker.distribution.manifest.v1+json";
/// Docker's first manifest format, signed: refused as well.
pub const DOCKER_SCHEMA1_SIGNED: &str = "application/vnd.docker.distribution.manifest.v1+prettyjws";

/// The types that most descriptors have: all those that are more than bytes with a digest, and the usual ones
/// of configs and layers.
pub(crate) const WELL_KNOWN: [&str; 14] = [
    OCI_INDEX,
    OCI_MANIFEST,
    OCI_ARTIFACT,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_CONFIG,
    OCI_CONFIG,
    OCI_EMPTY,
    DOCKER_SCHEMA1,
    DOCKER_SCHEMA1_SIGNED,
    "application/vnd.oci.image.layer.v1.tar+gzip",
    "application/vnd.oci.image.layer.v1.tar+zstd",
    "application/vnd.oci.image.layer.v1.tar",
    "application/vnd.docker.image.rootfs.diff.tar.gzip",
];

/// The types that a registry may send for a manifest, the preferred one first: the `Accept` header.
pub const ACCEPTED_MANIFESTS: [&str; 5] =
    [OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST, OCI_ARTIFACT];

/// A media type that takes no memory of its own where it is one of the usual ones.
pub(crate) fn shared(media_type: &str) -> Cow<'static, str> {
    match WELL_KNOWN.into_iter().find(|known| *known == media_type) {
        Some(known) => known.into(),
        None => media_type.to_owned().into(),
    }
}

/// What a media type says of the content behind a descriptor.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// An index or manifest list: its successors are manifests.
    Index,
    /// An image or artifact manifest: its successors are blobs.
    Manifest,
    /// Docker's schema 1, which can't be carried byte for byte.
    Schema1,
    /// Anything else: bytes with a digest.
    Blob,
}

/// Sorts a media type (without parameters) into what Airlift does with it.
pub fn kind(media_type: &str) -> Kind {
    match media_type {
        OCI_INDEX | DOCKER_LIST => Kind::Index,
        OCI_MANIFEST | DOCKER_MANIFEST | OCI_ARTIFACT => Kind::Manifest,
        DOCKER_SCHEMA1 | DOCKER_SCHEMA1_SIGNED => Kind::Schema1,
        _ => Kind::Blob,
    }
}

/// The manifest type of which `media_type` is another spelling: in another case, or with parameters. `None`
/// for the right spelling, and for types of other content.
pub fn respelled(media_type: &str) -> Option<&'static str> {
    let bare = media_type.split(';').next().unwrap_or_default().trim();
    let all = ACCEPTED_MANIFESTS.into_iter().chain([DOCKER_SCHEMA1, DOCKER_SCHEMA1_SIGNED]);
    all.filter(|known| *known != media_type).find(|known| known.eq_ignore_ascii_case(bare))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_specification_spells_them_like_this() {
        use oci_spec::image::{MediaType, ToDockerV2S2};
        for (text, known) in [
            (OCI_INDEX, MediaType::ImageIndex),
            (OCI_MANIFEST, MediaType::ImageManifest),
            (OCI_CONFIG, MediaType::ImageConfig),
            (OCI_ARTIFACT, MediaType::ArtifactManifest),
            (OCI_EMPTY, MediaType::EmptyJSON),
        ] {
            assert_eq!(MediaType::from(text), known);
        }
        for (text, known) in [
            (DOCKER_LIST, MediaType::ImageIndex),
            (DOCKER_MANIFEST, MediaType::ImageManifest),
            (DOCKER_CONFIG, MediaType::ImageConfig),
        ] {
            assert_eq!(known.to_docker_v2s2(), Ok(text));
        }
    }

    #[test]
    fn other_spellings_of_manifest_types_are_known() {
        for text in [
            "application/vnd.oci.image.index.v1+json; charset=utf-8",
            "application/vnd.oci.image.index.v1+json;",
            " application/vnd.oci.image.index.v1+json",
            "Application/VND.OCI.Image.Index.v1+JSON",
        ] {
            assert_eq!(respelled(text), Some(OCI_INDEX), "{text}");
        }
        for known in ACCEPTED_MANIFESTS {
            assert_eq!(respelled(known), None);
            assert_eq!(respelled(&known.to_uppercase()), Some(known));
        }
        for other in ["", "application/xml", "application/vnd.oci.image.index.v2+json", OCI_CONFIG] {
            assert_eq!(respelled(other), None, "{other}");
        }
    }
}
