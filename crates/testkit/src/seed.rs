//! Putting images into a registry, and reading back what it holds, byte for byte.

use airlift_oci::Digest;
use airlift_server::samples::{Content, Sample};

use crate::http::{Endpoint, Response};

/// The types of all manifests. If one of them is missing, a registry converts or denies such a manifest.
pub const ACCEPT: &str = "application/vnd.oci.image.index.v1+json, application/vnd.oci.image.manifest.v1+json, \
     application/vnd.docker.distribution.manifest.list.v2+json, application/vnd.docker.distribution.manifest.v2+json, \
     application/vnd.oci.artifact.manifest.v1+json";

impl Endpoint {
    /// Pushes samples with all that belongs to them: blobs, then manifests by digest, children first, then
    /// the root by tag.
    pub fn push(&self, samples: &[Sample]) {
        for sample in samples {
            for blob in &sample.blobs {
                self.push_blob(&sample.repository, &blob.bytes, &blob.digest);
            }
            for manifest in &sample.manifests {
                self.push_manifest(&sample.repository, &manifest.digest.to_string(), manifest)
                    .expect_status(201);
            }
            self.push_manifest(&sample.repository, &sample.tag, &sample.root).expect_status(201);
        }
    }

    /// Pushes a blob by POST and one PUT.
    pub fn push_blob(&self, repository: &str, bytes: &[u8], digest: &Digest) {
        let begun =
            self.request("POST", &format!("/v2/{repository}/blobs/uploads/"), &[], b"").expect_status(202);
        let location = begun.header("location").expect("an upload has a location");
        // Absolute or not, it is on this registry.
        let target = location.split_once("://").map_or(location, |(_, rest)| {
            let path = rest.find('/').expect("a location has a path");
            &rest[path..]
        });
        let separator = if target.contains('?') { '&' } else { '?' };
        let target = format!("{target}{separator}digest={digest}");
        self.request("PUT", &target, &[("Content-Type", "application/octet-stream")], bytes)
            .expect_status(201);
    }

    /// Puts a manifest under a tag or a digest; the answer says whether the registry took it.
    pub fn push_manifest(&self, repository: &str, reference: &str, manifest: &Content) -> Response {
        let target = format!("/v2/{repository}/manifests/{reference}");
        self.request("PUT", &target, &[("Content-Type", &manifest.media_type)], &manifest.bytes)
    }

    /// The bytes of a manifest or index, by tag or digest. Panics where the registry has none.
    pub fn manifest(&self, repository: &str, reference: &str) -> Vec<u8> {
        self.try_manifest(repository, reference).expect_status(200).body
    }

    /// What the registry answers when it is asked for a manifest or index.
    pub fn try_manifest(&self, repository: &str, reference: &str) -> Response {
        self.request("GET", &format!("/v2/{repository}/manifests/{reference}"), &[("Accept", ACCEPT)], b"")
    }

    /// The bytes of a blob. Panics where the registry has none.
    pub fn blob(&self, repository: &str, digest: &Digest) -> Vec<u8> {
        self.request("GET", &format!("/v2/{repository}/blobs/{digest}"), &[], b"").expect_status(200).body
    }

    /// The tags of a repository, as the registry's JSON has them; empty where there is no such repository.
    pub fn tags(&self, repository: &str) -> String {
        let answer = self.request("GET", &format!("/v2/{repository}/tags/list"), &[], b"");
        if answer.status == 404 { String::new() } else { answer.expect_status(200).text() }
    }

    /// Panics unless `repository` holds all of `sample`, byte for byte: the root by tag and by digest, every
    /// manifest, every blob.
    pub fn assert_holds(&self, sample: &Sample, repository: &str) {
        let named = self.manifest(repository, &sample.tag);
        assert!(named == sample.root.bytes, "{repository}:{} is not what was at the source", sample.tag);
        for manifest in sample.manifests.iter().chain([&sample.root]) {
            let held = self.manifest(repository, &manifest.digest.to_string());
            assert!(held == manifest.bytes, "{repository}@{} is not what was at the source", manifest.digest);
        }
        for blob in &sample.blobs {
            assert!(
                self.blob(repository, &blob.digest) == blob.bytes,
                "blob {} of {repository} differs",
                blob.digest
            );
        }
    }
}
