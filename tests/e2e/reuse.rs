//! Local content is not fetched: `--reuse`, the bundle at the output, and builds that Docker Hub's limit
//! ended.

use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use airlift_testkit::tamper::{Tampered, listing};

use airlift_server::samples::Sample;

use crate::airlift::{Airlift, Ran};
use crate::made::two_platforms;

/// A registry with two images, and what is asked of it.
struct Watched {
    registry: ScriptedRegistry,
    airlift: Airlift,
    samples: Vec<Sample>,
}

impl Watched {
    fn start() -> Self {
        let samples = vec![two_platforms("team/old", 10), two_platforms("team/new", 20)];
        let registry = Script::serving(samples.clone()).start();
        Watched { registry, airlift: Airlift::new(), samples }
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/team/{name}:1", self.registry.authority())
    }

    /// Runs a build; returns its output and its GETs of manifests and of blobs.
    fn build(&self, arguments: &[&str]) -> (Ran, Vec<Request>, Vec<Request>) {
        let before = self.registry.requests().len();
        let mut all = vec!["--json", "build"];
        all.extend(arguments);
        let ran = self.airlift.run(&all).expect(0);
        let requests = self.registry.requests().split_off(before);
        let (blobs, others): (Vec<_>, Vec<_>) = requests.into_iter().partition(Request::is_blob);
        (ran, others.into_iter().filter(Request::is_manifest).collect(), blobs)
    }
}

fn number(ran: &Ran, member: &str) -> u64 {
    ran.json("airlift.build/v1")[member].as_u64().expect("a number")
}

/// Unpacks an archive into a layout folder.
fn unpack(airlift: &Airlift, archive: &str, folder: &str) {
    for entry in listing(&airlift.path(archive)) {
        let path = airlift.path(folder).join(&entry.name);
        std::fs::create_dir_all(path.parent().expect("it lies in the folder")).expect("folders can be made");
        let bytes = airlift.read(archive);
        let (from, to) = (entry.offset as usize, (entry.offset + entry.size) as usize);
        std::fs::write(path, &bytes[from..to]).expect("files can be made");
    }
}

#[test]
fn another_bundle_or_layout_gives_what_it_has() {
    let watched = Watched::start();
    let (old, new) = (watched.reference("old"), watched.reference("new"));
    watched.build(&[&old, "-o", "old.tar"]);
    unpack(&watched.airlift, "old.tar", "folder");
    let (fresh, ..) = watched.build(&[&old, &new, "-o", "fresh.tar"]);
    let saved: u64 = watched.samples[0].blobs.iter().map(|blob| blob.bytes.len() as u64).sum();
    for reused in ["old.tar", "folder"] {
        let (ran, manifests, blobs) =
            watched.build(&[&old, &new, "-o", "b.tar", "--reuse", reused, "--force"]);
        assert!(
            manifests.iter().chain(&blobs).all(|request| request.path().starts_with("/v2/team/new/")),
            "{reused}"
        );
        assert_eq!(manifests.len(), watched.samples[1].manifests.len(), "{reused}");
        assert_eq!(number(&ran, "reused"), saved, "{reused}");
        assert_eq!(number(&ran, "downloaded") + saved, number(&fresh, "downloaded"), "{reused}");
        assert!(watched.airlift.read("b.tar") == watched.airlift.read("fresh.tar"), "{reused}");
        std::fs::remove_file(watched.airlift.path("b.tar")).expect("it is there");
    }
}

#[test]
fn what_is_reused_is_hashed() {
    let watched = Watched::start();
    let old = watched.reference("old");
    watched.build(&[&old, "-o", "old.tar"]);
    for entry in listing(&watched.airlift.path("old.tar")) {
        let damaged = Tampered::copy_of(&watched.airlift.path("old.tar"));
        damaged.flip_bit(entry.offset + entry.size / 2, 1);
        std::fs::copy(damaged.path(), watched.airlift.path("damaged.tar")).expect("it can be copied");
        watched.build(&[&old, "-o", "b.tar", "--reuse", "damaged.tar"]);
        assert!(watched.airlift.read("b.tar") == watched.airlift.read("old.tar"), "{}", entry.name);
        std::fs::remove_file(watched.airlift.path("b.tar")).expect("it is there");
    }
    // One that is cut off gives what it still has.
    let cut = Tampered::copy_of(&watched.airlift.path("old.tar"));
    cut.truncate(cut.size() * 2 / 3);
    std::fs::copy(cut.path(), watched.airlift.path("cut.tar")).expect("it can be copied");
    let (ran, ..) = watched.build(&[&old, "-o", "b.tar", "--reuse", "cut.tar"]);
    assert!(number(&ran, "reused") > 0 && number(&ran, "downloaded") > 0, "{ran}");
    assert!(watched.airlift.read("b.tar") == watched.airlift.read("old.tar"));
}

