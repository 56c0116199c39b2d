//! `prune`: what may go, and what stays whatever a plan says.

mod edited;
mod hostile;
mod mapped;
mod protected;

use airlift_oci::Digest;
use airlift_server::Options;
use airlift_server::samples::{self, Child, IndexSpec, Sample};
use airlift_testkit::http::Endpoint;
use airlift_testkit::real::RealRegistry;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{Embedded, bundle, document, image, index, referrer};

/// A target to which two versions of `team/a` and one of `team/b` were pushed. The new `team/a` shares a
/// platform with the old one. `old.lock` and `old.json` are of the first push, `new.lock` and `new.json` of
/// the second.
struct Stage {
    airlift: Airlift,
    target: Endpoint,
    old: Vec<Sample>,
    new: Sample,
    _source: Embedded,
}

impl Stage {
    fn at(target: &Endpoint) -> Stage {
        let (airlift, source, old) = bundle(&["team/a", "team/b"], &[]);
        let images = vec![image("linux/amd64", 50), image("linux/arm64", 11)];
        let children = images.iter().map(Child::from).collect();
        let root = samples::index(&IndexSpec { children, ..IndexSpec::default() });
        let new = Sample::of_index("team/a", "1", root, Vec::new(), images);
        let target = Endpoint::new(target.authority());
        airlift.run(&["inspect", "b.tar", "--lock", "old.lock"]).expect(0);
        airlift.run(&["push", "b.tar", target.authority(), "--receipt", "old.json"]).expect(0);
        source.endpoint().push(std::slice::from_ref(&new));
        airlift.run(&["build", &format!("{}/team/a:1", source.authority()), "-o", "n.tar"]).expect(0);
        airlift.run(&["inspect", "n.tar", "--lock", "new.lock"]).expect(0);
        let push = ["push", "n.tar", target.authority(), "--move-tags", "--receipt", "new.json"];
        airlift.run(&push).expect(0);
        Stage { airlift, target, old, new, _source: source }
    }

    fn plan(&self, keep: &str) -> Value {
        let arguments = [
            "--json",
            "prune",
            self.target.authority(),
            "--old",
            "old.lock",
            "--keep",
            keep,
            "-o",
            "plan.json",
        ];
        self.airlift.run(&arguments).expect(0).json("airlift.prune/v1")
    }

    fn apply(&self, code: i32) -> Ran {
        self.airlift.run(&["--json", "prune", self.target.authority(), "--apply", "plan.json"]).expect(code)
    }

    fn has(&self, repository: &str, digest: &Digest) -> bool {
        self.target.try_manifest(repository, &digest.to_string()).status == 200
    }

    /// What was left, with the reason.
    fn left(&self, code: i32) -> Vec<(String, String)> {
        let result = self.apply(code).json("airlift.prune-result/v1");
        assert_eq!(result["ok"], false);
        let text = |one: &Value, name: &str| one[name].as_str().unwrap().to_owned();
        let left = result["left"].as_array().unwrap().iter();
        left.map(|one| (text(one, "digest"), text(one, "why"))).collect()
    }

    /// The digest of a platform of an old image.
    fn platform(&self, image: usize, number: usize) -> Digest {
        self.old[image].manifests[number].digest
    }
}

fn digests(plan: &Value) -> Vec<String> {
    let deletions = plan["delete"].as_array().unwrap().iter();
    deletions.map(|one| one["digest"].as_str().unwrap().to_owned()).collect()
}

fn texts(digests: &[Digest]) -> Vec<String> {
    digests.iter().map(ToString::to_string).collect()
}

/// Runs a test at the embedded registry and at Debian's.
fn at_both(test: impl Fn(&Stage)) {
    let embedded = Embedded::start(Options::default());
    test(&Stage::at(embedded.endpoint()));
    if let Some(debian) = RealRegistry::debian().start() {
        test(&Stage::at(debian.endpoint()));
    }
}

#[test]
fn what_nothing_else_needs_goes_and_the_rest_stays() {
    at_both(|stage| {
        let plan = stage.plan("new.lock");
        let [a, b] = [&stage.old[0], &stage.old[1]];
        let wanted =
            [a.root.digest, stage.platform(0, 0), b.root.digest, stage.platform(1, 0), stage.platform(1, 1)];
        assert_eq!(digests(&plan), texts(&wanted), "an index before its children; the shared platform stays");
        assert_eq!((&plan["delete"][0]["tags"], &plan["delete"][2]["tags"]), (&json!([]), &json!(["1"])));
        assert_eq!(plan["target"], stage.target.authority());
        assert!(stage.has("team/a", &a.root.digest), "a plan deletes nothing");
        let result = stage.apply(0).json("airlift.prune-result/v1");
        assert_eq!((&result["ok"], result["deleted"].as_array().unwrap().len()), (&json!(true), 5));
        assert!(wanted[..2].iter().all(|digest| !stage.has("team/a", digest)));
        assert!(wanted[2..].iter().all(|digest| !stage.has("team/b", digest)));
        stage.target.assert_holds(&stage.new, "team/a");
        // What is gone is done, and another plan has nothing left to do.
        stage.apply(0);
        assert_eq!(digests(&stage.plan("new.lock")), [""; 0]);
    });
}

