//! Tags that two manifests would get, and tags that are taken while a push is on its way.

use airlift_server::Options;
use airlift_server::samples::Image;
use airlift_testkit::scripted::{Answer, Script};
use serde_json::Value;

use crate::airlift::Airlift;
use crate::made::{self, Embedded};

const REPOSITORY: &str = "team/app";

/// cosign's tag for an image.
fn signature_tag(image: &Image) -> String {
    format!("sha256-{}.sig", image.manifest.digest.hex())
}

/// One image at two registries, signed by somebody else at each. At the target there is one tag for both
/// signatures.
#[test]
fn signatures_that_would_get_one_tag_are_refused() {
    let (airlift, image) = (Airlift::new(), made::image("linux/amd64", 1));
    let sources: Vec<Embedded> = [70, 80]
        .into_iter()
        .map(|seed| {
            let source = Embedded::start(Options::default());
            made::put(source.endpoint(), REPOSITORY, &image, Some("1"));
            let signature = made::image("linux/amd64", seed);
            made::put(source.endpoint(), REPOSITORY, &signature, Some(&signature_tag(&image)));
            source
        })
        .collect();
    let names: Vec<String> =
        sources.iter().map(|source| format!("{}/{REPOSITORY}:1", source.authority())).collect();
    airlift.run(&["build", &names[0], &names[1], "-o", "b.tar"]).expect(0);
    let target = Embedded::start(Options::default());
    let registry = Script::forwarding(target.authority()).start();
    let push = |more: &[&str]| {
        let push = ["push", "b.tar", &registry.authority(), "--retries", "0"];
        airlift.run(&[&push, more].concat())
    };
    for more in [&[][..], &["--move-tags"], &["--dry-run"]] {
        let refused = push(more).expect(5).says(&signature_tag(&image)).says("--keep-host");
        refused.says(&names[0]).says(&names[1]);
        assert_eq!(registry.count("POST", "") + registry.count("PUT", ""), 0);
    }
    push(&["--only", &names[0]]).expect(0);
    push(&["--keep-host"]).expect(0);
}

/// What is left of a partial image gets a tag of its own, which another image has.
#[test]
fn a_platform_that_would_get_the_tag_of_another_image_is_refused() {
    let (airlift, source) = (Airlift::new(), Embedded::start(Options::default()));
    let sample = made::two_platforms(REPOSITORY, 10);
    source.endpoint().push(std::slice::from_ref(&sample));
    made::put(source.endpoint(), REPOSITORY, &made::image("linux/amd64", 50), Some("1-linux-amd64"));
    let reference = |tag: &str| format!("{}/{REPOSITORY}:{tag}", source.authority());
    let (whole, other) = (reference("1"), reference("1-linux-amd64"));
    airlift.run(&["build", &whole, &other, "--platform", "linux/amd64", "-o", "b.tar"]).expect(0);
    let target = Embedded::start(Options::default());
    let registry = Script::forwarding(target.authority()).start();
    let push = ["push", "b.tar", &registry.authority(), "--selected-children"];
    airlift.run(&push).expect(5).says(":1-linux-amd64 would be ").says(&whole).says(&other);
    assert_eq!(registry.count("POST", "") + registry.count("PUT", ""), 0);
}

/// Between the first look and the move of a tag there may be hours.
#[test]
fn a_tag_that_is_taken_meanwhile_is_left_alone() {
    let (airlift, _source, mut samples) = made::bundle(&[REPOSITORY], &[]);
    let sample = samples.remove(0);
    let other = made::image("linux/amd64", 50);
    let target = Embedded::start(Options::default());
    let (behind, squatter) = (target.endpoint().clone(), other.clone());
    let registry = Script::forwarding(target.authority())
        .rule(move |request| {
            if request.method == "POST" && behind.try_manifest(REPOSITORY, "1").status == 404 {
                made::put(&behind, REPOSITORY, &squatter, Some("1"));
            }
            None::<Answer>
        })
        .start();
    let push = ["push", "b.tar", &registry.authority(), "--json"];
    let refused = airlift.run(&push).expect(5);
    let image: Value = refused.json("airlift.receipt/v1")["images"][0].clone();
    assert_eq!((&image["status"], &image["digestResolves"]), (&"failed".into(), &true.into()));
    assert_eq!(image["tagDigest"], other.manifest.digest.to_string());
    assert!(image["error"].to_string().contains("--move-tags"), "{image}");
    assert!(target.endpoint().manifest(REPOSITORY, "1") == other.manifest.bytes);
    airlift.run(&["push", "b.tar", &registry.authority(), "--move-tags"]).expect(0);
    target.endpoint().assert_holds(&sample, REPOSITORY);
}

/// The push would bring everything and then refuse to write a tag of which nothing is known.
#[test]
fn a_dry_run_ends_as_the_push_where_the_tag_of_a_signature_is_hidden() {
    let (airlift, image) = (Airlift::new(), made::image("linux/amd64", 1));
    let source = Embedded::start(Options::default());
    made::put(source.endpoint(), REPOSITORY, &image, Some("1"));
    let tag = signature_tag(&image);
    made::put(source.endpoint(), REPOSITORY, &made::image("linux/amd64", 70), Some(&tag));
    let name = format!("{}/{REPOSITORY}:1", source.authority());
    airlift.run(&["build", &name, "-o", "b.tar"]).expect(0);
    let (target, hidden) = (Embedded::start(Options::default()), tag.clone());
    let registry = Script::forwarding(target.authority())
        .rule(move |request| {
            let is_look = matches!(request.method.as_str(), "GET" | "HEAD");
            let is_hidden = is_look && request.path().ends_with(&hidden);
            let is_it = is_hidden || request.path().ends_with("/tags/list");
            is_it.then(|| Answer::error(403, "DENIED", "not permitted"))
        })
        .start();
    for more in [&["--dry-run"][..], &[]] {
        let push = ["push", "b.tar", &registry.authority(), "--retries", "0"];
        airlift.run(&[&push, more].concat()).expect(3).says(&tag).says("--move-tags").says("403");
        assert_eq!(target.endpoint().try_manifest(REPOSITORY, "1").status, 404);
    }
}
