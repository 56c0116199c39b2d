//! `airlift lock`, and builds from what it writes.

use airlift_server::Options;
use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Script};
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{Embedded, two_platforms};

/// The first time in these tests, and a later one.
const FIRST: &str = "1777888800";
const LATER: &str = "1777888900";

/// A registry with images of two platforms, and a folder with lists of them.
struct Locking {
    source: Embedded,
    airlift: Airlift,
}

impl Locking {
    fn start(images: &[(&str, &str)]) -> Self {
        let locking = Locking { source: Embedded::start(Options::default()), airlift: Airlift::new() };
        for (number, (repository, tag)) in (1_u64..).zip(images) {
            locking.put(repository, tag, 10 * number);
        }
        locking
    }

    /// Gives a tag an image that follows from `seed`.
    fn put(&self, repository: &str, tag: &str, seed: u64) -> Sample {
        let sample = Sample { tag: tag.to_owned(), ..two_platforms(repository, seed) };
        self.source.endpoint().push(std::slice::from_ref(&sample));
        sample
    }

    fn name(&self, rest: &str) -> String {
        format!("{}/{rest}", self.source.authority())
    }

    /// Writes a file in which `HOST` stands for the registry.
    fn write(&self, name: &str, text: &str) {
        std::fs::write(self.airlift.path(name), text.replace("HOST", self.source.authority())).unwrap();
    }

    fn lock_at(&self, epoch: &str, more: &[&str], code: i32) -> String {
        let mut command = self.airlift.command(&["lock", "-o", "images.lock"]);
        let ran = command.env("SOURCE_DATE_EPOCH", epoch).args(more).output().unwrap();
        let text = String::from_utf8_lossy(&[ran.stdout.clone(), ran.stderr.clone()].concat()).into_owned();
        assert_eq!(ran.status.code(), Some(code), "{more:?}\n{text}");
        text
    }

    fn images(&self) -> Vec<Value> {
        let lock: Value = serde_json::from_slice(&self.airlift.read("images.lock")).unwrap();
        lock["images"].as_array().unwrap().clone()
    }

    fn references(&self) -> Vec<String> {
        let name = |image: &Value| image["reference"].as_str().unwrap().to_owned();
        self.images().iter().map(name).map(|name| name.split_once('/').unwrap().1.to_owned()).collect()
    }

    fn build(&self, more: &[&str]) -> Ran {
        self.airlift.run(&[&["build", "-f", "images.lock", "-o", "b.tar"], more].concat())
    }
}

#[test]
fn a_bundle_is_a_function_of_its_lock() {
    let locking = Locking::start(&[("team/a", "1")]);
    let said = locking.lock_at(FIRST, &[&locking.name("team/a:1")], 0);
    assert!(said.contains("ADDED") || said.contains("added"), "{said}");
    let image = &locking.images()[0];
    let old = two_platforms("team/a", 10);
    assert_eq!(image["digest"], old.root.digest.to_string());
    assert_eq!(image["resolved"], "2026-05-04T10:00:00Z");
    let blobs: usize = old.blobs.iter().map(|blob| blob.bytes.len()).sum();
    assert_eq!(image["size"], blobs as u64, "configs and layers, and no manifests");
    assert_eq!(image["platforms"].as_array().unwrap().len(), 2);
    let before = locking.airlift.read("images.lock");
    locking.lock_at(LATER, &[&locking.name("team/a:1")], 0);
    assert!(before == locking.airlift.read("images.lock"), "nothing changed, so no byte does");

    locking.put("team/a", "1", 70);
    let built = locking.build(&[]).expect(0);
    assert!(!built.stderr.contains("has moved"), "no tag is asked for\n{built}");
    let report = locking.airlift.run(&["verify", "b.tar", "--lock", "images.lock", "--json"]).expect(0);
    assert_eq!(report.json("airlift.report/v1")["images"][0]["digest"], old.root.digest.to_string());
    let of_tag = locking.airlift.run(&["build", &locking.name("team/a:1"), "-o", "new.tar"]).expect(0);
    assert!(locking.airlift.read("b.tar") != locking.airlift.read("new.tar"), "{of_tag}");
}