#[test]
fn what_a_kept_lock_or_receipt_holds_stays() {
    at_both(|stage| {
        for (keep, count) in [("new.json", 5), ("old.lock", 0), ("old.json", 0)] {
            assert_eq!(digests(&stage.plan(keep)).len(), count, "{keep}");
        }
        let host = stage.target.authority();
        let plan = stage.airlift.run(&["prune", host, "--old", "old.json", "--keep", "new.lock"]).expect(0);
        assert!(plan.text().contains("5 manifests can go; nothing was deleted"), "{}", plan.text());
        let only = ["prune", host, "--old", "old.lock", "--keep", "new.lock", "--only", "*/team/b"];
        assert!(stage.airlift.run(&only).expect(0).text().contains("3 manifests"));
        // The kept lock has the name, and the target still has the old image under it.
        stage.target.push_manifest("team/a", "1", &stage.old[0].root).expect_status(201);
        let plan = stage.plan("new.lock");
        assert_eq!(digests(&plan).len(), 3, "all of team/a is in use: {plan}");
    });
}

#[test]
fn what_another_tag_names_stays_with_all_below_it() {
    at_both(|stage| {
        stage.target.push_manifest("team/b", "prod", &stage.old[1].root).expect_status(201);
        let text = stage.airlift.run(&[
            "prune",
            stage.target.authority(),
            "--old",
            "old.lock",
            "--keep",
            "new.lock",
        ]);
        assert!(text.expect(0).text().contains("the tag prod stands for it"));
        assert_eq!(
            digests(&stage.plan("new.lock")),
            texts(&[stage.old[0].root.digest, stage.platform(0, 0)])
        );
        // An index of someone else over a platform of the old one.
        let child = &stage.old[0].manifests[0];
        let other = index(&[crate::made::descriptor(child)]);
        stage.target.push_manifest("team/a", "other", &other).expect_status(201);
        assert_eq!(digests(&stage.plan("new.lock")), texts(&[stage.old[0].root.digest]));
    });
}

#[test]
fn tags_that_changed_since_the_plan_are_left_alone() {
    at_both(|stage| {
        stage.plan("new.lock");
        // A tag moves, a tag comes, and an index over a platform of the old image.
        let b = &stage.old[1];
        stage.target.push_manifest("team/b", "1", &b.manifests[0]).expect_status(201);
        stage.target.push_manifest("team/a", "back", &stage.old[0].root).expect_status(201);
        let left = stage.left(1);
        let text = |digest: Digest, why: &str| (digest.to_string(), why.to_owned());
        let wanted = [
            text(stage.old[0].root.digest, "tagged"),
            text(stage.platform(0, 0), "named"),
            text(b.root.digest, "moved"),
            text(stage.platform(1, 0), "tagged"),
            text(stage.platform(1, 1), "named"),
        ];
        assert_eq!(left, wanted);
        assert!(stage.has("team/a", &stage.old[0].root.digest) && stage.has("team/b", &b.root.digest));
    });
}

#[test]
fn a_new_index_keeps_what_it_names() {
    at_both(|stage| {
        stage.plan("new.lock");
        let other = index(&[crate::made::descriptor(&stage.old[1].manifests[1])]);
        stage.target.push_manifest("team/b", "other", &other).expect_status(201);
        assert_eq!(stage.left(1), [(stage.platform(1, 1).to_string(), "named".to_owned())]);
        assert!(stage.has("team/b", &stage.platform(1, 1)) && !stage.has("team/b", &stage.platform(1, 0)));
    });
}

#[test]
fn what_is_attached_goes_with_its_image() {
    at_both(|stage| {
        let subject = &stage.old[1].root;
        let signature = referrer(subject, "application/vnd.example.signature", "signed");
        let tagged = crate::made::signature("by tag");
        for image in [&signature, &tagged] {
            image.blobs.iter().for_each(|blob| stage.target.push_blob("team/b", &blob.bytes, &blob.digest));
        }
        let place = signature.manifest.digest.to_string();
        stage.target.push_manifest("team/b", &place, &signature.manifest).expect_status(201);
        let tag = format!("{}.sig", airlift_oci::graph::fallback_tag(&subject.digest));
        stage.target.push_manifest("team/b", &tag, &tagged.manifest).expect_status(201);
        let plan = stage.plan("new.lock");
        assert!(digests(&plan).contains(&tagged.manifest.digest.to_string()), "{plan}");
        // Debian's registry keeps no list of referrers.
        let referrers = format!("/v2/team/b/referrers/{}", subject.digest);
        let is_listed = stage.target.request("GET", &referrers, &[], b"").status == 200;
        assert_eq!(digests(&plan).contains(&place), is_listed, "{plan}");
        // If the image stays, so does its signature.
        stage.target.push_manifest("team/b", "prod", subject).expect_status(201);
        assert_eq!(digests(&stage.plan("new.lock")).len(), 2);
        stage.airlift.run(&["prune", stage.target.authority(), "--apply", "plan.json"]).expect(0);
        assert!(
            stage.has("team/b", &tagged.manifest.digest) && stage.has("team/b", &signature.manifest.digest)
        );
    });
}

