//! Builds of which some images fail: all of them are named, and `--keep-going` builds a bundle of the rest.

use airlift_server::Options;
use airlift_server::samples::Sample;
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};
use serde_json::json;

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded, two_platforms};

const REPOSITORIES: [&str; 4] = ["team/a", "team/b", "team/c", "team/d"];

/// A registry that lacks what `is_gone` says of a path, and a list of its images.
struct Lacking {
    source: ScriptedRegistry,
    airlift: Airlift,
    samples: Vec<Sample>,
}

impl Lacking {
    fn start(is_gone: impl Fn(&[Sample], &str) -> bool + Send + Sync + 'static) -> Self {
        let numbered = (1_u64..).zip(REPOSITORIES);
        let samples: Vec<Sample> =
            numbered.map(|(number, repository)| two_platforms(repository, 10 * number)).collect();
        let known = samples.clone();
        let source = Script::serving(samples.clone())
            .rule(move |request| {
                let gone = is_gone(&known, request.path());
                gone.then(|| Answer::error(404, "MANIFEST_UNKNOWN", "gone"))
            })
            .start();
        let airlift = Airlift::new();
        let list: String =
            samples.iter().map(|one| format!("{}/{}:1\n", source.authority(), one.repository)).collect();
        std::fs::write(airlift.path("l.txt"), list).unwrap();
        Lacking { source, airlift, samples }
    }

    fn build(&self, more: &[&str]) -> Ran {
        let build = ["build", "-f", "l.txt", "-o", "b.tar", "--failed", "failed.txt", "--retries", "0"];
        self.airlift.run(&[&build, more].concat())
    }

    fn failed(&self) -> String {
        String::from_utf8(self.airlift.read("failed.txt")).unwrap()
    }

    /// The references of these repositories, as a list.
    fn list(&self, repositories: &[&str]) -> String {
        repositories.iter().map(|one| format!("{}/{one}:1\n", self.source.authority())).collect()
    }

    /// Panics unless `b.tar` is the bundle of these images alone.
    fn assert_holds(&self, repositories: &[&str]) {
        std::fs::write(self.airlift.path("rest.txt"), self.list(repositories)).unwrap();
        self.airlift.run(&["build", "-f", "rest.txt", "-o", "rest.tar"]).expect(0);
        assert!(self.airlift.read("b.tar") == self.airlift.read("rest.tar"), "the bundle is another one");
        self.airlift.run(&["verify", "b.tar"]).expect(0);
    }
}

#[test]
fn every_failing_image_is_named_in_one_run() {
    // One is gone, of one a platform is, and of one what is attached can't be asked for.
    let lacking = Lacking::start(|samples, path| {
        let child = samples[1].manifests[0].digest.to_string();
        path.ends_with("team/a/manifests/1") || path.ends_with(&child)
    });
    let refused = lacking.build(&["--platform", "linux/amd64"]).expect(3);
    refused.says("team/a:1 is not there").says("team/b:1 → linux/amd64 is missing at the source");
    assert_eq!(lacking.failed(), lacking.list(&["team/a", "team/b"]));
    assert!(!lacking.airlift.path("b.tar").exists());

    let ran = lacking.build(&["--platform", "linux/amd64", "--keep-going", "--json"]).expect(3);
    let document = ran.json("airlift.build/v1");
    let named = |name: &str| json!(format!("{}/{name}:1", lacking.source.authority()));
    assert_eq!(document["failed"], json!([named("team/a"), named("team/b")]));
    assert_eq!(document["images"].as_array().unwrap().len(), 2);
    ran.says("left out: ");
    assert_eq!(lacking.failed(), lacking.list(&["team/a", "team/b"]));
    // The list of what failed is a list.
    lacking.airlift.run(&["build", "-f", "failed.txt", "-o", "c.tar", "--dry-run"]).expect(3);
}

