//! Disks that are full or broken.
//!
//! The tests let system calls fail, which works for every user everywhere, and set `ulimit -f`, so that the
//! kernel itself refuses to make a file larger, as a quota does. To mount a small file system needs a
//! permission: `tests/faults/inject` uses one if it may.

use airlift_testkit::failing_calls::{ERRORS, Outcome, fail};
use airlift_testkit::kills::{Before, Build, Form, sample};
use airlift_testkit::strace::Strace;
use airlift_testkit::tool::tool;
use std::process::Command;

use super::{built, program, reference, source};
use crate::airlift::Airlift;
use crate::made::Embedded;

/// The calls without which there is no bundle. A name that isn't called is passed over, but then another is.
const CALLS: [&str; 6] = ["openat", "ftruncate", "fallocate", "pwrite64", "fsync", "renameat2"];

fn build(source: &Embedded, form: Form, before: Before) -> Build {
    Build::new(&program(), source.authority(), (&sample("1", 1), &sample("0", 100)), form, before)
}

#[test]
fn a_disk_that_fails_costs_nothing_that_was_there() {
    let source = source();
    let walks = [
        (Form::Tar, Before::Nothing, 2),
        (Form::Tar, Before::OtherBundle, 1),
        (Form::Zst, Before::Nothing, 1),
        (Form::Volumes, Before::Nothing, 1),
    ];
    for (form, before, numbers) in walks {
        let build = build(&source, form, before);
        let mut held = 0;
        for (call, error) in CALLS.iter().flat_map(|call| ERRORS.map(|error| (call, error))) {
            for number in 1..=numbers {
                match fail(&build, call, error, number) {
                    None => return,
                    Some(Outcome::NotReached) => break,
                    Some(Outcome::Held | Outcome::GotOver) => held += 1,
                }
            }
        }
        assert!(held >= 8, "only {held} calls were there to fail");
    }
}

#[test]
fn a_part_that_can_not_be_read_is_an_io_error() {
    let source = source();
    let build = build(&source, Form::Tar, Before::Part);
    let Some(outcome) = fail(&build, "pread64", "EIO", 1) else { return };
    assert_eq!(outcome, Outcome::Held);
}

#[test]
fn a_full_disk_says_what_to_do() {
    let (source, airlift) = (source(), Airlift::new());
    let output = airlift.path("b.tar");
    let command = airlift.command(&["build", &reference(&source), "-o", output.to_str().unwrap()]);
    let part = airlift.path("b.tar.part");
    for call in ["fallocate", "pwrite64"] {
        let Some(strace) = Strace::of(&[]) else { return };
        let watched = strace.about(std::slice::from_ref(&part)).failing(call, "ENOSPC", 1).run(&command);
        assert!(watched.has_failed(), "{watched:?}");
        let said = watched.stderr();
        assert!(said.contains("b.tar.part") && said.contains("No space left on device"), "{said}");
        assert!(said.contains("hint: make room") && said.contains("the same command goes on"), "{said}");
        assert!(said.contains("nothing is kept") && !said.contains("--reuse"), "{said}");
    }
}

#[test]
fn what_a_full_disk_left_can_be_taken_along_to_another() {
    let (source, airlift) = (source(), Airlift::new());
    let output = airlift.path("b.tar");
    // One transfer at a time, so that one thread writes them all.
    let command = airlift.command(&["build", &reference(&source), "-j", "1", "-o", output.to_str().unwrap()]);
    let part = airlift.path("b.tar.part");
    for number in 2.. {
        let Some(strace) = Strace::of(&[]) else { return };
        let strace = strace.about(std::slice::from_ref(&part));
        let watched = strace.failing("pwrite64", "ENOSPC", number).run(&command);
        assert!(watched.has_failed(), "{watched:?}");
        let said = watched.stderr();
        if said.contains("nothing is kept") {
            continue;
        }
        assert!(said.contains("b.tar.part, which has what arrived"), "{said}");
        assert!(said.contains(&format!("--reuse {}", part.display())), "{said}");
        let elsewhere = ["build", &reference(&source), "-o", "c.tar", "--reuse", "b.tar.part"];
        airlift.run(&elsewhere).expect(0);
        airlift.run(&["verify", "c.tar"]).expect(0);
        return;
    }
}

