//! Artifact manifests of 2022: `blobs` and a subject, no config. Registries still hold signatures of that
//! form.

use airlift_oci::media_type;
use airlift_server::Options;
use airlift_server::samples::{Content, Image};
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Script};
use serde_json::{Value, json};

use super::{REPOSITORY, attached, build, without_api};
use crate::airlift::Airlift;
use crate::made::{self, Embedded, descriptor, tag_of};

/// A signature as notation wrote it then.
fn notation(subject: Option<&Content>) -> Image {
    let envelope = made::blob("application/jose+json", "a signature envelope");
    let mut manifest = json!({
        "mediaType": media_type::OCI_ARTIFACT, "artifactType": "application/vnd.cncf.notary.signature",
        "blobs": [descriptor(&envelope)], "annotations": {"org.example.note": "signed"},
    });
    if let Some(subject) = subject {
        manifest["subject"] = descriptor(subject);
    }
    Image { manifest: made::document(&manifest), blobs: vec![envelope], platform: String::new() }
}

#[test]
fn artifact_manifests_are_carried_with_blobs_and_subject() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let signature = notation(Some(&sample.root));
    let digest = signature.manifest.digest.to_string();
    for has_api in [true, false] {
        let source = if has_api { Embedded::start(Options::default()) } else { without_api() };
        source.endpoint().push(std::slice::from_ref(&sample));
        made::put(source.endpoint(), REPOSITORY, &signature, None);
        if !has_api {
            let list = made::index(&[descriptor(&signature.manifest)]);
            source
                .endpoint()
                .push_manifest(REPOSITORY, &tag_of(&sample.root.digest, ""), &list)
                .expect_status(201);
        }
        // Without the type in the Accept header, registries deny that they have it.
        let between = Script::forwarding(source.authority())
            .rule(|request| {
                let is_asked = request.is_manifest()
                    && !request.header("accept").unwrap_or_default().contains(media_type::OCI_ARTIFACT);
                is_asked.then(|| Answer::status(404))
            })
            .start();
        let airlift = Airlift::new();
        let built = build(&airlift, &between.authority(), &["--platform", "linux/amd64"]).expect(0);
        assert_eq!(attached(&built), [digest.as_str()]);
        airlift.run(&["verify", "b.tar"]).expect(0);
        airlift.run(&["inspect", "b.tar"]).expect(0).says("application/vnd.cncf.notary.signature");

        build(&airlift, &between.authority(), &[]).expect(0);
        for target_has_api in [true, false] {
            let target = if target_has_api { Embedded::start(Options::default()) } else { without_api() };
            let pushed = airlift.run(&["push", "b.tar", target.authority(), "--json"]).expect(0);
            assert_eq!(pushed.json("airlift.receipt/v1")["images"][0]["referrers"], json!([digest]));
            let held = target.endpoint();
            assert!(held.manifest(REPOSITORY, &digest) == signature.manifest.bytes);
            assert!(held.blob(REPOSITORY, &signature.blobs[0].digest) == signature.blobs[0].bytes);
            if !target_has_api {
                let list = held.manifest(REPOSITORY, &tag_of(&sample.root.digest, ""));
                let list: Value = serde_json::from_slice(&list).unwrap();
                let entry = &list["manifests"][0];
                assert_eq!(entry["mediaType"], media_type::OCI_ARTIFACT);
                assert_eq!(entry["artifactType"], "application/vnd.cncf.notary.signature");
            }
        }
    }
}

/// One that was asked for by name has no platform, so it is carried whole.
#[test]
fn an_artifact_manifest_may_be_the_image() {
    let source = Embedded::start(Options::default());
    let alone = notation(None);
    made::put(source.endpoint(), REPOSITORY, &alone, Some("1"));
    let airlift = Airlift::new();
    build(&airlift, source.authority(), &["--platform", "linux/arm64"]).expect(0);
    airlift.run(&["verify", "b.tar"]).expect(0);
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    assert!(target.endpoint().manifest(REPOSITORY, "1") == alone.manifest.bytes);
    assert!(target.endpoint().blob(REPOSITORY, &alone.blobs[0].digest) == alone.blobs[0].bytes);
}

#[test]
fn a_registry_that_takes_none_any_more_is_named_with_the_reason() {
    let source = Embedded::start(Options::default());
    let sample = made::two_platforms(REPOSITORY, 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    made::put(source.endpoint(), REPOSITORY, &notation(Some(&sample.root)), None);
    let airlift = Airlift::new();
    build(&airlift, source.authority(), &[]).expect(0);
    let Some(target) = RealRegistry::debian().start() else { return };
    airlift.run(&["push", "b.tar", target.authority()]).expect(3).says("takes no artifact manifests");
}