#[test]
fn images_that_fail_for_one_reason_are_each_named_beside_others() {
    let lacking = Lacking::start(|_, path| path.ends_with("team/a/manifests/1"));
    let ran = lacking.build(&["--platform", "linux/riscv64"]);
    assert_ne!(ran.code, 0);
    let ran = REPOSITORIES.iter().fold(ran, |ran, one| ran.says(&format!("{one}:1")));
    ran.says("4 images can't be had");
}

#[test]
fn an_image_with_a_blob_that_is_gone_is_left_out() {
    let lacking = Lacking::start(|samples, path| {
        path.ends_with(&samples[1].blobs[1].digest.to_string()) && path.contains("/blobs/")
    });
    // One after the other, so that the first image is there before the second one fails.
    lacking.build(&["--jobs", "1"]).expect(3).says("team/b:1 → linux/amd64");
    assert_eq!(lacking.failed(), lacking.list(&["team/b"]));
    let ran = lacking.build(&["--keep-going", "--jobs", "1"]).expect(3);
    ran.says("left out: can't fetch").says("bundle");
    assert_eq!(lacking.failed(), lacking.list(&["team/b"]));
    // What arrived before is not fetched again.
    let layer = lacking.samples[0].blobs[1].digest.to_string();
    assert_eq!(lacking.source.count("GET", &layer), 1);
    lacking.assert_holds(&["team/a", "team/c", "team/d"]);
    let files = lacking.airlift.files();
    assert!(!files.iter().any(|file| file.contains(".part")), "{files:?}");
}

#[test]
fn a_layout_that_is_not_there_fails_beside_the_others() {
    let lacking = Lacking::start(|_, path| path.ends_with("team/a/manifests/1"));
    let list =
        format!("oci-archive:gone.tar:one\noci-archive:gone.tar:two\n{}", lacking.list(&REPOSITORIES[..2]));
    std::fs::write(lacking.airlift.path("l.txt"), list).unwrap();
    std::fs::write(lacking.airlift.path("failed.txt"), "old/list:1\n").unwrap();
    let failed =
        format!("{}oci-archive:gone.tar:one\noci-archive:gone.tar:two\n", lacking.list(&REPOSITORIES[..1]));
    let refused = lacking.build(&[]).expect(4).says("can't take images from oci-archive:gone.tar");
    refused.says("No such file").says("team/a:1 is not there").says("2 references can't be resolved");
    assert_eq!(lacking.failed(), failed);
    let ran = lacking.build(&["--keep-going"]).expect(3);
    ran.says("left out: can't take images from oci-archive:gone.tar");
    assert_eq!(lacking.failed(), failed);
    lacking.assert_holds(&["team/b"]);
    let locked = lacking.airlift.run(&["lock", "-f", "l.txt", "-o", "i.lock", "--retries", "0"]).expect(4);
    assert_eq!(locked.says("team/a:1 is not there").stderr.matches("from oci-archive:gone.tar").count(), 1);
}

#[test]
fn where_nothing_fails_the_list_is_empty() {
    let lacking = Lacking::start(|_, _| false);
    lacking.build(&["--keep-going"]).expect(0);
    assert_eq!(lacking.failed(), "");
    lacking.assert_holds(&REPOSITORIES);
}

#[test]
fn where_nothing_is_left_there_is_no_bundle() {
    let lacking = Lacking::start(|_, path| path.ends_with("/manifests/1"));
    lacking.build(&["--keep-going"]).expect(3).says("4 references can't be resolved");
    assert_eq!(lacking.failed(), lacking.list(&REPOSITORIES));
    assert!(!lacking.airlift.path("b.tar").exists());
}