#[test]
fn a_build_from_a_lock_asks_for_no_tag() {
    let sample = two_platforms("team/a", 1);
    let source = Script::serving(vec![sample.clone()]).start();
    let airlift = Airlift::new();
    airlift.run(&["lock", &format!("{}/team/a:1", source.authority()), "-o", "i.lock"]).expect(0);
    assert_eq!(source.count("GET", "/blobs/"), 0, "a lock takes no blob");
    let tags = || source.count("GET", "/manifests/1") + source.count("HEAD", "/manifests/1");
    let before = tags();
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(0);
    assert_eq!(tags(), before);
}

#[test]
fn an_update_moves_only_what_is_named() {
    let locking = Locking::start(&[("team/a", "1"), ("team/b", "1"), ("team/c", "1")]);
    locking.write("l.txt", "HOST/team/a:1\nHOST/team/b:1\nHOST/team/c:1\n");
    locking.lock_at(FIRST, &["-f", "l.txt"], 0);
    let old = locking.images();
    let (a, b) = (locking.put("team/a", "1", 71), locking.put("team/b", "1", 72));
    locking.lock_at(LATER, &["-f", "l.txt"], 0);
    assert_eq!(locking.images(), old, "entries stay");
    let said = locking.lock_at(LATER, &["-f", "l.txt", "--history", "2", "--update", "*team/a*"], 0);
    assert!(said.contains("moved") && said.contains("2 unchanged"), "{said}");
    let moved = locking.images();
    assert_eq!(moved[0]["digest"], a.root.digest.to_string());
    assert_eq!(moved[0]["resolved"], "2026-05-04T10:01:40Z");
    let past = json!([{"digest": old[0]["digest"], "resolved": "2026-05-04T10:00:00Z"}]);
    assert_eq!(moved[0]["history"], past);
    assert_eq!(moved[1..], old[1..]);
    let document =
        locking.airlift.run(&["--json", "lock", "-f", "l.txt", "-o", "images.lock", "--update", "--dry-run"]);
    let document = document.expect(0).json("airlift.lock-result/v1");
    assert_eq!((&document["written"], &document["unchanged"]), (&json!(false), &json!(2)));
    assert_eq!(document["images"][0]["to"], b.root.digest.to_string());
    assert_eq!(locking.images(), moved, "a dry run writes nothing");
    let said = locking.lock_at(LATER, &["-f", "l.txt", "--update", "ngnix"], 2);
    assert!(said.contains("nothing to update"), "{said}");

    locking.write("l.txt", "HOST/team/b:1\n");
    let said = locking.lock_at(LATER, &["-f", "l.txt"], 0);
    assert!(said.contains("removed") && locking.references() == ["team/b:1"], "{said}");
}

#[test]
fn a_lock_is_checked_without_a_network() {
    let locking = Locking::start(&[("team/a", "1"), ("team/b", "1")]);
    locking.write("i.yaml", "version: 1\ngroups:\n  base:\n    - HOST/team/a:1\n  more: [HOST/team/b:1]\n");
    locking.lock_at(FIRST, &["-f", "i.yaml"], 0);
    let Locking { source, airlift } = locking;
    let list = String::from_utf8(airlift.read("i.yaml")).unwrap();
    drop(source);
    let check = |code: i32| {
        let ran = airlift.run(&["lock", "-f", "i.yaml", "-o", "images.lock", "--check"]).expect(code);
        let json =
            airlift.run(&["--json", "lock", "-f", "i.yaml", "-o", "images.lock", "--check"]).expect(code);
        (ran, json.json("airlift.lock-check/v1"))
    };
    assert_eq!(check(0).1["ok"], true);
    std::fs::write(airlift.path("i.yaml"), list.replace("more: [", "other: [quay.io/new/app:2, ")).unwrap();
    let (text, document) = check(1);
    text.says("quay.io/new/app:2 is not in the lock").says("i.yaml:5:").says("other groups").says("hint:");
    let kinds: Vec<&str> = document["differences"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| one["difference"].as_str().unwrap())
        .collect();
    assert_eq!(kinds, ["missing", "groups"]);
    std::fs::write(airlift.path("i.yaml"), list.replace("  more:", "  #")).unwrap();
    check(1).0.says("no entry of the list asks for it");
}

