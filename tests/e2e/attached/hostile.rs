//! Registries that err, lie or never end when they are asked what is attached.

use airlift_bundle::{Digest, media_type};
use airlift_server::samples::{Content, Image, Sample};
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};
use serde_json::{Value, json};

use super::{REPOSITORY, attached, build};
use crate::airlift::{Airlift, Ran};
use crate::made::{self, descriptor};

/// A registry with a sample that answers some requests as a test wants it.
fn scripted(answer: impl Fn(&str) -> Option<Answer> + Send + Sync + 'static) -> (ScriptedRegistry, Sample) {
    let sample = made::two_platforms(REPOSITORY, 1);
    let script = Script::serving(vec![sample.clone()])
        .rule(move |request| (request.method == "GET").then(|| answer(&request.target)).flatten());
    (script.start(), sample)
}

/// "No signatures" is only believed where the registry says 404.
#[test]
fn an_error_is_never_taken_for_nothing_attached() {
    for part in ["/referrers/", "/manifests/sha256-", ".sig"] {
        for status in [400, 401, 403, 405, 429, 500, 503] {
            let (registry, _) =
                scripted(move |target| target.contains(part).then(|| Answer::error(status, "X", "no")));
            let airlift = Airlift::new();
            let refused = build(&airlift, &registry.authority(), &[]).expect(3);
            assert!(refused.stderr.contains(&status.to_string()), "{part} {status}: {refused}");
            // Where pulls are counted, those that were made are not lost.
            let kept: &[&str] = if status == 429 { &["b.tar.part.manifests"] } else { &[] };
            assert_eq!(airlift.files(), kept, "{part} {status}");
        }
        let (registry, _) = scripted(move |target| {
            target.contains(part).then(|| Answer::ok("text/html", "<html>log in</html>"))
        });
        build(&Airlift::new(), &registry.authority(), &[]).expect(3);
    }
}

fn page(entries: &[Value], next: Option<&str>) -> Answer {
    let body = json!({"schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": entries});
    let answer = Answer::ok(media_type::OCI_INDEX, body.to_string());
    match next {
        Some(next) => answer.header("Link", format!("<{next}>; rel=\"next\"")),
        None => answer,
    }
}

#[test]
fn lists_come_in_pages() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let root = sample.root.clone();
    let referrers: Vec<Image> =
        (0..3).map(|number| made::referrer(&root, "application/x", &format!("number {number}"))).collect();
    let samples =
        referrers.iter().map(|image| Sample::of_image(REPOSITORY, "unused", image.clone())).chain([sample]);
    let entries: Vec<Value> = referrers.iter().map(|image| descriptor(&image.manifest)).collect();
    let registry = Script::serving(samples.collect())
        .rule(move |request| {
            let subject = request.path().split_once("/referrers/")?.1.to_owned();
            if subject != root.digest.to_string() {
                return Some(page(&[], None));
            }
            let number = request.target.split_once("last=").map_or(0, |(_, n)| n.parse().unwrap_or(0));
            let next = format!("/v2/{REPOSITORY}/referrers/{subject}?last={}", number + 1);
            Some(page(&entries[number..=number], (number < 2).then_some(next.as_str())))
        })
        .start();
    let airlift = Airlift::new();
    let built = build(&airlift, &registry.authority(), &[]).expect(0);
    assert_eq!(attached(&built).len(), 3);
    airlift.run(&["verify", "b.tar"]).expect(0);
}

#[test]
fn endless_pages_come_to_an_end() {
    // The same page again, and ever new ones.
    for ever_new in [false, true] {
        let sample = made::two_platforms(REPOSITORY, 1);
        let registry = Script::serving(vec![sample])
            .rule(move |request| {
                let path = request.path();
                path.contains("/referrers/").then(|| {
                    let number = if ever_new { request.number } else { 0 };
                    page(&[], Some(&format!("{path}?n={number}")))
                })
            })
            .start();
        let refused = build(&Airlift::new(), &registry.authority(), &[]).expect(3);
        assert!(registry.count("GET", "/referrers/") < 5_000, "{refused}");
        refused.says("end");
    }
    let (registry, _) = scripted(|target| {
        target.contains("/referrers/").then(|| page(&[], Some("http://127.0.0.1:1/elsewhere")))
    });
    build(&Airlift::new(), &registry.authority(), &[]).expect(3).says("another host");
}

/// One referrer of the index, listed as `listed` and served as `served`.
fn lying(listed: Value, digest: Digest, served: Option<Content>) -> Ran {
    let sample = made::two_platforms(REPOSITORY, 1);
    let root = sample.root.digest.to_string();
    let registry = Script::serving(vec![sample])
        .rule(move |request| {
            let (_, subject) = request.path().split_once("/referrers/")?;
            Some(page(if subject == root { std::slice::from_ref(&listed) } else { &[] }, None))
        })
        .rule(move |request| {
            let served = served.as_ref()?;
            request
                .path()
                .ends_with(&digest.to_string())
                .then(|| Answer::ok(&served.media_type, served.bytes.to_vec()))
        })
        .start();
    let airlift = Airlift::new();
    let ran = build(&airlift, &registry.authority(), &[]).expect(3);
    assert_eq!(airlift.files(), [""; 0]);
    ran
}

#[test]
fn a_referrer_is_what_its_list_says() {
    let root = made::two_platforms(REPOSITORY, 1).root;
    let referrer = made::referrer(&root, "application/x", "true").manifest;
    let other = made::referrer(&root, "application/x", "evil").manifest;
    let digest = referrer.digest;
    lying(descriptor(&referrer), digest, Some(other)).says(&digest.to_string());
    lying(descriptor(&referrer), digest, None).says("is not there");
    let mut larger = descriptor(&referrer);
    larger["size"] = (referrer.bytes.len() + 1).into();
    lying(larger, digest, Some(referrer.clone()));
    let mut typed = descriptor(&referrer);
    typed["mediaType"] = media_type::OCI_INDEX.into();
    lying(typed, digest, Some(referrer));
    // Attached to something else, or to nothing.
    let elsewhere = made::referrer(&made::image("linux/amd64", 9).manifest, "application/x", "x").manifest;
    lying(descriptor(&elsewhere), elsewhere.digest, Some(elsewhere.clone())).says("attached to sha256:");
    let nothing = made::signature("of nothing").manifest;
    lying(descriptor(&nothing), nothing.digest, Some(nothing.clone())).says("attached to nothing");
}