#[test]
fn a_file_that_may_not_grow_is_an_io_error_and_no_end_by_a_signal() {
    let (source, airlift) = (source(), Airlift::new());
    std::fs::write(airlift.path("b.tar"), "precious").unwrap();
    let wanted = airlift.command(&["build", &reference(&source), "-o", "b.tar", "--force"]);
    // In units of 512 bytes: a fifth of the bundle.
    let mut limited = Command::new("sh");
    limited
        .args(["-c", "ulimit -f 1000; exec \"$0\" \"$@\""])
        .arg(wanted.get_program())
        .args(wanted.get_args());
    limited.current_dir(airlift.path("")).env("HOME", airlift.path(""));
    let output = limited.output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{}: {said}", output.status);
    assert!(said.contains("b.tar.part") && said.contains("File too large"), "{said}");
    assert_eq!(airlift.read("b.tar"), b"precious");
    airlift.run(&["build", &reference(&source), "-o", "b.tar", "--force"]).expect(0);
    airlift.run(&["verify", "b.tar"]).expect(0);
}

#[test]
fn content_that_can_not_be_read_is_never_ok() {
    let (_source, airlift) = built();
    let bundle = airlift.path("b.tar");
    let command = airlift.command(&["--json", "verify", bundle.to_str().unwrap(), "--jobs", "1"]);
    let mut failed = 0;
    for number in 1.. {
        let Some(strace) = Strace::of(&[]) else { return };
        let watched =
            strace.about(std::slice::from_ref(&bundle)).failing("pread64", "EIO", number).run(&command);
        if !watched.has_failed() {
            assert_eq!(watched.output.status.code(), Some(0), "{watched:?}");
            break;
        }
        failed += 1;
        let report = String::from_utf8_lossy(&watched.output.stdout);
        match watched.output.status.code() {
            Some(1) => assert!(report.contains("unreadable") && report.contains("\"ok\": false"), "{report}"),
            Some(4) => assert!(watched.stderr().contains("b.tar"), "{watched:?}"),
            _ => panic!("read {number}: {watched:?}"),
        }
    }
    assert!(failed > 5, "only {failed} reads");
}

#[test]
fn a_folder_that_takes_nothing_is_named() {
    let (source, airlift) = (source(), Airlift::new());
    // Nobody may make files there, not even root; elsewhere permissions don't bind root.
    for folder in ["/sys", "/proc"] {
        let output = format!("{folder}/b.tar");
        let refused = airlift.run(&["build", &reference(&source), "-o", &output]).expect(4);
        refused.says(&output);
    }
    let closed = airlift.path("closed");
    std::fs::create_dir(&closed).unwrap();
    let output = closed.join("b.tar");
    let command = airlift.command(&["build", &reference(&source), "-o", output.to_str().unwrap()]);
    let Some(strace) = Strace::of(&[]) else { return };
    // What a file system that is mounted for reading says.
    let strace = strace.about(&[closed.join("b.tar.part")]);
    let watched = strace.refusing("openat", "EROFS").run(&command);
    assert_eq!(watched.output.status.code(), Some(4), "{watched:?}");
    assert!(watched.stderr().contains("closed/b.tar.part"), "{watched:?}");
    assert_eq!(std::fs::read_dir(&closed).unwrap().count(), 0);
}

#[test]
fn a_folder_that_fails_as_it_is_closed_ends_no_build() {
    let (source, airlift) = (source(), Airlift::new());
    let folder = airlift.path("odd");
    std::fs::create_dir(&folder).unwrap();
    let output = folder.join("b.tar");
    let command = airlift.command(&["build", &reference(&source), "-o", output.to_str().unwrap()]);
    let Some(strace) = Strace::of(&[]) else { return };
    let watched = strace.about(&[folder]).refusing("close", "EIO").run(&command);
    assert_eq!(watched.output.status.code(), Some(0), "{watched:?}");
    assert!(output.is_file());
}

#[test]
fn a_second_writer_is_sent_away() {
    let (source, airlift) = (source(), Airlift::new());
    let Some(flock) = tool("flock") else { return };
    let mut locked = Command::new(flock);
    let wanted = airlift.command(&["build", &reference(&source), "-o", "b.tar"]);
    locked.arg("b.tar.part").arg(wanted.get_program()).args(wanted.get_args());
    let output = locked.current_dir(airlift.path("")).env("HOME", airlift.path("")).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("b.tar.part is being written by"), "{said}");
    assert!(!airlift.path("b.tar").exists());
    airlift.run(&["build", &reference(&source), "-o", "b.tar"]).expect(0);
}
