//! Registries that fail, lie or answer endlessly when Airlift asks what is attached.

use std::sync::{Condvar, Mutex};
use std::time::Duration;

use airlift_oci::{Digest, media_type};
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

/// Airlift concludes "no signatures" only if the registry says so. In each case, the image alone can be
/// built.
#[test]
fn an_error_is_never_taken_for_nothing_attached() {
    for (part, statuses) in [
        ("/referrers/", &[408, 429, 500, 503][..]),
        ("/manifests/sha256-", &[400, 401, 403, 405, 429, 500, 503]),
        (".sig", &[400, 401, 403, 405, 429, 500, 503]),
    ] {
        for status in statuses.iter().copied() {
            let (registry, _) =
                scripted(move |target| target.contains(part).then(|| Answer::error(status, "X", "no")));
            let airlift = Airlift::new();
            let refused = build(&airlift, &registry.authority(), &[]).expect(3);
            assert!(refused.stderr.contains(&status.to_string()), "{part} {status}: {refused}");
            refused.says("--referrers none");
            // Pulls are counted, so those that were made must not be lost.
            let kept: &[&str] = if status == 429 { &["b.tar.part.manifests"] } else { &[] };
            assert_eq!(airlift.files(), kept, "{part} {status}");
        }
    }
    for part in ["/manifests/sha256-", ".sig"] {
        let (registry, _) = scripted(move |target| {
            target.contains(part).then(|| Answer::ok("text/html", "<html>log in</html>"))
        });
        build(&Airlift::new(), &registry.authority(), &[]).expect(3).says("--referrers none");
    }
}

/// An image, a referrer of it, and the index under its fallback tag, at a registry whose referrers API
/// answers so.
fn without_api(answer: impl Fn() -> Answer + Send + Sync + 'static) -> (ScriptedRegistry, Digest) {
    let sample = made::two_platforms(REPOSITORY, 1);
    let referrer = made::referrer(&sample.root, "application/x", "by the fallback tag");
    let list = made::index(&[descriptor(&referrer.manifest)]);
    let tag = made::tag_of(&sample.root.digest, "");
    let digest = referrer.manifest.digest;
    let samples = vec![sample, Sample::of_image(REPOSITORY, "unused", referrer)];
    let script = Script::serving(samples)
        .rule(move |request| request.path().contains("/referrers/").then(&answer))
        .rule(move |request| {
            let is_list = request.path().ends_with(&tag);
            is_list.then(|| Answer::ok(&list.media_type, list.bytes.to_vec()))
        });
    (script.start(), digest)
}

#[test]
fn where_there_is_no_api_the_fallback_tag_is_asked() {
    let sent_away = || Answer::status(302).header("Location", "http://127.0.0.1:1@example.invalid/login");
    let answers: [fn() -> Answer; 11] = [
        || Answer::error(400, "UNSUPPORTED", "no"),
        || Answer::status(404),
        || Answer::status(405),
        || Answer::status(406),
        || Answer::status(410),
        || Answer::status(501),
        || Answer::ok("text/html", "<html>log in</html>"),
        || Answer::ok("application/json", "{}"),
        || Answer::ok("application/json", ""),
        || Answer::status(401),
        || Answer::status(403),
    ];
    for answer in answers.into_iter().chain([sent_away as fn() -> Answer]) {
        let (registry, referrer) = without_api(answer);
        let airlift = Airlift::new();
        let built = build(&airlift, &registry.authority(), &[]).expect(0);
        assert_eq!(attached(&built), [referrer.to_string()], "{:?}", answer());
        // A login that may be missing is reported, once.
        let withheld = ["401", "403"].iter().any(|status| format!("{:?}", answer()).contains(status));
        let told = built.stderr.matches("without a login").count();
        assert_eq!(told, usize::from(withheld), "{built}");
    }
}

/// Registries that read the tag `sha256-HEX` as the digest, and indexes under it that others put there.
#[test]
fn what_answers_for_the_fallback_tag_and_is_no_list_lists_nothing() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let other = Sample { tag: "other".to_owned(), ..made::two_platforms(REPOSITORY, 5) };
    let of_another = made::referrer(&other.root, "application/x", "of another");
    let (root, served) = (sample.root.clone(), vec![sample.clone(), other.clone()]);
    let strangers = made::index(&[descriptor(&of_another.manifest)]);
    let blobs = made::index(&[descriptor(&sample.blobs[0])]);
    for (answer, told) in [
        (None, 0),
        (Some(sample.manifests[0].clone()), 1),
        (Some(other.root), 1),
        (Some(strangers), 1),
        (Some(blobs), 1),
        (Some(made::index(&[])), 0),
        (
            Some(made::blob(
                "application/vnd.docker.distribution.manifest.v1+json",
                r#"{"schemaVersion":1}"#,
            )),
            1,
        ),
    ] {
        let root_tag = made::tag_of(&root.digest, "");
        let manifests = sample.manifests.clone();
        let samples = served.iter().cloned().chain([Sample::of_image(REPOSITORY, "x", of_another.clone())]);
        let registry = Script::serving(samples.collect())
            .rule(move |request| {
                let tag = request.path().split_once("/manifests/")?.1;
                let is_root = tag == root_tag;
                let found = match &answer {
                    Some(answer) => is_root.then_some(answer),
                    None => manifests.iter().find(|manifest| made::tag_of(&manifest.digest, "") == tag),
                };
                found.map(|found| Answer::ok(&found.media_type, found.bytes.to_vec()))
            })
            .start();
        let airlift = Airlift::new();
        let built = build(&airlift, &registry.authority(), &[]).expect(0);
        assert_eq!(attached(&built), [""; 0]);
        assert_eq!(built.stderr.matches("is no list of it").count(), told, "{built}");
        airlift.run(&["verify", "b.tar"]).expect(0);
    }
}

