//! Layouts of other tools: what is attached in them is found and pushed as that.

use airlift_oci::media_type;
use airlift_server::Options;
use airlift_server::samples::{Content, Image};
use serde_json::{Value, json};

use super::{REPOSITORY, without_api};
use crate::airlift::Airlift;
use crate::made::{self, Embedded, descriptor, descriptor_with, tag_of};

/// Writes a layout with this content, and these roots in its `index.json`.
fn layout(airlift: &Airlift, images: &[&Image], more: &[&Content], roots: &[Value]) {
    let _ = std::fs::remove_dir_all(airlift.path("layout"));
    let blobs = airlift.path("layout/blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let of_images = images.iter().flat_map(|image| image.blobs.iter().chain([&image.manifest]));
    for content in of_images.chain(more.iter().copied()) {
        std::fs::write(blobs.join(content.digest.hex()), &content.bytes).unwrap();
    }
    let index = json!({"schemaVersion": 2, "manifests": roots}).to_string();
    std::fs::write(airlift.path("layout/index.json"), index).unwrap();
    std::fs::write(airlift.path("layout/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn named(content: &Content, name: &str) -> Value {
    descriptor_with(content, &json!({"annotations": {"org.opencontainers.image.ref.name": name}}))
}

fn push(airlift: &Airlift, target: &Embedded) -> Value {
    let destination = format!("{}/{REPOSITORY}", target.authority());
    let pushed = airlift.run(&["push", "layout", &destination, "--retries", "0", "--json"]).expect(0);
    airlift.run(&["check", "layout", "--at", &destination]).expect(0);
    pushed.json("airlift.receipt/v1")
}

fn listed(target: &Embedded, subject: &Content) -> Vec<String> {
    let list = target.endpoint().try_manifest(REPOSITORY, &tag_of(&subject.digest, ""));
    let list: Value = serde_json::from_slice(&list.body).unwrap_or_default();
    let entries = list["manifests"].as_array().cloned().unwrap_or_default();
    entries.iter().filter_map(|entry| entry["digest"].as_str().map(str::to_owned)).collect()
}

fn tags(target: &Embedded) -> Value {
    let answer = target.endpoint().request("GET", &format!("/v2/{REPOSITORY}/tags/list"), &[], b"");
    let list: Value = serde_json::from_slice(&answer.expect_status(200).body).unwrap();
    list["tags"].clone()
}

/// As `oras cp -r --to-oci-layout` writes it: every manifest is a root, the image alone has a name.
#[test]
fn roots_with_a_subject_that_is_there_are_attached() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let images = [made::image("linux/amd64", 1), made::image("linux/arm64", 2)];
    let on_index = made::referrer(&sample.root, "application/x.sig", "of the index");
    let on_child = made::referrer(&images[0].manifest, "application/x.sbom", "of a platform");
    let on_sbom = made::referrer(&on_child.manifest, "application/x.sig", "of the sbom");
    let airlift = Airlift::new();
    let all = [&images[0], &images[1], &on_index, &on_child, &on_sbom];
    let mut roots = vec![named(&sample.root, "1")];
    roots.extend(all.iter().rev().map(|image| descriptor(&image.manifest)));
    layout(&airlift, &all, &[&sample.root], &roots);

    let report = airlift.run(&["--json", "verify", "layout"]).expect(0).json("airlift.report/v1");
    assert_eq!(report["referrers"].as_array().map(Vec::len), Some(3), "{report}");
    for has_api in [false, true] {
        let target = if has_api { Embedded::start(Options::default()) } else { without_api() };
        let receipt = push(&airlift, &target);
        assert_eq!(receipt["images"].as_array().map(Vec::len), Some(1), "{receipt}");
        let referrers = receipt["images"][0]["referrers"].as_array().map(Vec::len);
        assert_eq!((&receipt["ok"], referrers), (&true.into(), Some(3)), "{receipt}");
        for image in [&on_index, &on_child, &on_sbom] {
            let held = target.endpoint().manifest(REPOSITORY, &image.manifest.digest.to_string());
            assert!(held == image.manifest.bytes);
        }
        if !has_api {
            for (subject, referrer) in
                [(&sample.root, &on_index), (&images[0].manifest, &on_child), (&on_child.manifest, &on_sbom)]
            {
                assert_eq!(listed(&target, subject), [referrer.manifest.digest.to_string()]);
            }
        } else {
            assert_eq!(tags(&target), json!(["1"]));
        }
    }
}

/// A name of its own stays a tag; the manifest is listed, too.
#[test]
fn an_attached_root_with_a_name_keeps_it_as_its_tag() {
    let image = made::image("linux/amd64", 1);
    let sbom = made::referrer(&image.manifest, "application/x.sbom", "with a name");
    let cosign = made::signature("under cosign's tag");
    let tag = tag_of(&image.manifest.digest, ".sig");
    let airlift = Airlift::new();
    let roots = [named(&sbom.manifest, "sbom-1"), named(&cosign.manifest, &tag), named(&image.manifest, "1")];
    layout(&airlift, &[&image, &sbom, &cosign], &[], &roots);
    let target = without_api();
    let receipt = push(&airlift, &target);
    assert_eq!(receipt["images"].as_array().map(Vec::len), Some(1), "{receipt}");
    assert!(target.endpoint().manifest(REPOSITORY, "sbom-1") == sbom.manifest.bytes);
    assert!(target.endpoint().manifest(REPOSITORY, &tag) == cosign.manifest.bytes);
    assert_eq!(listed(&target, &image.manifest), [sbom.manifest.digest.to_string()]);
}

/// regctl keeps the list of referrers in the layout as registries do: under the fallback tag.
#[test]
fn a_list_of_referrers_in_a_layout_is_no_image() {
    let image = made::image("linux/amd64", 1);
    let sbom = made::referrer(&image.manifest, "application/x.sbom", "in a list");
    let list = made::index(&[descriptor(&sbom.manifest)]);
    let tag = tag_of(&image.manifest.digest, "");
    let airlift = Airlift::new();
    layout(&airlift, &[&image, &sbom], &[&list], &[named(&image.manifest, "1"), named(&list, &tag)]);
    let target = without_api();
    let theirs = made::referrer(&image.manifest, "application/x.theirs", "theirs");
    made::put(target.endpoint(), REPOSITORY, &image, None);
    made::put(target.endpoint(), REPOSITORY, &theirs, None);
    let there = made::index(&[descriptor(&theirs.manifest)]);
    target.endpoint().push_manifest(REPOSITORY, &tag, &there).expect_status(201);
    push(&airlift, &target);
    let both = [theirs.manifest.digest.to_string(), sbom.manifest.digest.to_string()];
    assert_eq!(listed(&target, &image.manifest), both, "what others listed stays");
    let target = Embedded::start(Options::default());
    push(&airlift, &target);
    assert_eq!(tags(&target), json!(["1"]));
    let place = format!("/v2/{REPOSITORY}/manifests/{}", sbom.manifest.digest);
    target.endpoint().request("DELETE", &place, &[], b"").expect_status(202);
    let destination = format!("{}/{REPOSITORY}", target.authority());
    let checked = airlift.run(&["check", "layout", "--at", &destination]).expect(1);
    checked.says("incomplete").says(&sbom.manifest.digest.to_string());
}

/// `cosign save` gives image and signatures one name, or neither of them any.
#[test]
fn what_cosign_saved_gets_its_tag_again() {
    let image = made::image("linux/amd64", 1);
    let signature = made::signature("saved");
    let tag = tag_of(&image.manifest.digest, ".sig");
    let airlift = Airlift::new();
    let name = "registry.example/team/app:1";
    let named = [named(&image.manifest, name), named(&signature.manifest, name)];
    let unnamed = [descriptor(&image.manifest), descriptor(&signature.manifest)];
    for (roots, prefix) in [(named, ""), (unnamed, "/team/app")] {
        layout(&airlift, &[&image, &signature], &[], &roots);
        let target = Embedded::start(Options::default());
        let destination = format!("{}{prefix}", target.authority());
        let pushed = airlift.run(&["push", "layout", &destination, "--json"]).expect(0);
        let receipt = pushed.json("airlift.receipt/v1");
        assert_eq!(receipt["images"].as_array().map(Vec::len), Some(1), "{receipt}");
        assert!(target.endpoint().manifest(REPOSITORY, &tag) == signature.manifest.bytes);
        let digest = image.manifest.digest.to_string();
        assert!(target.endpoint().manifest(REPOSITORY, &digest) == image.manifest.bytes);
    }
}

/// What is attached to something that is elsewhere goes by itself, is listed there, and that is said.
#[test]
fn what_is_attached_to_something_absent_goes_by_itself_and_is_listed() {
    let absent = made::image("linux/amd64", 9);
    let sbom = made::referrer(&absent.manifest, "application/x.sbom", "alone");
    let airlift = Airlift::new();
    layout(&airlift, &[&sbom], &[], &[descriptor(&sbom.manifest)]);
    let target = without_api();
    made::put(target.endpoint(), REPOSITORY, &absent, Some("1"));
    let destination = format!("{}/{REPOSITORY}", target.authority());
    let pushed = airlift.run(&["push", "layout", &destination, "--retries", "0"]).expect(0);
    pushed.says("attached to").says(&absent.manifest.digest.to_string()).says("image of its own");
    assert_eq!(listed(&target, &absent.manifest), [sbom.manifest.digest.to_string()]);
    // An index below which the subject would be is no subject.
    assert_eq!(absent.manifest.media_type, media_type::OCI_MANIFEST);
}

#[test]
fn a_dry_run_has_rows_for_what_is_attached() {
    let image = made::image("linux/amd64", 1);
    let sbom = made::referrer(&image.manifest, "application/x.sbom", "shown");
    let airlift = Airlift::new();
    layout(&airlift, &[&image, &sbom], &[], &[named(&image.manifest, "1"), descriptor(&sbom.manifest)]);
    let target = without_api();
    let destination = format!("{}/{REPOSITORY}", target.authority());
    let digest = sbom.manifest.digest.to_string();
    for status in ["new", "present"] {
        let dry = ["push", "layout", &destination, "--dry-run", "--json"];
        let plan = airlift.run(&dry).expect(0).json("airlift.push-plan/v1");
        let attached = &plan["images"][0]["attached"][0];
        assert_eq!((&attached["status"], &attached["digest"]), (&status.into(), &digest.as_str().into()));
        assert_eq!(attached["artifactType"], "application/x.sbom");
        let shown = airlift.run(&dry[..4]).expect(0);
        assert!(shown.text().contains(&format!("@{digest}")), "{shown}");
        push(&airlift, &target);
    }
}
