//! Tags that others hold, or take while a copy runs; and logins.

use airlift_server::Options;
use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Gate, Script};
use base64::Engine as _;

use super::{REPOSITORY, Way, layer};
use crate::airlift::Airlift;
use crate::made::{Embedded, two_platforms};
use crate::pair::Pair;

#[test]
fn a_tag_moves_only_where_that_is_wanted() {
    let way = Way::new();
    let other = two_platforms(REPOSITORY, 50);
    way.target.endpoint().push(std::slice::from_ref(&other));
    let ran = way.copy(&[]).expect(5).says(&other.root.digest.to_string());
    ran.says(&way.sample.root.digest.to_string()).says("--move-tags");
    way.target.endpoint().assert_holds(&other, REPOSITORY);
    way.airlift.run(&["copy", &way.reference(), way.target.authority(), "--move-tags"]).expect(0);
    way.assert_arrived();
}

/// The first copy waits in the middle of a layer while the second one takes the tag.
#[test]
fn of_two_copies_to_one_tag_the_second_finds_it_taken() {
    let way = Way::new();
    let (digest, content) = (layer(&way.sample).digest.to_string(), layer(&way.sample).bytes.to_vec());
    let gate = Gate::new();
    let opened = gate.clone();
    let slow = Script::forwarding(way.source.authority())
        .rule(move |request| {
            let is_it = request.is_blob() && request.path().ends_with(&digest);
            is_it.then(|| Answer::ok("application/octet-stream", content.clone()).pause_at(1000, &opened))
        })
        .start();
    let quick = Embedded::start(Options::default());
    let other = two_platforms(REPOSITORY, 50);
    quick.endpoint().push(std::slice::from_ref(&other));

    let reference = |authority: &str| format!("{authority}/{REPOSITORY}:1");
    let first = reference(&slow.authority());
    let mut command = way.airlift.command(&["copy", &first, way.target.authority()]);
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    while slow.count("GET", &layer(&way.sample).digest.to_string()) == 0 {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    Airlift::new().run(&["copy", &reference(quick.authority()), way.target.authority()]).expect(0);
    gate.open();
    let ended = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&ended.stdout).into_owned() + &String::from_utf8_lossy(&ended.stderr);
    assert_eq!(ended.status.code(), Some(5), "{said}");
    assert!(said.contains(&other.root.digest.to_string()), "{said}");
    way.target.endpoint().assert_holds(&other, REPOSITORY);
}

#[test]
fn both_sides_have_their_own_login() {
    let start = |user: &str| RealRegistry::debian().with_password(user, user).start();
    let (Some(source), Some(target)) = (start("ann"), start("bob")) else { return };
    let Some(pair) = Pair::of(source, target) else { return };
    let auth = |registry: &RealRegistry, user: &str| {
        let token = base64::engine::general_purpose::STANDARD.encode(format!("{user}:{user}"));
        format!("{:?}: {{\"auth\": {token:?}}}", registry.authority())
    };
    let text = format!("{{\"auths\": {{{}, {}}}}}", auth(&pair.source, "ann"), auth(&pair.target, "bob"));
    std::fs::write(pair.airlift.path("auth.json"), text).unwrap();
    let copy = ["copy", &pair.reference(pair.web()), pair.target.authority()];
    pair.airlift.run(&[&copy[..], &["--auth-file", "auth.json"]].concat()).expect(0);
    pair.assert_arrived(pair.web());
    pair.airlift.run(&copy).expect(3).says(pair.source.authority());
}
