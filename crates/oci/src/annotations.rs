//! The annotation keys that Airlift reads or writes: those of the image specification, containerd, BuildKit,
//! and its own.

/// The annotation by which most tools pick an image of a layout.
pub const REF_NAME: &str = oci_spec::image::ANNOTATION_REF_NAME;
/// The annotation by which containerd names an image that it imports.
pub const CONTAINERD_NAME: &str = "io.containerd.image.name";
/// On a root: the platforms that were chosen, sorted and comma-separated. Absent where all were.
pub const PLATFORMS: &str = "io.airlift.platforms";
/// On a root, beside the platforms: chosen manifests whose platform only their configs name; sorted,
/// comma-separated.
pub const MANIFESTS: &str = "io.airlift.manifests";
/// On a root: manifests below it that the source didn't have, and that are not in the bundle; sorted,
/// comma-separated.
pub const ABSENT: &str = "io.airlift.absent";
/// On a root that is attached to an image: the digest of the manifest that it describes.
pub const SUBJECT: &str = "io.airlift.subject";
/// On a root: layers that stay outside of the bundle, because the registry has them only by `urls`; sorted,
/// comma-separated.
pub const EXTERNAL: &str = "io.airlift.external";
/// Marks an attestation manifest in an index (BuildKit).
pub const REFERENCE_TYPE: &str = "vnd.docker.reference.type";
/// The manifest that an attestation manifest describes (BuildKit).
pub const REFERENCE_DIGEST: &str = "vnd.docker.reference.digest";