/// A list with an entry that is a referrer, one that isn't, and one that is gone.
#[test]
fn of_a_list_under_the_fallback_tag_the_referrers_are_taken() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let referrer = made::referrer(&sample.root, "application/x", "here");
    let gone = made::referrer(&sample.root, "application/x", "gone");
    let list = made::index(&[
        descriptor(&gone.manifest),
        descriptor(&referrer.manifest),
        descriptor(&sample.manifests[0]),
    ]);
    let tag = made::tag_of(&sample.root.digest, "");
    let samples = vec![sample.clone(), Sample::of_image(REPOSITORY, "unused", referrer.clone())];
    let registry = Script::serving(samples)
        .rule(move |request| {
            request.path().ends_with(&tag).then(|| Answer::ok(&list.media_type, list.bytes.to_vec()))
        })
        .start();
    let built = build(&Airlift::new(), &registry.authority(), &[]).expect(0);
    assert_eq!(attached(&built), [referrer.manifest.digest.to_string()]);
    let image = &built.json("airlift.build/v1")["images"][0];
    assert_eq!(image["missingReferrers"], json!([gone.manifest.digest]));
    built.says("is not there").says(&format!("lists {}", sample.manifests[0].digest));
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

/// Each referrer is handed out when all of them were asked for: one after the other, none would come.
#[test]
fn what_a_list_names_is_fetched_side_by_side() {
    let sample = made::two_platforms(REPOSITORY, 1);
    let root = sample.root.clone();
    let referrers: Vec<Image> =
        (0..5).map(|number| made::referrer(&root, "application/x", &format!("number {number}"))).collect();
    let samples =
        referrers.iter().map(|image| Sample::of_image(REPOSITORY, "unused", image.clone())).chain([sample]);
    let entries: Vec<Value> = referrers.iter().map(|image| descriptor(&image.manifest)).collect();
    let digests: Vec<String> = referrers.iter().map(|image| image.manifest.digest.to_string()).collect();
    let (expected, asked) = (digests.len(), Mutex::new(0));
    let all_asked = Condvar::new();
    let registry = Script::serving(samples.collect())
        .rule(move |request| {
            let (_, subject) = request.path().split_once("/referrers/")?;
            Some(page(if subject == root.digest.to_string() { &entries } else { &[] }, None))
        })
        .rule(move |request| {
            let (_, digest) = request.path().split_once("/manifests/")?;
            if digests.iter().any(|referrer| referrer == digest) {
                let mut asked = asked.lock().unwrap();
                *asked += 1;
                all_asked.notify_all();
                let patience = Duration::from_secs(20);
                let waited = all_asked.wait_timeout_while(asked, patience, |asked| *asked < expected);
                return waited.unwrap().1.timed_out().then(|| Answer::error(400, "X", "alone"));
            }
            None
        })
        .start();
    let built = build(&Airlift::new(), &registry.authority(), &[]).expect(0);
    assert_eq!(attached(&built).len(), 5);
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
    let ran = build(&airlift, &registry.authority(), &[]);
    assert_eq!(airlift.files().is_empty(), ran.code != 0, "{ran}");
    ran
}

#[test]
fn a_referrer_is_what_its_list_says() {
    let root = made::two_platforms(REPOSITORY, 1).root;
    let referrer = made::referrer(&root, "application/x", "true").manifest;
    let other = made::referrer(&root, "application/x", "evil").manifest;
    let digest = referrer.digest;
    lying(descriptor(&referrer), digest, Some(other)).expect(3).says(&digest.to_string());
    // What is gone can't be carried. If it were an error, the only way around it would be to carry nothing.
    let gone = lying(descriptor(&referrer), digest, None).expect(0).says("is not there");
    let image = &gone.json("airlift.build/v1")["images"][0];
    assert_eq!((&image["missingReferrers"], &image["referrers"]), (&json!([digest]), &json!([])));
    let mut unknown = descriptor(&referrer);
    unknown["mediaType"] = "application/vnd.example.manifest".into();
    lying(unknown, digest, None).expect(3).says("vnd.example.manifest").says("--referrers none");
    let mut larger = descriptor(&referrer);
    larger["size"] = (referrer.bytes.len() + 1).into();
    lying(larger, digest, Some(referrer.clone())).expect(3);
    let mut typed = descriptor(&referrer);
    typed["mediaType"] = media_type::OCI_INDEX.into();
    lying(typed, digest, Some(referrer)).expect(3);
    // Attached to something else, or to nothing.
    let elsewhere = made::referrer(&made::image("linux/amd64", 9).manifest, "application/x", "x").manifest;
    lying(descriptor(&elsewhere), elsewhere.digest, Some(elsewhere.clone()))
        .expect(3)
        .says("attached to sha256:");
    let nothing = made::signature("of nothing").manifest;
    lying(descriptor(&nothing), nothing.digest, Some(nothing.clone())).expect(3).says("attached to nothing");
}
