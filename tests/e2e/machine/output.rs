//! Standard output and files for reports that take nothing.

use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};

use airlift_server::Options;

use super::{built, reference};
use crate::airlift::Airlift;
use crate::made::Embedded;

const FULL: &str = "/dev/full";

#[test]
fn an_archive_that_nobody_takes_is_an_error() {
    let (source, airlift) = built();
    let arguments = ["build", &reference(&source), "-o", "-"];
    if Path::new(FULL).exists() {
        airlift.run_into(&arguments, Path::new(FULL)).expect(4).says("No space left on device");
    }
    // A reader that goes away: no error of ours, but no success, and the message says why it ended.
    let mut command = airlift.command(&arguments);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let mut head = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut head).unwrap();
    let output = child.wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!said.contains("error") && !said.contains("panicked"), "{said}");
    assert!(said.contains("ended before the archive did"), "{said}");
    // The same bytes as in a file.
    let streamed = airlift.run(&arguments).expect(0);
    assert!(streamed.stdout == airlift.read("b.tar"));
}

/// Runs with descriptors closed by the shell, such as `>&-`.
fn with_closed(airlift: &Airlift, closed: &str, arguments: &[&str]) -> (i32, String) {
    let wanted = airlift.command(arguments);
    let mut shell = Command::new("sh");
    shell
        .arg("-c")
        .arg(format!("exec \"$0\" \"$@\" {closed}"))
        .arg(wanted.get_program())
        .args(wanted.get_args());
    shell.current_dir(airlift.path("")).env("HOME", airlift.path(""));
    let output = shell.stderr(Stdio::piped()).output().unwrap();
    (output.status.code().unwrap(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn a_closed_stdout_takes_no_archive() {
    let (source, airlift) = built();
    let reference = reference(&source);
    let (code, said) = with_closed(&airlift, ">&-", &["build", &reference, "-o", "-"]);
    assert_eq!(code, 4, "{said}");
    assert!(said.contains("standard output is closed"), "{said}");
    // Whoever throws it away by intention may.
    let (code, said) = with_closed(&airlift, ">/dev/null", &["build", &reference, "-o", "-"]);
    assert_eq!(code, 0, "{said}");
    // Without standard error and input, nothing can be printed or asked, and the work is done nevertheless.
    for closed in ["2>&-", "<&-", "<&- 2>&-"] {
        let (code, said) = with_closed(&airlift, closed, &["verify", "b.tar"]);
        assert_eq!(code, 0, "{closed}: {said}");
        std::fs::remove_file(airlift.path("b.tar")).unwrap();
        let (code, said) = with_closed(&airlift, closed, &["build", &reference, "-o", "b.tar"]);
        assert_eq!(code, 0, "{closed}: {said}");
        airlift.run(&["verify", "b.tar"]).expect(0);
    }
}

#[test]
fn a_report_that_is_not_written_is_an_error() {
    let (source, airlift) = built();
    let target = Embedded::start(Options::default());
    let reference = reference(&source);
    if !Path::new(FULL).exists() {
        return;
    }
    let results: [&[&str]; 6] = [
        &["verify", "b.tar"],
        &["--json", "verify", "b.tar"],
        &["--json", "inspect", "b.tar"],
        &["--json", "build", &reference, "-o", "b.tar"],
        &["--json", "push", "b.tar", target.authority(), "--dry-run"],
        &["--json", "push", "b.tar", target.authority()],
    ];
    for arguments in results {
        airlift.run_into(arguments, Path::new(FULL)).expect(4).says("standard output");
    }
    let push = ["push", "b.tar", target.authority(), "--receipt"];
    for receipt in [FULL, "/proc/receipt.json", "no/such/folder/r.json", "."] {
        let arguments: Vec<&str> = push.into_iter().chain([receipt]).collect();
        airlift.run(&arguments).expect(4).says(receipt);
    }
    // A standard error that takes nothing is no reason to fail.
    let full = File::options().write(true).open(FULL).unwrap();
    let status = airlift.command(&["verify", "b.tar"]).stdout(Stdio::null()).stderr(full).status().unwrap();
    assert!(status.success());
}