#[test]
fn selectors_lock_tags_and_stay() {
    let tags = ["3.8", "3.9", "3.10", "latest", "4.0", "3.11-rc1"];
    let locking = Locking::start(&tags.map(|tag| ("pause", tag)));
    let list =
        "version: 1\ngroups:\n  base:\n    - {repo: HOST/pause, tags: {semver: \">=3.8 <4\", newest: 2}}\n";
    locking.write("i.yaml", list);
    locking.lock_at(FIRST, &["-f", "i.yaml"], 0);
    assert_eq!(locking.references(), ["pause:3.10", "pause:3.9"]);
    assert_eq!(locking.images()[0]["selector"], "semver >=3.8 <4, newest 2");
    assert_eq!(locking.images()[0]["groups"], json!(["base"]));
    locking.put("pause", "3.12", 90);
    locking.lock_at(LATER, &["-f", "i.yaml"], 0);
    assert_eq!(locking.references(), ["pause:3.10", "pause:3.9"], "a selector is sticky");
    locking.lock_at(LATER, &["-f", "i.yaml", "--check"], 0);
    locking.lock_at(LATER, &["-f", "i.yaml", "--update", "*pause"], 0);
    assert_eq!(locking.references(), ["pause:3.10", "pause:3.12"]);
    // A build from the list takes what the registry lists now.
    let built = locking.airlift.run(&["--json", "build", "-f", "i.yaml", "-o", "b.tar"]).expect(0);
    assert_eq!(built.json("airlift.build/v1")["images"].as_array().unwrap().len(), 2);
    locking.airlift.run(&["verify", "b.tar", "--lock", "images.lock"]).expect(0);

    locking.write("i.yaml", &list.replace(">=3.8 <4", ">=9"));
    let said = locking.lock_at(LATER, &["-f", "i.yaml"], 3);
    assert!(said.contains("none of 7 tags matches") && said.contains("there are 4.0, 3.12"), "{said}");
    assert!(said.contains("i.yaml:4:"), "{said}");
    assert_eq!(locking.references(), ["pause:3.10", "pause:3.12"], "nothing is written");
}

#[test]
fn five_thousand_tags_are_quick() {
    let sample = Sample { tag: "1.4999.0".to_owned(), ..two_platforms("pause", 1) };
    let tags: Vec<String> = (0..5000).map(|minor| format!("1.{minor}.0")).collect();
    let listed = json!({"name": "pause", "tags": tags}).to_string();
    let source = Script::serving(vec![sample])
        .rule(move |request| {
            let is_list = request.path().ends_with("/tags/list");
            is_list.then(|| Answer::ok("application/json", listed.clone()))
        })
        .start();
    let airlift = Airlift::new();
    let list =
        format!("version: 1\ngroups: {{a: [{{repo: {}/pause, tags: {{newest: 1}}}}]}}\n", source.authority());
    std::fs::write(airlift.path("i.yaml"), list).unwrap();
    airlift.run(&["lock", "-f", "i.yaml", "-o", "i.lock"]).expect(0).says("pause:1.4999.0");
    assert_eq!(source.count("GET", "/manifests/1."), 1);
}

#[test]
fn all_failing_images_are_named_and_nothing_is_written() {
    let locking = Locking::start(&[("team/a", "1")]);
    locking.write(
        "l.txt",
        "HOST/team/a:1\nHOST/team/b:1\nHOST/team/c:1\n127.0.0.1:1/x/y:1\n127.0.0.1:1/x/z:1\n",
    );
    let said = locking.lock_at(FIRST, &["-f", "l.txt", "--retries", "0"], 3);
    for name in ["team/b:1", "team/c:1", "127.0.0.1:1/x/y:1 and 1 more of that registry"] {
        assert!(said.contains(name), "{name}\n{said}");
    }
    assert!(!locking.airlift.path("images.lock").exists());
}

