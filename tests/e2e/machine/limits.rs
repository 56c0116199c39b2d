//! Limits of the shell or the container: open files, threads, and room for a receipt.

use std::process::Command;

use airlift_server::Options;
use airlift_testkit::strace::Strace;

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded};

/// Runs the binary in a shell after this `ulimit`.
fn limited(airlift: &Airlift, limit: &str, arguments: &[&str]) -> Ran {
    let wanted = airlift.command(arguments);
    let mut command = Command::new("sh");
    command.args(["-c", &format!("ulimit {limit}; exec \"$0\" \"$@\"")]);
    command.arg(wanted.get_program()).args(wanted.get_args());
    command.current_dir(airlift.path("")).env("HOME", airlift.path(""));
    Ran::of(arguments, command.output().unwrap())
}

#[test]
fn a_limit_of_open_files_is_named_with_the_way_out() {
    let (airlift, source, _) = made::bundle(&["team/a", "team/b", "team/c"], &[]);
    let references = ["a", "b", "c"].map(|name| format!("{}/team/{name}:1", source.authority()));
    let [a, b, c] = references.each_ref().map(String::as_str);
    let mut refused = 0;
    // From too few to open the bundle to just enough.
    for files in (12..=32).step_by(5) {
        let limit = format!("-n {files}");
        let target = Embedded::start(Options::default());
        let build = ["build", a, b, c, "-o", "c.tar", "--force", "--retries", "0"];
        let push = ["push", "b.tar", target.authority(), "--retries", "0"];
        for arguments in [&build[..], &push] {
            let ran = limited(&airlift, &limit, arguments);
            if ran.code == 0 {
                continue;
            }
            refused += 1;
            let ran = ran.says("(ulimit -n 1024)");
            assert!(!ran.stderr.contains("is the registry"), "{files}: {ran}");
            assert!(ran.code == 4 || arguments[0] == "push" && ran.code == 3, "{files}: {ran}");
        }
    }
    assert!(refused > 3, "{refused}");
}

#[test]
fn a_system_without_threads_is_an_error() {
    let (airlift, source, _) = made::bundle(&["team/a"], &[]);
    let reference = format!("{}/team/a:1", source.authority());
    for arguments in [&["verify", "b.tar"][..], &["build", &reference, "-o", "c.tar"]] {
        let command = airlift.command(arguments);
        let Some(strace) = Strace::of(&[]) else { return };
        let watched = strace.refusing("clone3", "EAGAIN").refusing("clone", "EAGAIN").run(&command);
        let said = watched.stderr();
        assert_eq!(watched.output.status.code(), Some(4), "{said}");
        assert!(said.contains("threads") && said.contains("Resource temporarily unavailable"), "{said}");
        assert!(said.contains("(ulimit -u)") && !said.contains("panicked"), "{said}");
    }
}

/// What can't have a thread of its own waits for the one that there is.
#[test]
fn a_system_that_gives_no_more_threads_ends_no_build_and_no_push() {
    let (airlift, source, samples) = made::bundle(&["team/a"], &[]);
    let target = Embedded::start(Options::default());
    let reference = format!("{}/team/a:1", source.authority());
    let build = ["build", &reference, "-o", "c.tar"];
    let push = ["push", "b.tar", target.authority()];
    // What `runtime::start` starts: the workers twice, two more, and the one that stays.
    let workers = std::thread::available_parallelism().map_or(1, usize::from).max(2);
    for arguments in [&build[..], &push] {
        let command = airlift.command(arguments);
        let Some(mut strace) = Strace::of(&[]) else { return };
        for call in ["clone3", "clone"] {
            strace = strace.failing_from(call, "EAGAIN", 2 * workers + 4);
        }
        let watched = strace.run(&command);
        assert_eq!(watched.output.status.code(), Some(0), "{watched:?}");
        assert!(!watched.stderr().contains("panicked"), "{watched:?}");
    }
    assert!(airlift.read("b.tar") == airlift.read("c.tar"));
    target.endpoint().assert_holds(&samples[0], "team/a");
}

#[test]
fn a_receipt_that_can_not_be_written_hides_no_result() {
    let (airlift, _source, _) = made::bundle(&["team/a", "team/b", "team/c"], &[]);
    let push = |more: &[&str]| {
        let target = Embedded::start(Options::default());
        let arguments = ["push", "b.tar", target.authority(), "--receipt", "r.json"];
        // In units of 512 bytes, of which the receipt needs more than one.
        limited(&airlift, "-f 1", &[&arguments, more].concat()).expect(4)
    };
    let ran = push(&[]);
    assert!(ran.text().contains("OK: 3 pushed"), "{ran}");
    assert_eq!(ran.stderr.matches("; the push goes on").count(), 1, "{ran}");
    assert!(
        ran.stderr.contains("can't write the receipt r.json") && !ran.stderr.contains(".r.json"),
        "{ran}"
    );
    assert_eq!(ran.stderr.matches("File too large").count(), 2, "the warning and the error: {ran}");
    let receipt = push(&["--json"]).json("airlift.receipt/v1");
    assert_eq!((&receipt["ok"], receipt["images"].as_array().unwrap().len()), (&true.into(), 3));
    assert_eq!(airlift.files(), ["b.tar"]);
}
