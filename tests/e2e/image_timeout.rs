//! `--image-timeout`: an image whose manifests don't come in time fails like any other.

use airlift_testkit::scripted::{Answer, Gate, Script};

use crate::airlift::Airlift;
use crate::made::two_platforms;

#[test]
fn an_image_that_does_not_come_in_time_is_named_and_left_out() {
    let named = [("team/fast", 10), ("team/slow", 20), ("team/late", 30)];
    let samples = named.map(|(name, seed)| two_platforms(name, seed));
    let child = samples[2].manifests[1].digest.to_string();
    let gate = Gate::new();
    let never = gate.clone();
    // Of one image the root never comes, of another one a platform.
    let source = Script::serving(samples.to_vec())
        .rule(move |request| {
            let is_late = request.path().contains("team/slow/manifests/") || request.path().ends_with(&child);
            is_late.then(|| Answer::error(404, "MANIFEST_UNKNOWN", "gone").after(&never))
        })
        .start();
    let airlift = Airlift::new();
    let images = ["fast", "slow", "late"].map(|name| format!("{}/team/{name}:1", source.authority()));
    std::fs::write(airlift.path("l.txt"), images.join("\n")).unwrap();
    let limited = ["-f", "l.txt", "--image-timeout", "3"];
    let refused = airlift.run(&[&["lock", "-o", "i.lock"], &limited[..]].concat()).expect(3);
    refused
        .says("team/slow:1 did not come within 3 s")
        .says("team/late:1 → linux/arm64 did not come within 3 s");
    assert!(!airlift.path("i.lock").exists());
    let keep_going = ["build", "-o", "b.tar", "--keep-going", "--failed", "failed.txt"];
    let built = airlift.run(&[&keep_going, &limited[..]].concat()).expect(3);
    built.says("team/slow:1 did not come within 3 s");
    let failed = String::from_utf8(airlift.read("failed.txt")).unwrap();
    assert_eq!(failed, format!("{}\n{}\n", images[2], images[1]));
    airlift.run(&["verify", "b.tar"]).expect(0);
    gate.open();
    let help = airlift.run(&["build", "--help"]).expect(0);
    help.says("--image-timeout <SECONDS>").says("manifests");
}
