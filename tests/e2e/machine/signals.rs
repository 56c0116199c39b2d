//! Ctrl-C and SIGTERM, wherever a run hangs: it ends within a second, and what arrived counts next time.

use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use airlift_server::Options;
use airlift_testkit::kills::sample;
use airlift_testkit::scripted::{Answer, Gate, Request, Script, ScriptedRegistry};

use super::{reference, source};
use crate::airlift::Airlift;
use crate::made::Embedded;

/// What "within a second" is on a machine that does other things, too.
const SOON: Duration = Duration::from_secs(5);

/// Waits until something is so.
fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < Duration::from_secs(30), "{what} doesn't come");
        std::thread::sleep(Duration::from_millis(2));
    }
}

fn send(signal: &str, process: u32) {
    let status = Command::new("sh").args(["-c", &format!("kill -{signal} {process}")]).status().unwrap();
    assert!(status.success());
}

/// How the child ended, and how long it took.
fn end_of(child: &mut Child) -> (ExitStatus, Duration) {
    let started = Instant::now();
    let mut ended = None;
    until("the end", || {
        ended = child.try_wait().unwrap();
        ended.is_some()
    });
    (ended.unwrap(), started.elapsed())
}

/// A registry that has the image, but stops where `stalls` says.
fn stalling(gate: &Gate, stalls: fn(&Request) -> bool) -> ScriptedRegistry {
    let gate = gate.clone();
    let new = sample("1", 1);
    let blobs = new.blobs.clone();
    Script::serving(vec![new])
        .rule(move |request| {
            let found = blobs.iter().find(|blob| request.path().ends_with(&blob.digest.to_string()));
            match found.filter(|_| stalls(request)) {
                Some(blob) => {
                    let half = blob.bytes.len() / 2;
                    Some(Answer::ok("application/octet-stream", blob.bytes.to_vec()).pause_at(half, &gate))
                }
                None => stalls(request).then(|| Answer::status(200).after(&gate)),
            }
        })
        .start()
}

