//! A set of images, as far as its source knows them.

use airlift_oci::Digest;

use super::image_name::ImageName;

/// The images of a bundle, a layout, a lock or a receipt.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageSet {
    /// The images, in the order of their source.
    pub images: Vec<SetImage>,
    /// What is attached to images: signatures, SBOMs, attestations. `None`: the source doesn't say.
    pub attached: Option<Vec<SetAttached>>,
}

/// One image of a set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetImage {
    /// Its name.
    pub name: ImageName,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// The platforms that the set has of it. `None`: the source doesn't say.
    pub platforms: Option<Vec<SetPlatform>>,
    /// Its configs and layers, each once. `None`: the source doesn't say.
    pub blobs: Option<Vec<SetBlob>>,
}

/// A platform of an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetPlatform {
    /// `linux/amd64`, as the index or the config names it.
    pub name: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// Bytes of its config and layers, each once.
    pub size: u64,
}

/// A config or a layer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SetBlob {
    /// Its digest.
    pub digest: Digest,
    /// Its bytes.
    pub size: u64,
}

/// Something that is attached to an image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SetAttached {
    /// The digest of its manifest.
    pub digest: Digest,
    /// Its blobs, each once. `None`: the source doesn't say.
    pub blobs: Option<Vec<SetBlob>>,
}

impl SetImage {
    /// The digests of its platforms' manifests, sorted.
    pub(super) fn platform_digests(&self) -> Option<Vec<Digest>> {
        let mut digests: Vec<Digest> = self.platforms.as_ref()?.iter().map(|one| one.digest).collect();
        digests.sort();
        Some(digests)
    }
}
