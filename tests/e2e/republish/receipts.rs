//! What a receipt takes the place of, and what the end of a push says of damage.

use std::fs;
use std::os::unix::fs::symlink;
use std::process::{Command, Stdio};
use std::time::Duration;

use airlift_testkit::scripted::{Answer, Gate, Script};
use airlift_testkit::tamper::listing;
use serde_json::Value;

use crate::made::{Embedded, bundle};

const REPOSITORY: &str = "team/app";

#[test]
fn a_receipt_takes_the_place_of_a_receipt_only() {
    let target = Embedded::start(airlift_server::Options::default());
    let (airlift, source, _) = bundle(&[REPOSITORY], &[]);
    let reference = format!("{}/{REPOSITORY}:1", source.authority());
    airlift.run(&["build", &reference, "-o", "v.tar", "--volume-size", "64K"]).expect(0);
    fs::write(airlift.path("auth.json"), r#"{"auths":{}}"#).expect("its folder takes files");
    symlink("/dev/stdout", airlift.path("out")).expect("links can be made");
    let push = |bundle: &str, receipt: &str| {
        let arguments =
            ["push", bundle, target.authority(), "--auth-file", "auth.json", "--receipt", receipt];
        airlift.run(&arguments)
    };
    let before = airlift.files();
    let contents =
        || before.iter().filter(|name| *name != "out").map(|name| airlift.read(name)).collect::<Vec<_>>();
    let whole = contents();
    for receipt in ["b.tar", "v.tar.001", "v.tar.volumes.json", "auth.json", "out", ".", "v.tar"] {
        for bundle in ["b.tar", "v.tar"] {
            push(bundle, receipt).expect(4).says("the receipt").says(receipt);
        }
    }
    assert!(airlift.files() == before && contents() == whole, "something was replaced");
    assert_eq!(target.endpoint().try_manifest(REPOSITORY, "1").status, 404, "refused before anything moves");
    fs::write(airlift.path("r.json"), "").expect("its folder takes files");
    for _ in 0..2 {
        push("v.tar", "r.json").expect(0);
        let receipt: Value = serde_json::from_slice(&airlift.read("r.json")).expect("it is JSON");
        assert_eq!(receipt["schema"], "airlift.receipt/v1");
    }
}

/// One damaged image doesn't stop the others, and the push has failed.
#[test]
fn a_damaged_image_fails_alone_and_says_who_tells_more() {
    let target = Embedded::start(airlift_server::Options::default());
    let (airlift, _source, samples) = bundle(&["team/one", "team/two"], &[]);
    let own = samples[1]
        .blobs
        .iter()
        .map(|blob| blob.digest.hex())
        .find(|hex| samples[0].blobs.iter().all(|blob| blob.digest.hex() != *hex));
    let own = own.expect("it has a blob of its own");
    let entries = listing(&airlift.path("b.tar"));
    let blob = entries.iter().find(|entry| entry.name.ends_with(&own)).expect("it is in the bundle");
    let mut bytes = airlift.read("b.tar");
    bytes[blob.offset as usize] ^= 1;
    fs::write(airlift.path("b.tar"), bytes).expect("it can be written");
    let pushed = airlift.run(&["push", "b.tar", target.authority(), "--json"]).expect(3);
    let images = &pushed.json("airlift.receipt/v1")["images"];
    assert_eq!((&images[0]["status"], &images[1]["status"]), (&"pushed".into(), &"failed".into()));
    assert!(images[1]["error"].to_string().contains("airlift verify"), "{images}");
    target.endpoint().assert_holds(&samples[0], "team/one");
    assert_eq!(target.endpoint().try_manifest("team/two", "1").status, 404);
}

#[test]
fn a_server_that_says_yes_to_everything_is_no_registry() {
    let (airlift, _source, _) = bundle(&[REPOSITORY], &[]);
    for status in [200, 204] {
        let server = Script::empty().rule(move |_| Some(Answer::status(status))).start();
        for more in [&[][..], &["--dry-run"], &["--move-tags"]] {
            let authority = server.authority();
            let arguments = [&["push", "b.tar", &authority, "--retries", "0"], more].concat();
            let ran = airlift.run(&arguments).expect(3);
            assert!(!ran.stderr.contains("--move-tags moves"), "{ran}");
        }
        assert_eq!(server.count("POST", "") + server.count("PUT", ""), 0, "{status}");
    }
}

/// A push that is interrupted leaves the receipt of what it did, and no other file. Before its first image is
/// through there is none, but an earlier push's receipt doesn't pass for this one's.
#[test]
fn an_interrupted_push_leaves_a_receipt_of_what_it_did() {
    for (stalls, earlier) in [("team/one", false), ("team/one", true), ("team/two", false)] {
        let target = Embedded::start(airlift_server::Options::default());
        let (airlift, _source, _) = bundle(&["team/one", "team/two", "team/zoo"], &[]);
        if earlier {
            std::fs::write(airlift.path("r.json"), r#"{"schema":"airlift.receipt/v1","ok":true}"#).unwrap();
        }
        let (before, gate) = (airlift.files(), Gate::new());
        let held = gate.clone();
        let registry = Script::forwarding(target.authority())
            .rule(move |request| {
                let is_it = request.method == "POST" && request.path().contains(stalls);
                is_it.then(|| Answer::status(500).after(&held))
            })
            .start();
        let authority = registry.authority();
        let arguments = ["push", "b.tar", &authority, "--jobs", "1", "--receipt", "r.json", "--no-probe"];
        let mut child =
            airlift.command(&arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        while registry.count("POST", stalls) == 0 {
            std::thread::sleep(Duration::from_millis(2));
        }
        let kill = Command::new("sh").args(["-c", &format!("kill -INT {}", child.id())]).status().unwrap();
        assert!(kill.success());
        assert_eq!(child.wait().unwrap().code(), Some(130));
        gate.open();
        let is_written = earlier || stalls == "team/two";
        let mut expected = before;
        if is_written && !earlier {
            expected.push("r.json".to_owned());
        }
        assert_eq!(airlift.files(), expected, "{stalls}");
        if !is_written {
            continue;
        }
        let receipt: Value = serde_json::from_slice(&airlift.read("r.json")).unwrap();
        assert_eq!((&receipt["ok"], &receipt["interrupted"]), (&false.into(), &true.into()));
        let images = receipt["images"].as_array().unwrap();
        let found: Vec<(&str, bool)> = images
            .iter()
            .map(|image| (image["status"].as_str().unwrap(), image["ok"].as_bool().unwrap()))
            .collect();
        let first = match stalls {
            "team/one" => [("interrupted", false), ("waiting", false)],
            _ => [("pushed", true), ("interrupted", false)],
        };
        assert_eq!(found, [&first[..], &[("waiting", false)]].concat(), "{receipt}");
    }
}