/// The announced size of a phase is right, also if files turn out to have no content.
#[test]
fn nothing_is_said_to_be_reused_that_is_not() {
    let watched = Watched::start();
    let (old, new) = (watched.reference("old"), watched.reference("new"));
    let run =
        |arguments: &[&str]| watched.airlift.run(&[&["build", "--progress", "plain"], arguments].concat());
    run(&[&old, "-o", "old.tar"]).expect(0);
    // An unfinished bundle whose headers are there, and whose blobs are not.
    let mut bytes = watched.airlift.read("old.tar");
    for entry in listing(&watched.airlift.path("old.tar")).iter().filter(|entry| entry.size > 4_096) {
        bytes[entry.offset as usize..(entry.offset + entry.size) as usize].fill(0);
    }
    std::fs::write(watched.airlift.path("empty.tar"), &bytes).expect("it can be written");
    std::fs::write(watched.airlift.path("b.tar.part"), &bytes).expect("it can be written");
    for arguments in [
        &[old.as_str(), "-o", "a.tar", "--reuse", "empty.tar"][..],
        &[&old, "-o", "b.tar"],
        &[&new, &old, "-o", "c.tar", "--reuse", "empty.tar"],
    ] {
        let ran = run(arguments).expect(0);
        assert!(!ran.stderr.contains("reuse 0 B"), "{ran}");
        assert!(ran.stderr.lines().all(|line| !line.starts_with("reuse") || !line.contains(" of ")), "{ran}");
    }
}

#[test]
fn a_stream_takes_what_is_at_hand_too() {
    let watched = Watched::start();
    let old = watched.reference("old");
    watched.build(&[&old, "-o", "old.tar"]);
    let before = watched.registry.requests().len();
    let streamed = watched.airlift.run(&["build", &old, "-o", "-", "--reuse", "old.tar"]).expect(0);
    assert!(streamed.stdout == watched.airlift.read("old.tar"));
    let requests = watched.registry.requests().split_off(before);
    assert!(!requests.iter().any(|request| request.is_blob() || request.is_manifest()), "{requests:?}");
}

/// Over a slow line, no one would know why everything is downloaded again.
#[test]
fn what_gives_nothing_is_refused() {
    let watched = Watched::start();
    let reference = watched.reference("old");
    let airlift = &watched.airlift;
    airlift.run(&["build", &reference, "-o", "b.tar.zst"]).expect(0);
    airlift.run(&["build", &reference, "-o", "v.tar", "--volume-size", "64K"]).expect(0);
    let frames = airlift.read("b.tar.zst");
    std::fs::write(airlift.path("cut.tar.zst"), &frames[..frames.len() / 2]).expect("it can be written");
    std::fs::rename(airlift.path("v.tar.001"), airlift.path("elsewhere")).expect("it is there");
    std::fs::write(airlift.path("manifest.json"), "[]").expect("it can be written");
    let tar = std::process::Command::new("tar")
        .args(["--format=ustar", "-cf", "saved.tar", "manifest.json"])
        .current_dir(airlift.path("."))
        .status();
    assert!(tar.expect("tar is there").success());
    for (name, why) in [
        ("cut.tar.zst", "of the compressed file"),
        ("v.tar.volumes.json", "v.tar.001 is missing"),
        ("saved.tar", "docker save"),
    ] {
        let ran = airlift.run(&["build", &reference, "-o", "new.tar", "--reuse", name]).expect(4);
        ran.says(&format!("can't reuse anything from {name}")).says(why);
    }
}

#[test]
fn what_can_not_be_reused_is_said() {
    let watched = Watched::start();
    let old = watched.reference("old");
    std::fs::write(watched.airlift.path("notes.txt"), "no bundle").expect("its folder takes files");
    for nothing in ["notes.txt", "absent.tar"] {
        let ran = watched.airlift.run(&["build", &old, "-o", "b.tar", "--reuse", nothing]).expect(4);
        ran.says("can't reuse anything from").says(nothing);
    }
    assert_eq!(watched.registry.requests().len(), 0);
}

#[test]
fn the_bundle_at_the_output_is_asked_first() {
    let watched = Watched::start();
    let (old, new) = (watched.reference("old"), watched.reference("new"));
    watched.build(&[&old, "-o", "b.tar"]);
    // The same again: nothing but HEADs.
    let (_, manifests, blobs) = watched.build(&[&old, "-o", "b.tar"]);
    assert_eq!((manifests.len(), blobs.len()), (0, 0));
    // More than before: only what is new.
    let (_, manifests, blobs) = watched.build(&[&old, &new, "-o", "b.tar", "--force"]);
    assert!(manifests.iter().chain(&blobs).all(|request| request.path().starts_with("/v2/team/new/")));
    watched.airlift.run(&["verify", "b.tar"]).expect(0);
}

/// A registry that allows so many GETs of manifests, and counts as Docker Hub does.
fn limited(samples: Vec<Sample>, pulls: usize) -> ScriptedRegistry {
    let counted = std::sync::atomic::AtomicUsize::new(0);
    let inner = Script::serving(samples).start();
    let upstream = inner.authority();
    Script::forwarding(&upstream)
        .rule(move |request| {
            let _running = &inner;
            if !request.path().contains("/manifests/") {
                return None;
            }
            let used =
                counted.fetch_add(usize::from(request.is_manifest()), std::sync::atomic::Ordering::SeqCst);
            let headers = |answer: Answer, left: usize| {
                answer
                    .header("ratelimit-limit", format!("{pulls};w=21600"))
                    .header("ratelimit-remaining", format!("{left};w=21600"))
            };
            if request.is_manifest() && used >= pulls {
                return Some(headers(
                    Answer::error(429, "TOOMANYREQUESTS", "You have reached your pull rate limit."),
                    0,
                ));
            }
            let left = pulls.saturating_sub(used + usize::from(request.is_manifest()));
            Some(headers(passed_on(&inner, request), left))
        })
        .start()
}