#[test]
fn two_digests_for_one_name_are_a_conflict_with_both_places() {
    let locking = Locking::start(&[("team/a", "1")]);
    let [one, other] = [1, 2].map(|number| format!("sha256:{number:064}"));
    locking.write("l.txt", &format!("HOST/team/a:1@{one}\n\nHOST/team/a:1@{other}\n"));
    let said = locking.lock_at(FIRST, &["-f", "l.txt"], 2);
    assert!(said.contains("l.txt:1:1") && said.contains("l.txt:3:1") && said.contains(&other), "{said}");
}

#[test]
fn what_is_not_as_it_was_locked_is_named() {
    let locking = Locking::start(&[("team/a", "1"), ("team/b", "1")]);
    locking.lock_at(FIRST, &[&locking.name("team/a:1"), &locking.name("team/b:1")], 0);
    let text = String::from_utf8(locking.airlift.read("images.lock")).unwrap();
    let size = locking.images()[0]["size"].to_string();
    std::fs::write(
        locking.airlift.path("images.lock"),
        text.replacen(&format!("\"size\": {size}"), "\"size\": 7", 1),
    )
    .unwrap();
    let refused = locking.build(&[]).expect(3);
    refused
        .says("team/a:1 is not as it was locked")
        .says("the lock says 7")
        .says("images.lock:5")
        .says(&size);
    let digest = locking.images()[1]["digest"].as_str().unwrap().to_owned();
    let gone = text.replace(&digest, &format!("sha256:{:064}", 7));
    std::fs::write(locking.airlift.path("images.lock"), gone).unwrap();
    let refused = locking.build(&[]).expect(3);
    refused.says("team/b:1@sha256:0000").says("is gone").says("images.lock:");
    let conflict = text.replacen("  \"images\"", "<<<<<<< HEAD\n  \"images\"", 1);
    std::fs::write(locking.airlift.path("images.lock"), conflict).unwrap();
    locking.build(&[]).expect(2).says("images.lock:3:1").says("merge");
    std::fs::write(locking.airlift.path("images.lock"), text.replace("lock/v1", "lock/v9")).unwrap();
    locking.build(&[]).expect(2).says("version 9");
}

#[test]
fn a_lock_with_other_platforms_than_its_index_is_neither_built_nor_verified() {
    let locking = Locking::start(&[("team/a", "1")]);
    locking.lock_at(FIRST, &[&locking.name("team/a:1"), "--platform", "linux/amd64"], 0);
    locking.build(&[]).expect(0);
    let right: Value = serde_json::from_slice(&locking.airlift.read("images.lock")).unwrap();
    let riscv = json!({"platform": "linux/riscv64", "digest": format!("sha256:{:064}", 7), "size": 5});
    let platforms = right["images"][0]["platforms"].as_array().unwrap().clone();
    for (wrong, says) in [
        (json!([platforms[0]]), "its platform is linux/arm64 (sha256:"),
        (json!([platforms[1]]), "its platform is linux/amd64 (sha256:"),
        (json!([]), "2 images are not as they were locked"),
        (json!([platforms[0], platforms[1], riscv]), "the lock says linux/riscv64 (sha256:"),
    ] {
        let mut lock = right.clone();
        lock["images"][0]["platforms"] = wrong;
        std::fs::write(locking.airlift.path("images.lock"), lock.to_string()).unwrap();
        locking
            .airlift
            .run(&["verify", "b.tar", "--lock", "images.lock"])
            .expect(1)
            .says("NOT WHAT WAS LOCKED");
        locking.build(&["--force"]).expect(3).says(says);
    }
    let mut lock = right.clone();
    lock["images"][0]["size"] = json!(1);
    std::fs::write(locking.airlift.path("images.lock"), lock.to_string()).unwrap();
    let verified = locking.airlift.run(&["verify", "b.tar", "--lock", "images.lock"]).expect(1);
    verified.says("the lock says something else of this digest: size");
}

