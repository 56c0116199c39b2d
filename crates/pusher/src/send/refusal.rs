//! Explains why a registry refuses a manifest, as far as that is known of the registries in use.

use airlift_oci::{Algorithm, Graph, RawManifest, media_type};
use airlift_registry::{Error, Refusal};

use crate::image_error::ImageError;

/// The codes by which registries say that something below a manifest is not there.
const LACKING: [&str; 3] = ["MANIFEST_BLOB_UNKNOWN", "BLOB_UNKNOWN", "MANIFEST_UNKNOWN"];

/// Whether a registry says that it lacks something. With status 500, Distribution uses these codes also for
/// layers with urls that it doesn't want: there is nothing missing.
pub(crate) fn says_lacking(refusal: &Refusal) -> bool {
    refusal.status < 500 && LACKING.into_iter().any(|code| refusal.has(code))
}

/// Whether a registry has a manifest and hands it out only when it is signed or scanned, as Harbor does for
/// projects with such a policy.
pub(crate) fn is_withheld(refusal: &Refusal) -> bool {
    refusal.status == 412 && refusal.has("PROJECTPOLICYVIOLATION")
}

/// The error for a manifest that a registry refuses, with advice where the reason is known.
pub(crate) fn explain(graph: &Graph, raw: &RawManifest, label: String, source: Error) -> ImageError {
    let has_urls = || Graph::blobs_of(raw).any(|(_, blob)| blob.has_urls());
    let is_partial = || Graph::children_of(raw).any(|child| !graph.carries(&child.digest));
    let is_docker = [media_type::DOCKER_LIST, media_type::DOCKER_MANIFEST].contains(&raw.media_type());
    let is_artifact = raw.media_type() == media_type::OCI_ARTIFACT;
    let Some(refusal) = source.refusal() else { return ImageError::Manifest { label, source } };
    let advice = match refusal.status {
        _ if raw.digest().algorithm() != Algorithm::Sha256 && refusal.has("DIGEST_INVALID") => {
            "this registry knows manifests by sha256 only, and this one's digest is another"
        }
        415 if is_docker => "this registry takes no Docker media types (zot: http.compat: [docker2s2])",
        400 | 404 | 406 | 415 if is_artifact && !says_lacking(refusal) => {
            "this registry takes no artifact manifests, a type of 2022 that is no longer in the specification; the image can go without what is attached to it"
        }
        413 => "the registry, or a proxy before it, has a limit for the size of manifests",
        // Harbor says 404, zot a bare 400.
        400 | 404 if is_partial() => return ImageError::Sparse { label, source },
        400..=599 if has_urls() => {
            "it has layers with urls, which Distribution takes only where validation.manifests.urls.allow permits their addresses"
        }
        _ => return ImageError::Manifest { label, source },
    };
    ImageError::Known { label, advice, source }
}