#[test]
fn a_registry_that_is_down_leaves_the_others() {
    let lacking = Lacking::start(|_, _| false);
    let list = format!("{}127.0.0.1:1/x/y:1\n127.0.0.1:1/x/z:1\n", lacking.list(&["team/a"]));
    std::fs::write(lacking.airlift.path("l.txt"), list).unwrap();
    lacking.build(&["--keep-going"]).expect(3);
    assert_eq!(lacking.failed(), "127.0.0.1:1/x/y:1\n127.0.0.1:1/x/z:1\n");
    lacking.assert_holds(&["team/a"]);
}

/// What a list of references can't say stands above each reference as a comment.
#[test]
fn what_a_list_chose_of_a_failing_image_stands_above_its_reference() {
    let lacking = Lacking::start(|_, path| path.ends_with("/manifests/1") && !path.contains("team/d/"));
    let list = "version: 1\ngroups:\n  all:\n    - {ref: HOST/team/a:1, platforms: [linux/amd64, linux/arm64], referrers: none}\n    - HOST/team/b:1\n    - {ref: HOST/team/c:1, platforms: all}\n    - HOST/team/d:1\n    - {repo: HOST/team/e, tags: {newest: 1}}\n";
    let host = lacking.source.authority();
    std::fs::write(lacking.airlift.path("i.yaml"), list.replace("HOST", &host)).unwrap();
    let build = ["build", "-f", "i.yaml", "-o", "b.tar", "--failed", "failed.txt", "--retries", "0"];
    lacking.airlift.run(&build).expect(3);
    let a = format!("# platforms: linux/amd64,linux/arm64; referrers: none\n{host}/team/a:1\n");
    let (selector, failed) = (format!("# {host}/team/e (semver *, newest 1)\n"), lacking.failed());
    assert!(failed.contains(&selector), "{failed}");
    assert_eq!(failed.replace(&selector, ""), a.clone() + &lacking.list(&["team/b", "team/c"]));
    // Beside the command line's choice.
    lacking.airlift.run(&[&build[..], &["--platform", "linux/amd64"]].concat()).expect(3);
    let c = format!("# platforms: all\n{host}/team/c:1\n");
    let failed = lacking.failed().replace(&selector, "");
    assert_eq!(failed, a + &lacking.list(&["team/b"]) + &c);
    lacking.airlift.run(&["build", "-f", "failed.txt", "-o", "c.tar", "--retries", "0"]).expect(3);

    // Comments alone ask for nothing.
    std::fs::write(lacking.airlift.path("failed.txt"), &selector).unwrap();
    let nothing = lacking.airlift.run(&["build", "-f", "failed.txt", "-o", "c.tar"]).expect(2);
    nothing.says("failed.txt has only comments: no image was asked for");
    std::fs::write(lacking.airlift.path("failed.txt"), "").unwrap();
    let nothing = lacking.airlift.run(&["lock", "-f", "failed.txt", "-o", "c.lock"]).expect(2);
    nothing.says("failed.txt is empty");
}

