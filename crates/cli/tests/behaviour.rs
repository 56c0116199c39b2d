//! What only the command does: streams, limits, lists, interruptions, and where its output can't go.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::io::{BufRead, BufReader, Read};
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use airlift_server::{Options, Server, samples};

/// A registry with the samples, and a folder to work in.
struct Place {
    server: Server,
    folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Place {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let server = Server::start(&folder.path().join("registry"), Options::default()).await.unwrap();
            server.seed(&samples::all()).await.unwrap();
            server
        });
        Place { server, folder, _runtime: runtime }
    }

    fn web(&self) -> String {
        format!("{}/team/web:1.27", self.server.address())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn airlift(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_airlift"));
        command.args(arguments).current_dir(self.folder.path()).stdin(Stdio::null());
        command
    }

    fn run(&self, arguments: &[&str], code: i32) -> Output {
        let output = self.airlift(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(code), "{arguments:?}\n{}", stderr(&output));
        output
    }
}

/// The number in `fetch 130.0 KiB of 312.2 KiB (41 %), …`.
fn percent(line: &str) -> Option<u64> {
    line.strip_prefix("fetch ")?.split_once('(')?.1.split_once(" %")?.0.parse().ok()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

#[test]
fn a_stream_has_the_bytes_of_the_file() {
    let place = Place::new();
    place.run(&["build", &place.web(), "-o", "b.tar"], 0);
    let streamed = place.run(&["build", &place.web(), "-o", "-"], 0);
    assert!(streamed.stdout == std::fs::read(place.path("b.tar")).unwrap());
    assert!(place.run(&["build", &place.web(), "-o", "-", "--json"], 2).stdout.is_empty());
}

#[test]
fn a_reader_that_goes_away_is_no_news() {
    let place = Place::new();
    let mut child = place
        .airlift(&["build", &place.web(), "-q", "-o", "-"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let output = child.wait_with_output().unwrap();
    assert_ne!(output.status.code(), Some(0));
    assert_eq!(stderr(&output), "");
}

#[test]
fn a_bundle_over_the_limit_is_refused_before_anything_is_written() {
    let place = Place::new();
    let output = place.run(&["build", &place.web(), "-o", "b.tar", "--max-size", "10K"], 5);
    assert!(stderr(&output).contains("--max-size"), "{}", stderr(&output));
    assert!(!place.path("b.tar").exists() && !place.path("b.tar.part").exists());
    place.run(&["build", &place.web(), "-o", "b.tar", "--max-size", "1M"], 0);
}

#[test]
fn lists_are_read_and_their_bad_lines_named() {
    let place = Place::new();
    let list = format!("# all of it\n\n{}  # the web\n", place.web());
    std::fs::write(place.path("images.txt"), list).unwrap();
    place.run(&["build", "-f", "images.txt", "--dry-run"], 0);
    std::fs::write(place.path("bad.txt"), "nginx\n\nNot/Good\n").unwrap();
    let output = place.run(&["build", "-f", "bad.txt", "-o", "b.tar"], 2);
    assert!(stderr(&output).contains("bad.txt:3:1: 'Not/Good'"), "{}", stderr(&output));
    assert!(stderr(&output).contains("\n    3 | Not/Good\n      | ^\n"), "{}", stderr(&output));
    std::fs::write(place.path("images.lock"), "{}\n").unwrap();
    let output = place.run(&["build", "-f", "images.lock", "-o", "b.tar"], 2);
    assert!(stderr(&output).contains(".lock"), "{}", stderr(&output));
}

#[test]
fn images_files_are_read_and_their_groups_chosen() {
    let place = Place::new();
    let list = |more: &str| {
        let text = format!(
            "version: 1\ngroups:\n  web:\n    - {{ref: {}, platforms: linux/amd64}}\n  none: []\n{more}",
            place.web()
        );
        std::fs::write(place.path("images.yaml"), text).unwrap();
    };
    list("");
    place.run(&["build", "-f", "images.yaml", "-o", "all.tar"], 0);
    place.run(&["build", "-f", "images.yaml", "--group", "none,web", "-o", "web.tar"], 0);
    place.run(&["build", &place.web(), "--platform", "linux/amd64", "-o", "by-hand.tar"], 0);
    let bundle = |name: &str| std::fs::read(place.path(name)).unwrap();
    assert!(bundle("all.tar") == bundle("by-hand.tar") && bundle("web.tar") == bundle("by-hand.tar"));

    let web = place.web();
    let (host, rest) = web.split_once('/').unwrap();
    let mirrored = format!(
        "version: 1\nmirrors: {{registry.example: '{host}'}}\ngroups: {{all: [registry.example/{rest}]}}\n"
    );
    std::fs::write(place.path("mirrored.yaml"), mirrored).unwrap();
    place.run(&["build", "-f", "mirrored.yaml", "-o", "mirrored.tar"], 0);

    let output = place.run(&["build", "-f", "images.yaml", "--group", "wed", "-o", "b.tar"], 2);
    assert!(stderr(&output).contains("no group 'wed' (did you mean 'web'?)"), "{}", stderr(&output));
    let output = place.run(&["build", "-f", "images.yaml", "--group", "none", "-o", "b.tar"], 2);
    assert!(stderr(&output).contains("no image was asked for"), "{}", stderr(&output));
    list("  bad:\n    - {ref: nginx, platfroms: all}\n    - {repo: nginx, tags: {newest: 1}}\n");
    let output = place.run(&["build", "-f", "images.yaml", "-o", "b.tar"], 2);
    let said = "images.yaml:7:20: an entry has no key 'platfroms': is platforms meant?\n    7 |     - {ref: nginx, platfroms: all}\n      |                    ^\n";
    assert!(stderr(&output).contains(said), "{}", stderr(&output));
    list("  bad:\n    - {repo: nginx, tags: {newest: 1}}\n    - X/y\n");
    let output = place.run(&["build", "-f", "images.yaml", "--group", "web,bad", "-o", "b.tar"], 2);
    assert!(stderr(&output).contains("images.yaml:8:7: 'X/y' is not"), "{}", stderr(&output));
}

#[test]
fn an_interrupted_build_is_gone_on_with() {
    let place = Place::new();
    let mut child = place
        .airlift(&["build", &place.web(), "-o", "b.tar", "--limit-rate", "100K", "--jobs", "1"])
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap());
    let mut line = String::new();
    // The largest blob, which comes first, is less than half of all: then it is there.
    while percent(&line).is_none_or(|percent| percent < 50) {
        line.clear();
        assert_ne!(lines.read_line(&mut line).unwrap(), 0, "it ended before it could be interrupted");
    }
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let mut rest = String::new();
    lines.read_to_string(&mut rest).unwrap();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest}");
    assert!(rest.contains("b.tar.part: the same command goes on from there"), "{rest}");
    assert!(place.path("b.tar.part").exists() && !place.path("b.tar").exists());

    let output = place.run(&["build", &place.web(), "-o", "b.tar", "--json"], 0);
    let built: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert!(built["reused"].as_u64().is_some_and(|reused| reused > 0), "{built}");
    place.run(&["verify", "b.tar"], 0);
}

#[test]
fn the_expected_id_may_stand_in_a_file() {
    let place = Place::new();
    let output = place.run(&["build", &place.web(), "-o", "b.tar", "--json"], 0);
    let built: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    std::fs::write(place.path("id"), format!("{}  b.tar\n", built["id"].as_str().unwrap())).unwrap();
    place.run(&["verify", "b.tar", "--expect", "id"], 0);
    std::fs::write(place.path("other"), format!("sha256:{}\n", "0".repeat(64))).unwrap();
    let other = place.run(&["verify", "b.tar", "--expect", "other"], 1);
    let said = String::from_utf8_lossy(&other.stdout).into_owned();
    assert!(said.contains("NOT THE EXPECTED BUNDLE") && !said.contains("DAMAGED"), "{said}");
    place.run(&["verify", "b.tar", "--expect", "nothing-there"], 2);
}

#[test]
fn what_build_printed_is_taken_for_the_expected_id() {
    let place = Place::new();
    let built = place.run(&["build", &place.web(), "-o", "b.tar"], 0);
    std::fs::write(place.path("said"), &built.stdout).unwrap();
    let json = place.run(&["build", &place.web(), "-o", "b.tar", "--json"], 0);
    std::fs::write(place.path("json"), &json.stdout).unwrap();
    let said = String::from_utf8(built.stdout).unwrap();
    let line = said.lines().find(|line| line.starts_with("id ")).unwrap();
    let hex = line.strip_prefix("id sha256:").unwrap();
    for expected in [line, hex, "said", "json"] {
        place.run(&["verify", "b.tar", "--expect", expected], 0);
    }
    for (expected, reason) in
        [("gone", "there is no file gone"), (&hex[1..], "is no bundle id"), ("b.tar", "holds no bundle id")]
    {
        let refused = stderr(&place.run(&["verify", "b.tar", "--expect", expected], 2));
        assert!(refused.contains(reason), "{refused}");
    }
}

#[test]
fn help_is_a_command_too() {
    let place = Place::new();
    for (asked, same) in [(&["help"][..], &["--help"][..]), (&["help", "build"], &["build", "--help"])] {
        assert_eq!(place.run(asked, 0).stdout, place.run(same, 0).stdout);
    }
    let help = place.run(&["help"], 0).stdout;
    assert!(String::from_utf8_lossy(&help).contains("130, 143"));
    place.run(&["help", "nothing"], 2);
}

/// `push --only` and `inspect` go by the same names, and say the same where there is none.
#[test]
fn images_are_found_by_what_they_are_called_everywhere() {
    let place = Place::new();
    let other = &samples::all()[1];
    let app = format!("{}/{}:{}", place.server.address(), other.repository, other.tag);
    place.run(&["build", &place.web(), &app, "-o", "b.tar"], 0);
    let target = format!("{}/copy", place.server.address());
    let images = |arguments: &[&str]| {
        let output = place.run(&[arguments, &["--json"]].concat(), 0);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let digest = |image: &serde_json::Value| {
            image["digest"].as_str().or(image["manifest"]["digest"].as_str()).unwrap().to_owned()
        };
        document["images"].as_array().unwrap().iter().map(digest).collect::<Vec<_>>()
    };
    let only_web = [samples::all()[0].root.digest.to_string()];
    for name in [&place.web(), "team/web:1.27", "team/web", "*/web:*", "*web*"] {
        assert_eq!(images(&["inspect", "b.tar", name]), only_web, "{name}");
        assert_eq!(images(&["push", "b.tar", &target, "--dry-run", "--only", name]), only_web, "{name}");
    }
    let start = &only_web[0][..19];
    assert_eq!(images(&["push", "b.tar", &target, "--dry-run", "--only", start]), only_web);
    let meant = format!("'team/wbe:1.27' (did you mean {}", place.web());
    for arguments in
        [&["inspect", "b.tar", "team/wbe:1.27"][..], &["push", "b.tar", &target, "--only", "team/wbe:1.27"]]
    {
        let refused = stderr(&place.run(arguments, 2));
        assert!(refused.contains(&meant), "{refused}");
    }
    let refused = stderr(&place.run(&["inspect", "b.tar", "*", "--raw"], 2));
    assert!(refused.contains("2 match") && refused.contains(&place.web()), "{refused}");
    let refused = stderr(&place.run(&["push", &target, "b.tar"], 2));
    assert!(refused.contains("BUNDLE comes first"), "{refused}");
    let several = ["push", "b.tar", &target, "--only", "team/wbe", "--only", "zzzzzzzz"];
    let refused = stderr(&place.run(&several, 2));
    assert!(refused.contains("'team/wbe'") && refused.contains("'zzzzzzzz'"), "{refused}");
}

#[test]
fn addresses_in_place_of_names_are_put_right() {
    let place = Place::new();
    place.run(&["build", &place.web(), "-o", "b.tar"], 0);
    let web = place.web();
    for scheme in ["docker://", "https://", "http://", "oci://"] {
        let refused = stderr(&place.run(&["build", "--dry-run", &format!("{scheme}{web}")], 2));
        assert!(refused.contains(&format!("leave '{scheme}' out: {web}")), "{refused}");
        let refused = stderr(&place.run(&["push", "b.tar", &format!("{scheme}r.example/x")], 2));
        assert!(refused.contains(&format!("leave '{scheme}' out: r.example/x")), "{refused}");
        assert_eq!(refused.contains("--plain-http"), scheme == "http://", "{refused}");
        let refused = stderr(
            &place.run(&["build", "--dry-run", &web, "--plain-http", &format!("{scheme}r.example")], 2),
        );
        assert!(refused.contains(&format!("leave '{scheme}' out")), "{refused}");
    }
}

/// Before it goes on its way: at the far side it is too late.
#[test]
fn a_partial_bundle_is_called_one_when_it_is_built() {
    let place = Place::new();
    let note = "`airlift push BUNDLE DEST --dry-run` asks a registry";
    let whole = place.run(&["build", &place.web(), "-o", "whole.tar"], 0);
    assert!(!stderr(&whole).contains(note), "{}", stderr(&whole));
    let chosen = [&place.web(), "--platform", "linux/amd64"];
    let partial = place.run(&[&["build", "-o", "b.tar"][..], &chosen].concat(), 0);
    assert_eq!(stderr(&partial).matches(note).count(), 1, "{}", stderr(&partial));
    let chosen = [&place.web(), "--platform", " linux/amd64, linux/amd64 "];
    let plan = place.run(&[&["build", "--dry-run"][..], &chosen].concat(), 0).stdout;
    assert_eq!(String::from_utf8_lossy(&plan).matches(note).count(), 1);

    let target = format!("{}/copy", place.server.address());
    for arguments in [
        &["push", "b.tar", &target, "--dry-run", "--no-probe"][..],
        &["push", "b.tar", &target, "--selected-children"],
        &["inspect", "b.tar"],
        &["verify", "b.tar"],
    ] {
        let output = place.run(&[arguments, &["--json"]].concat(), 0);
        let document: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
        let omitted = document["images"][0]["omittedPlatforms"].as_array().unwrap();
        assert!(omitted.contains(&"linux/arm64".into()), "{document:#}");
    }
}

#[test]
fn raw_bytes_are_proven_before_the_last_of_them() {
    let place = Place::new();
    place.run(&["build", &place.web(), "-o", "b.tar"], 0);
    let sample = &samples::all()[0];
    let index = place.run(&["inspect", "b.tar", "team/web:1.27", "--raw"], 0);
    assert!(index.stdout == sample.root.bytes);
    let blob = sample.blobs.iter().max_by_key(|blob| blob.bytes.len()).unwrap();
    let start = &blob.digest.hex()[..8];
    assert!(place.run(&["inspect", "b.tar", "--raw", start], 0).stdout == blob.bytes);

    let mut bytes = std::fs::read(place.path("b.tar")).unwrap();
    let at = bytes.windows(64).position(|window| *window == blob.bytes[..64]).unwrap();
    bytes[at] ^= 1;
    std::fs::write(place.path("d.tar"), bytes).unwrap();
    // Nothing is hashed by `inspect`, so it doesn't say that all is well.
    let unchecked = place.run(&["inspect", "d.tar", "--json"], 0).stdout;
    let unchecked: serde_json::Value = serde_json::from_slice(&unchecked).unwrap();
    assert_eq!((&unchecked["ok"], &unchecked["content"]), (&serde_json::Value::Null, &"unchecked".into()));
    let damaged = place.run(&["inspect", "d.tar", "--raw", start], 1);
    assert!(damaged.stdout.len() < blob.bytes.len());
}

#[test]
fn a_receipt_is_written_whole_or_not_at_all() {
    let place = Place::new();
    place.run(&["build", &place.web(), "-o", "b.tar"], 0);
    let target = format!("{}/copy", place.server.address());
    place.run(&["push", "b.tar", &target, "--receipt", "no-such-folder/r.json"], 4);
    // Neither the bundle nor a device gives way to a receipt.
    let bundle = std::fs::read(place.path("b.tar")).unwrap();
    std::os::unix::fs::symlink("b.tar", place.path("link")).unwrap();
    for taken in ["b.tar", "link", "/dev/null", "-"] {
        place.run(&["push", "b.tar", &target, "--receipt", taken], 4);
    }
    assert_eq!(std::fs::read(place.path("b.tar")).unwrap(), bundle);
    place.run(&["push", "b.tar", &target, "--receipt", "r.json"], 0);
    let receipt = std::fs::read(place.path("r.json")).unwrap();
    let receipt: serde_json::Value = serde_json::from_slice(&receipt).unwrap();
    // The refused place was found out before anything moved.
    assert_eq!(receipt["images"][0]["status"], "pushed");
    let names = std::fs::read_dir(place.folder.path()).unwrap();
    let names: Vec<_> = names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    assert!(names.iter().all(|name| !name.starts_with(".receipt")), "{names:?}");
}

#[test]
fn somebody_elses_part_file_is_left_alone() {
    let place = Place::new();
    std::fs::write(place.path("b.tar.part"), "notes\n").unwrap();
    let refused = place.run(&["build", &place.web(), "-o", "b.tar"], 4);
    assert!(stderr(&refused).contains("b.tar.part"), "{}", stderr(&refused));
    assert_eq!(std::fs::read(place.path("b.tar.part")).unwrap(), b"notes\n");
}

#[test]
fn a_password_in_a_name_is_not_repeated() {
    let place = Place::new();
    place.run(&["build", &place.web(), "-o", "b.tar"], 0);
    let named = format!("user:S3cr3t@{}", place.server.address());
    for arguments in [["push", "b.tar", &named], ["build", "--dry-run", &format!("{named}/team/web:1.27")]] {
        let refused = place.run(&arguments, 2);
        assert!(!stderr(&refused).contains("S3cr3t"), "{}", stderr(&refused));
    }
}

/// An address where a file is wanted.
#[test]
fn a_password_in_the_name_of_a_file_is_not_repeated() {
    let place = Place::new();
    place.run(&["build", &place.web(), "-o", "b.tar"], 0);
    let address = &place.server.address().to_string();
    let named = &format!("https://bob:S3cr3t@{address}/y");
    let cases: [&[&str]; 10] = [
        &["prune", address, "--old", named, "--keep", named, "-o", "p.json"],
        &["prune", address, "--apply", named],
        &["diff", named, "b.tar"],
        &["copy", "-f", named, address],
        &["build", "-f", named, "-o", "c.tar"],
        &["verify", named],
        &["images", named],
        &["inspect", named],
        &["push", "b.tar", address, "--receipt", named],
        &["check", "b.tar", "--junit", named],
    ];
    for arguments in cases {
        let output = place.airlift(arguments).output().unwrap();
        let (shown, code) = (stderr(&output), output.status.code());
        assert!(matches!(code, Some(1 | 2 | 4)), "{arguments:?}: {code:?} {shown}");
        assert!(!shown.contains("S3cr3t") && shown.contains(&format!("…@{address}/y")), "{shown}");
    }
}