fn passed_on(registry: &ScriptedRegistry, request: &Request) -> Answer {
    let headers: Vec<(&str, &str)> = request
        .headers
        .iter()
        .filter(|(name, _)| name == "accept")
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect();
    let asked = registry.endpoint().request(&request.method, &request.target, &headers, b"");
    let kept =
        asked.headers.iter().filter(|(name, _)| name == "content-type" || name == "docker-content-digest");
    kept.fold(Answer::status(asked.status), |answer, (name, value)| answer.header(name, value.clone()))
        .body(asked.body)
}

#[test]
fn a_limit_of_pulls_is_told_before_and_never_waited_for() {
    let samples = vec![two_platforms("team/one", 1), two_platforms("team/two", 2)];
    let all: usize = samples.iter().map(|sample| sample.manifests.len()).sum();
    let registry = limited(samples, all - 2);
    let airlift = Airlift::new();
    let references = ["one", "two"].map(|name| format!("{}/team/{name}:1", registry.authority()));
    let arguments =
        ["build", &references[0], &references[1], "-o", "b.tar", "--jobs", "1", "--referrers", "none"];
    let ran = airlift.run(&arguments).expect(3);
    let ran = ran.says(&format!("allows {} more pulls of {} in 6 h", all - 4, all - 2));
    ran.says("used up: come back within 6 h").says("b.tar.part.manifests");
    assert_eq!(airlift.files(), ["b.tar.part.manifests"]);
    let refused = registry.requests().iter().filter(|request| request.is_manifest()).count();
    assert_eq!(refused, all - 1, "asked again although nothing is left");
}

#[test]
fn manifests_that_a_limit_left_are_not_pulled_again() {
    let samples = vec![two_platforms("team/one", 1), two_platforms("team/two", 2)];
    let all: usize = samples.iter().map(|sample| sample.manifests.len()).sum();
    let airlift = Airlift::new();
    let registry = limited(samples, all - 2);
    let references = ["one", "two"].map(|name| format!("{}/team/{name}:1", registry.authority()));
    let arguments =
        ["build", &references[0], &references[1], "-o", "b.tar", "--jobs", "1", "--referrers", "none"];
    airlift.run(&arguments).expect(3);
    // The window is over.
    let kept = registry.requests().iter().filter(|request| request.is_manifest()).count() - 1;
    assert_eq!(kept, all - 2);
    let again = airlift.run(&arguments).expect(3);
    let asked: Vec<String> = registry
        .requests()
        .into_iter()
        .filter(Request::is_manifest)
        .skip(kept + 1)
        .map(|request| request.target)
        .collect();
    // Of the two that lack, the first is asked for and refused; none of those that are kept is.
    assert_eq!(asked.len(), 1, "{asked:?} {again}");
}

/// A dry run counts what need not be fetched: of a bundle that was named, of the output, and of an unfinished
/// one beside it.
#[test]
fn a_dry_run_counts_what_is_at_hand() {
    let sample = two_platforms("team/app", 1);
    let registry = Script::serving(vec![sample]).start();
    let reference = format!("{}/team/app:1", registry.authority());
    let airlift = Airlift::new();
    let counts = |more: &[&str]| {
        let ran = airlift.run(&[&["--json", "build", &reference, "--dry-run"], more].concat()).expect(0);
        let plan = ran.json("airlift.plan/v1");
        (plan["downloaded"].as_u64().unwrap(), plan["reused"].as_u64().unwrap())
    };
    let (all, nothing) = counts(&["-o", "b.tar"]);
    assert_eq!(nothing, 0);
    airlift.run(&["build", &reference, "-o", "b.tar"]).expect(0);
    assert_eq!(counts(&["-o", "b.tar"]), (0, all));
    assert_eq!(counts(&["--reuse", "b.tar"]), (0, all));
    assert_eq!(counts(&[]), (all, 0));
    // The end of the last blob is missing.
    let whole = airlift.read("b.tar");
    std::fs::rename(airlift.path("b.tar"), airlift.path("c.tar.part")).unwrap();
    std::fs::write(airlift.path("c.tar.part"), &whole[..whole.len() - 2048]).unwrap();
    let (fetched, reused) = counts(&["-o", "c.tar"]);
    assert!(fetched > 0 && reused > 0 && fetched + reused == all, "{fetched} and {reused} of {all}");
    let shown = airlift.run(&["build", &reference, "--dry-run", "-o", "c.tar"]).expect(0);
    shown.says("of the blobs are at hand").says("would be fetched");
    // It only looks.
    assert_eq!(airlift.files(), ["c.tar.part"]);
}