/// By their names in the bundle, a registry would be asked, which has other images or none.
#[test]
fn an_image_of_a_layout_is_listed_by_its_place_there() {
    let (airlift, source, samples) = made::bundle(&["team/app", "team/web"], &[]);
    airlift.unpack("b.tar", "folder");
    let host = source.authority();
    let index = airlift.read("folder/index.json");
    let layer = format!("folder/blobs/sha256/{}", samples[1].blobs[1].digest.hex());
    let mut damaged = airlift.read(&layer);
    damaged[0] ^= 1;
    std::fs::write(airlift.path(&layer), damaged).unwrap();
    let run = |arguments: &[&str]| {
        // If nothing is left, the damage of the layout decides the exit code.
        let ran = airlift.run(&[arguments, &["--keep-going", "--failed", "failed.txt"]].concat());
        assert!([1, 3].contains(&ran.code), "{ran}");
        String::from_utf8(airlift.read("failed.txt")).unwrap()
    };
    let registry = format!("{host}/team/app:1");
    // A registry has another image by that name.
    let renamed = format!("oci:folder:*/web:1={registry}");
    let of_all = format!("oci:folder:{host}/team/web:1");
    for (asked, failed) in [("oci:folder", &of_all), (&renamed, &renamed), (&of_all, &of_all)] {
        let more = format!("{host}/team/gone:1");
        let listed = run(&["build", asked, &more, "-o", "o.tar", "--force"]);
        assert_eq!(listed, format!("{more}\n{failed}\n"), "{asked}");
        // Asked again, the same fails, and nothing is taken from elsewhere.
        airlift
            .run(&["build", "-f", "failed.txt", "-o", "p.tar", "--keep-going"])
            .expect(1)
            .says("oci:folder");
        assert!(!airlift.path("p.tar").exists(), "{asked}");
        let _ = std::fs::remove_file(airlift.path("o.tar"));
    }
    let target = Embedded::start(Options::default());
    let copied = run(&["copy", "oci:folder", target.authority()]);
    assert_eq!(copied, format!("{of_all}\n"));
    // Bare tags, and names that are given for several images.
    let (one, other) = (format!("{host}/team/app:1"), format!("{host}/team/web:1"));
    let bare = String::from_utf8(index).unwrap().replace(&one, "one").replace(&other, "other");
    std::fs::write(airlift.path("folder/index.json"), bare).unwrap();
    let digest = samples[1].root.digest;
    for (asked, failed) in [
        ("oci:folder", "oci:folder:other".to_owned()),
        ("oci:folder=r.example/x", format!("oci:folder:{digest}=r.example/x:other")),
    ] {
        assert_eq!(run(&["build", asked, "-o", "o.tar", "--force"]), format!("{failed}\n"), "{asked}");
        assert!(airlift.path("o.tar").exists(), "{asked}");
    }
    airlift.run(&["lock", "oci:folder=r.example/x", "-o", "i.lock"]).expect(0);
    let locked = run(&["build", "-f", "i.lock", "-o", "o.tar", "--force"]);
    assert_eq!(locked, format!("oci:folder:{digest}=r.example/x:other\n"));
}

/// The name of an image of a layout says nothing of where it comes from.
#[test]
fn a_registry_that_goes_down_takes_no_image_of_a_layout_with_it() {
    let lacking = Lacking::start(|_, _| false);
    let host = lacking.source.authority();
    lacking.airlift.run(&["build", &format!("{host}/team/b:1"), "-o", "b.tar"]).expect(0);
    let down = Script::serving(lacking.samples.clone())
        .rule(|request| request.is_blob().then(Answer::reset))
        .start();
    let host = down.authority();
    let layout = format!("oci-archive:b.tar={host}/team/x:1");
    let build = ["build", &layout, &format!("{host}/team/a:1"), "-o", "o.tar", "--keep-going"];
    let more = ["--failed", "failed.txt", "--retries", "0"];
    lacking.airlift.run(&[&build[..], &more].concat()).expect(3);
    assert_eq!(lacking.failed(), format!("{host}/team/a:1\n"));
    lacking.airlift.run(&["inspect", "o.tar"]).expect(0).says("team/x:1");
}

/// A platform that an image lacks is a wrong wish (2); beside an image that can't be had, it is 3.
#[test]
fn a_missing_platform_has_one_exit_code_whatever_is_named_first() {
    let lacking = Lacking::start(|_, path| {
        path.ends_with("team/a/manifests/1") || path.ends_with("team/d/manifests/1")
    });
    for (lists, code) in [
        (&["team/b"][..], 2),
        (&["team/b", "team/c"], 2),
        (&["team/a", "team/b"], 3),
        (&["team/b", "team/d"], 3),
    ] {
        std::fs::write(lacking.airlift.path("l.txt"), lacking.list(lists)).unwrap();
        lacking.build(&["--platform", "linux/riscv64"]).expect(code).says("has no linux/riscv64");
    }
    lacking.build(&["--platform", "linux/riscv64", "--keep-going"]).expect(3);
}