fn started(mut command: Command) -> Child {
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

#[test]
fn a_signal_ends_it_wherever_it_hangs() {
    let first_is_tag: fn(&Request) -> bool = |request| request.path().ends_with("/manifests/1");
    let child: fn(&Request) -> bool = |request| request.is_manifest() && request.path().contains("sha256:");
    let large: fn(&Request) -> bool = |request| request.is_blob() && request.nth == 0;
    for (hangs, stalls) in [("resolving", first_is_tag), ("planning", child), ("fetching", large)] {
        for (signal, code) in [("TERM", 143), ("INT", 130)] {
            let gate = Gate::new();
            let registry = stalling(&gate, stalls);
            let airlift = Airlift::new();
            let reference = format!("{}/team/killed:1", registry.authority());
            let mut child = started(airlift.command(&["build", &reference, "-o", "b.tar"]));
            until(hangs, || registry.requests().iter().any(stalls));
            send(signal, child.id());
            let (status, took) = end_of(&mut child);
            assert_eq!(status.code(), Some(code), "{hangs}, {signal}");
            assert!(took < SOON, "{hangs}, {signal}: {took:?}");
            assert!(!airlift.path("b.tar").exists());
        }
    }
}

#[test]
fn what_arrived_before_a_signal_counts() {
    let gate = Gate::new();
    let new = sample("1", 1);
    let largest = new.blobs.iter().max_by_key(|blob| blob.bytes.len()).unwrap().clone();
    let path = format!("/blobs/{}", largest.digest);
    let bytes = largest.bytes.to_vec();
    let (held, others) = (gate.clone(), new.blobs.len());
    let registry = Script::serving(vec![new])
        .rule(move |request| {
            let is_it = request.is_blob() && request.path().ends_with(&path) && request.nth == 0;
            is_it.then(|| Answer::ok("application/octet-stream", bytes.clone()).pause_at(1000, &held))
        })
        .start();
    let airlift = Airlift::new();
    let reference = format!("{}/team/killed:1", registry.authority());
    // One after the other, the largest last: so that it is clear what arrived.
    let mut child = started(airlift.command(&["build", &reference, "-o", "b.tar", "--jobs", "2"]));
    until("the last blob", || {
        let asked = registry.requests();
        asked.iter().filter(|request| request.is_blob()).count() >= others
    });
    // The others are small and may still be on their way to the disk.
    until("the file", || airlift.path("b.tar.part").exists());
    std::thread::sleep(Duration::from_millis(100));
    send("TERM", child.id());
    let (status, _) = end_of(&mut child);
    assert_eq!(status.code(), Some(143));
    let said = std::io::read_to_string(child.stderr.take().unwrap()).unwrap();
    assert!(said.contains("interrupted") && said.contains("the same command goes on"), "{said}");
    gate.open();
    let built =
        airlift.run(&["--json", "build", &reference, "-o", "b.tar"]).expect(0).json("airlift.build/v1");
    assert!(built["reused"].as_u64().is_some_and(|reused| reused > 0), "{built}");
    airlift.run(&["verify", "b.tar"]).expect(0);
    assert_eq!(airlift.files(), ["b.tar"]);
}

/// The list of an earlier run would pass for that of this one.
#[test]
fn a_signal_leaves_the_list_of_what_was_not_done() {
    let gate = Gate::new();
    let of_blob: fn(&Request) -> bool = |request| request.is_blob();
    let (registry, target) = (stalling(&gate, of_blob), Embedded::start(Options::default()));
    let airlift = Airlift::new();
    let reference = format!("{}/team/killed:1", registry.authority());
    let old = "quay.example/team/old:1\n";
    for command in [
        &["build", &reference, "-o", "b.tar"][..],
        &["copy", &reference, target.authority()],
        &["check", "--deep", &reference],
    ] {
        std::fs::write(airlift.path("failed.txt"), old).unwrap();
        let asked = registry.requests().len();
        let mut child = started(airlift.command(&[command, &["--failed", "failed.txt"]].concat()));
        until("the first blob", || registry.requests().iter().skip(asked).any(of_blob));
        send("INT", child.id());
        assert_eq!(end_of(&mut child).0.code(), Some(130), "{command:?}");
        let list = String::from_utf8(airlift.read("failed.txt")).unwrap();
        assert_eq!(list, format!("{reference}\n"), "{command:?}");
    }
}

#[test]
fn a_signal_while_a_part_is_hashed_leaves_it_as_it_was() {
    let Some(strace) = airlift_testkit::tool::tool("strace") else { return };
    let (source, airlift) = (source(), Airlift::new());
    airlift.run(&["build", &reference(&source), "-o", "b.tar"]).expect(0);
    let part = airlift.path("b.tar.part").canonicalize().unwrap_or_else(|_| {
        std::fs::rename(airlift.path("b.tar"), airlift.path("b.tar.part")).unwrap();
        airlift.path("b.tar.part").canonicalize().unwrap()
    });
    let before = std::fs::read(&part).unwrap();
    let output = part.with_extension("");
    let wanted = airlift.command(&["build", &reference(&source), "-o", output.to_str().unwrap()]);
    // Every read of it takes seconds.
    let mut slow = Command::new(strace);
    slow.args(["-f", "-qq", "-o", "/dev/null", "-P"]).arg(&part);
    slow.args(["-e", "trace=pread64,preadv2", "-e", "inject=pread64,preadv2:delay_enter=3s"]);
    slow.arg("--").arg(wanted.get_program()).args(wanted.get_args());
    slow.current_dir(airlift.path("")).env("HOME", airlift.path(""));
    let mut child = started(slow);
    let children = format!("/proc/{0}/task/{0}/children", child.id());
    let mut traced = String::new();
    until("the .part to be read", || {
        traced = std::fs::read_to_string(&children).unwrap_or_default().trim().to_owned();
        let open = std::fs::read_dir(format!("/proc/{traced}/fd")).into_iter().flatten().flatten();
        open.into_iter().any(|entry| std::fs::read_link(entry.path()).is_ok_and(|path| path == part))
    });
    send("INT", traced.parse().unwrap());
    let (status, took) = end_of(&mut child);
    assert_eq!(status.code(), Some(130));
    assert!(took < SOON, "{took:?}");
    assert!(std::fs::read(&part).unwrap() == before, "the .part was changed");
    airlift.run(&["build", &reference(&source), "-o", "b.tar"]).expect(0);
}

#[test]
fn a_second_signal_does_not_wait_for_last_words() {
    let gate = Gate::new();
    let registry = stalling(&gate, |request| request.is_blob());
    let reference = format!("{}/team/killed:1", registry.authority());
    let mut best = Duration::MAX;
    for _ in 0..5 {
        let airlift = Airlift::new();
        // Nobody reads what is said, and there is no room left to say it.
        let (_reader, mut full) = std::io::pipe().unwrap();
        std::io::Write::write_all(&mut full, &[b'x'; 65_536]).unwrap();
        let mut command = airlift.command(&["build", &reference, "-o", "b.tar"]);
        let asked = registry.requests().len();
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(full).spawn().unwrap();
        until("a request", || registry.requests().len() > asked);
        send("TERM", child.id());
        std::thread::sleep(Duration::from_millis(50));
        send("TERM", child.id());
        let (status, took) = end_of(&mut child);
        assert_eq!(status.code(), Some(143));
        best = best.min(took);
    }
    assert!(best < Duration::from_millis(400), "{best:?}");
}
