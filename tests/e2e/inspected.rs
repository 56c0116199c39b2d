//! What `inspect` says of a layout, byte for byte.

use std::fs;

use airlift_oci::Digest;
use airlift_oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};

use crate::airlift::Airlift;

const DOCUMENT: &str = include_str!("inspected.json");

fn descriptor(media_type: &str, digest: &Digest, size: usize, more: &str) -> String {
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
}

fn index(children: &[String]) -> String {
    format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(","))
}

/// Manifests that several places lead to have their contents at the first one. In the layout, an index names
/// an image twice, another image with the same config, and one that is missing; and `index.json` names the
/// first image once more.
#[test]
fn the_document_is_what_it_has_always_been() {
    let [config, layer, gone] = ["config", "layer", "gone"].map(|text| Digest::sha256(text.as_bytes()));
    let layers =
        [descriptor("application/x-layer", &layer, 5, ""), descriptor("application/x-layer", &layer, 5, "")];
    let manifest = |layers: &[String]| {
        let config = descriptor(OCI_CONFIG, &config, 6, "");
        format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{}]}}"#, layers.join(","))
    };
    let of = |text: &str, media_type: &str, more: &str| {
        descriptor(media_type, &Digest::sha256(text.as_bytes()), text.len(), more)
    };
    let (image, other) = (manifest(&layers), manifest(&[]));
    let platform = |name: &str| format!(r#","platform":{{"os":"linux","architecture":"{name}"}}"#);
    let children = [
        of(&image, OCI_MANIFEST, &platform("amd64")),
        of(&image, OCI_MANIFEST, &platform("amd64")),
        of(&other, OCI_MANIFEST, &platform("arm64")),
        descriptor(OCI_MANIFEST, &gone, 4, ""),
    ];
    let inner = index(&children);
    let name = r#","annotations":{"org.opencontainers.image.ref.name":"r.example/app:1"}"#;
    let top = index(&[of(&inner, OCI_INDEX, name), of(&image, OCI_MANIFEST, "")]);

    let airlift = Airlift::new();
    let blobs = airlift.path("layout/blobs/sha256");
    fs::create_dir_all(&blobs).unwrap();
    fs::write(airlift.path("layout/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
    fs::write(airlift.path("layout/index.json"), &top).unwrap();
    let mut names =
        vec![(config, "CONFIG"), (layer, "LAYER"), (gone, "GONE"), (Digest::sha256(top.as_bytes()), "ID")];
    for (text, name) in [(&inner, "INDEX"), (&image, "IMAGE"), (&other, "OTHER")] {
        let digest = Digest::sha256(text.as_bytes());
        fs::write(blobs.join(digest.hex()), text).unwrap();
        names.push((digest, name));
    }

    let mut found = airlift.run(&["inspect", "layout", "--json"]).expect(1).text();
    for (digest, name) in names {
        found = found.replace(&digest.to_string(), name).replace(&digest.short(), name);
    }
    assert_eq!(found, DOCUMENT);
}