#[test]
fn a_registry_that_deletes_nothing_says_so_once() {
    let Some(target) = RealRegistry::debian().without_deletion().start() else { return };
    let stage = Stage::at(target.endpoint());
    assert_eq!(digests(&stage.plan("new.lock")).len(), 5);
    let left = stage.left(3);
    assert!(left.len() == 5 && left.iter().all(|(_, why)| why == "disabled"), "{left:?}");
    let ran = stage.airlift.run(&["prune", stage.target.authority(), "--apply", "plan.json"]).expect(3);
    assert!(ran.text().contains("REGISTRY_STORAGE_DELETE_ENABLED"), "{}", ran.text());
    assert!(stage.has("team/b", &stage.old[1].root.digest));
}

#[test]
fn plans_are_read_strictly() {
    let embedded = Embedded::start(Options::default());
    let stage = Stage::at(embedded.endpoint());
    stage.plan("new.lock");
    let plan = String::from_utf8(stage.airlift.read("plan.json")).unwrap();
    let host = stage.target.authority();
    let digest = stage.old[1].root.digest.to_string();
    let twice = plan.replace(&stage.platform(1, 0).to_string(), &digest);
    for (changed, says) in [
        (plan.replace("prune/v1", "prune/v2"), "plan.json:2:3: this deletion plan is of version 2"),
        (plan.replacen(host, "other.example", 1), "is for the target other.example"),
        (plan.replacen(host, "user:S3cr3t@other.example", 1), "is for the target …@other.example"),
        (plan.replacen("\"listedBy\": []", "\"listedBy\": [\"a\"]", 1), "plan.json:9:20: "),
        (plan.replace(&format!("{host}/team/b"), "other.example/team/b"), "is not at the target"),
        (plan.replace("\"tags\"", "\"labels\""), "has no member 'labels' here"),
        (plan.replace(&digest, &digest[..40]), "plan.json:"),
        (twice, "is there twice"),
        (plan[..plan.len() / 2].to_owned(), "the rest was cut off"),
        (String::new(), "is empty"),
    ] {
        assert_ne!(changed, plan, "{says}");
        std::fs::write(stage.airlift.path("plan.json"), changed).unwrap();
        let ran = stage.apply(2);
        assert!(ran.stderr.contains(says), "{says}: {}", ran.stderr);
        assert!(!ran.stderr.contains("S3cr3t"), "{}", ran.stderr);
    }
    assert!(stage.has("team/b", &stage.old[1].root.digest));
    // An edited plan that names more than may go: what tags stand for stays.
    let entry = json!({"repository": format!("{host}/team/a"), "digest": stage.new.root.digest.to_string(), "tags": []});
    let edited = json!({"schema": "airlift.prune/v1", "target": host, "delete": [entry]});
    std::fs::write(stage.airlift.path("plan.json"), edited.to_string()).unwrap();
    assert_eq!(stage.left(1), [(stage.new.root.digest.to_string(), "tagged".to_owned())]);
}

#[test]
fn what_can_not_be_found_out_is_not_planned() {
    let (airlift, _source, _) = bundle(&["team/a"], &[]);
    airlift.run(&["inspect", "b.tar", "--lock", "old.lock"]).expect(0);
    let mut empty: Value = serde_json::from_slice(&airlift.read("old.lock")).unwrap();
    empty["images"] = json!([]);
    std::fs::write(airlift.path("new.lock"), empty.to_string()).unwrap();
    let nowhere = ["prune", "127.0.0.1:1", "--retries", "0", "--old", "old.lock", "--keep", "new.lock"];
    let ran = airlift.run(&[&nowhere[..], &["-o", "plan.json"]].concat()).expect(3);
    assert!(ran.stderr.contains("nothing is planned there"), "{}", ran.stderr);
    let target = Embedded::start(Options::default());
    let unknown = document(
        &json!({"schemaVersion": 2, "mediaType": airlift_oci::media_type::OCI_INDEX, "manifests": []}),
    );
    airlift.run(&["push", "b.tar", target.authority()]).expect(0);
    target.endpoint().push_manifest("team/a", "empty", &unknown).expect_status(201);
    let host = target.authority();
    airlift.run(&["prune", host, "--old", "old.lock", "--keep", "new.lock", "-o", "plan.json"]).expect(0);
    airlift.run(&["prune", host, "--old", "old.lock"]).expect(2);
    airlift.run(&["prune", host, "--old", "old.lock", "--keep", "b.tar"]).expect(2);
    airlift.run(&["prune", host, "--old", "old.lock", "--keep", "new.lock", "-o", "b.tar"]).expect(4);
    airlift.run(&["prune", host, "--old", "old.lock", "--keep", "new.lock", "-o", "new.lock"]).expect(2);
}