#[test]
fn platforms_of_the_list_are_locked_and_built() {
    let locking = Locking::start(&[("team/a", "1"), ("team/b", "1")]);
    locking.write(
        "i.yaml",
        "version: 1\ndefaults: {platforms: [linux/amd64]}\ngroups:\n  a: [HOST/team/a:1, {ref: HOST/team/b:1, platforms: [linux/arm64]}]\n",
    );
    locking.lock_at(FIRST, &["-f", "i.yaml"], 0);
    assert_eq!(locking.images()[0]["choose"], json!({"platforms": ["linux/amd64"]}));
    assert_eq!(locking.images()[0]["size"], locking.images()[0]["platforms"][0]["size"]);
    let built = locking.airlift.run(&["--json", "build", "-f", "images.lock", "-o", "b.tar"]).expect(0);
    let built = built.json("airlift.build/v1");
    assert_eq!(built["images"][0]["platforms"], json!(["linux/amd64"]));
    assert_eq!(built["images"][1]["platforms"], json!(["linux/arm64"]));
    locking.airlift.run(&["verify", "b.tar", "--lock", "images.lock"]).expect(0);
    // Other platforms are asked for below the locked digest, and no tag is.
    locking.put("team/a", "1", 77);
    let list = String::from_utf8(locking.airlift.read("i.yaml")).unwrap();
    std::fs::write(
        locking.airlift.path("i.yaml"),
        list.replace("defaults: {platforms: [linux/amd64]}\n", ""),
    )
    .unwrap();
    let before = locking.images();
    locking.lock_at(LATER, &["-f", "i.yaml"], 0);
    let after = locking.images();
    assert_eq!((&after[0]["digest"], &after[0]["resolved"]), (&before[0]["digest"], &before[0]["resolved"]));
    assert!(after[0]["size"].as_u64() > before[0]["size"].as_u64() && after[0].get("choose").is_none());
}

#[test]
fn two_hundred_images_are_locked_built_and_verified() {
    let samples: Vec<Sample> =
        (0..200).map(|number| two_platforms(&format!("team/app{number:03}"), 1000 + 2 * number)).collect();
    let list: String = samples.iter().map(|sample| format!("HOST/{}:1\n", sample.repository)).collect();
    let source = Script::serving(samples).start();
    let airlift = Airlift::new();
    std::fs::write(airlift.path("l.txt"), list.replace("HOST", &source.authority())).unwrap();
    airlift.run(&["lock", "-f", "l.txt", "-o", "i.lock"]).expect(0).says("200 changes");
    airlift.run(&["lock", "-f", "l.txt", "-o", "i.lock", "--check"]).expect(0);
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar"]).expect(0);
    drop(source);
    airlift.run(&["verify", "b.tar", "--lock", "i.lock"]).expect(0);
}

#[test]
fn a_mirror_is_named_in_the_lock() {
    let sample = two_platforms("team/a", 1);
    let mirror = Script::serving(vec![Sample { repository: "hub/team/a".to_owned(), ..sample }]).start();
    let airlift = Airlift::new();
    let rule = format!("r.example={}/hub", mirror.authority());
    airlift.run(&["lock", "r.example/team/a:1", "-o", "i.lock", "--mirror", &rule]).expect(0);
    let lock: Value = serde_json::from_slice(&airlift.read("i.lock")).unwrap();
    assert_eq!(lock["images"][0]["reference"], "r.example/team/a:1");
    assert_eq!(lock["images"][0]["from"], format!("{}/hub/team/a", mirror.authority()));
    airlift.run(&["build", "-f", "i.lock", "-o", "b.tar", "--mirror", &rule]).expect(0);
    airlift.run(&["verify", "b.tar", "--lock", "i.lock"]).expect(0);
}

#[test]
fn an_image_of_docker_hub_is_locked_under_its_full_name() {
    let sample = two_platforms("hub/library/nginx", 1);
    let mirror = Script::serving(vec![sample]).start();
    let airlift = Airlift::new();
    let rule = format!("docker.io={}/hub", mirror.authority());
    for name in ["nginx:1", "docker.io/nginx:1", "docker.io/library/nginx:1"] {
        airlift.run(&["lock", name, "-o", "i.lock", "--mirror", &rule]).expect(0);
        let lock: Value = serde_json::from_slice(&airlift.read("i.lock")).unwrap();
        assert_eq!(lock["images"][0]["reference"], "docker.io/library/nginx:1", "{name}");
        airlift.run(&["lock", name, "-o", "i.lock", "--check"]).expect(0);
        std::fs::remove_file(airlift.path("i.lock")).unwrap();
    }
}
