//! The user's files: a build never overwrites a file that it reads, under any name; and control characters in
//! names are escaped.

use std::fs::File;
use std::os::unix::ffi::OsStrExt;

use airlift_server::Options;

use crate::airlift::Airlift;
use crate::made::{Embedded, bundle, two_platforms};

/// No server listens there, and no request is sent.
const NOWHERE: &str = "127.0.0.1:1/team/app:1";

/// Runs a build that has to be refused, and finds `file` as it was.
fn refused(airlift: &Airlift, file: &str, arguments: &[&str]) {
    let before = airlift.read(file);
    let files = airlift.files();
    for more in [&[][..], &["--force"], &["--dry-run"]] {
        let arguments = [&["build"], arguments, more].concat();
        let ran = airlift.run(&arguments).expect(2);
        ran.says(&format!("{file} would be written over"));
        assert_eq!(airlift.read(file), before, "{arguments:?}");
        assert_eq!(airlift.files(), files, "{arguments:?}");
    }
}

#[test]
fn a_list_is_not_written_over_by_its_own_bundle() {
    let airlift = Airlift::new();
    let volumes = ["--volume-size", "64K"];
    for (list, output, more) in [
        ("images.txt", "images.txt", &[][..]),
        ("images.txt", "./images.txt", &[]),
        ("b.tar.part", "b.tar", &[]),
        ("b.tar.part.1", "b.tar", &[]),
        ("b.tar.part.manifests", "b.tar", &[]),
        ("b.tar.zst.part", "b.tar.zst", &[]),
        ("b.tar.001", "b.tar", &volumes),
        ("b.tar.0012", "b.tar", &volumes),
        ("b.tar.002.part", "b.tar", &volumes),
        ("b.tar.volumes.json.part", "b.tar", &volumes),
    ] {
        std::fs::write(airlift.path(list), NOWHERE).unwrap();
        refused(&airlift, list, &[&["-f", list, "-o", output], more].concat());
        std::fs::remove_file(airlift.path(list)).unwrap();
    }
}

#[test]
fn links_and_redirections_lead_to_the_same_list() {
    let airlift = Airlift::new();
    std::fs::write(airlift.path("images.txt"), NOWHERE).unwrap();
    std::fs::hard_link(airlift.path("images.txt"), airlift.path("hard.txt")).unwrap();
    std::os::unix::fs::symlink("images.txt", airlift.path("soft.txt")).unwrap();
    for (list, output) in [("hard.txt", "images.txt"), ("soft.txt", "images.txt"), ("images.txt", "hard.txt")]
    {
        refused(&airlift, output, &["-f", list, "-o", output]);
    }
    let redirected = |arguments: &[&str], stdin: bool| {
        let mut command = airlift.command(arguments);
        if stdin {
            command.stdin(File::open(airlift.path("images.txt")).unwrap());
        } else {
            command.stdout(File::options().append(true).open(airlift.path("images.txt")).unwrap());
        }
        let output = command.output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert_eq!(output.status.code(), Some(2), "{said}");
        assert!(said.contains("would be written over"), "{said}");
        assert_eq!(airlift.read("images.txt"), NOWHERE.as_bytes());
    };
    redirected(&["build", "-f", "-", "-o", "images.txt", "--force"], true);
    redirected(&["build", "-f", "images.txt", "-o", "-"], false);
}

#[test]
fn what_is_reused_or_trusted_or_secret_is_not_written_over() {
    let airlift = Airlift::new();
    let precious = b"{\"auths\":{}}";
    std::fs::create_dir(airlift.path(".docker")).unwrap();
    for file in [".docker/config.json", "auth.json", "ca.pem"] {
        std::fs::write(airlift.path(file), precious).unwrap();
    }
    refused(&airlift, ".docker/config.json", &[NOWHERE, "-o", ".docker/config.json"]);
    refused(&airlift, "auth.json", &[NOWHERE, "-o", "auth.json", "--auth-file", "auth.json"]);
    refused(&airlift, "ca.pem", &[NOWHERE, "-o", "ca.pem", "--ca-file", "ca.pem"]);
    // With a file named for them, the usual places are not looked into.
    let named = ["build", NOWHERE, "-o", ".docker/config.json", "--auth-file", "auth.json", "--retries", "0"];
    airlift.run(&named).expect(3);
    let mut command = airlift.command(&["build", NOWHERE, "-o", "ca.pem", "--force"]);
    let output = command.env("SSL_CERT_FILE", airlift.path("ca.pem")).output().unwrap();
    assert_eq!(output.status.code(), Some(2), "{output:?}");
}

#[test]
fn what_is_reused_is_not_the_output() {
    let (airlift, _source, _) = bundle(&["team/app"], &[]);
    std::fs::copy(airlift.path("b.tar"), airlift.path("c.tar.part")).unwrap();
    for (reused, output) in [("b.tar", "b.tar"), ("c.tar.part", "c.tar")] {
        refused(&airlift, reused, &[NOWHERE, "-o", output, "--reuse", reused]);
    }
    let ran = airlift.run(&["build", NOWHERE, "-o", "b.tar", "--reuse", "b.tar", "--force"]).expect(2);
    ran.says("leave --reuse out");
    let (airlift, _source, _) = bundle(&["team/app"], &["--volume-size", "64K"]);
    let arguments = ["build", NOWHERE, "-o", "b.tar", "--volume-size", "64K", "--force", "--reuse"];
    for reused in ["b.tar", "b.tar.volumes.json"] {
        let ran = airlift.run(&[&arguments[..], &[reused]].concat()).expect(2);
        ran.says("b.tar.volumes.json would be written over");
    }
}

/// Control characters of terminals, and ends of lines.
const NAME: &str = "b\u{1b}[31m\n\u{7f}\u{9b}.tar";

fn assert_harmless(what: &str, text: &[u8]) {
    let text = String::from_utf8_lossy(text);
    let obeyed = text.chars().find(|c| c.is_control() && *c != '\n');
    assert_eq!(obeyed, None, "{what}: {text:?}");
    assert!(!text.contains("[31m\n"), "{what}: {text:?}");
}

#[test]
fn names_of_files_are_shown_and_not_obeyed() {
    let (source, target) = (Embedded::start(Options::default()), Embedded::start(Options::default()));
    source.endpoint().push(&[two_platforms("team/app", 1)]);
    let (airlift, reference) = (Airlift::new(), format!("{}/team/app:1", source.authority()));
    std::fs::write(airlift.path("list"), &reference).unwrap();
    let (zst, missing) = (NAME.replace(".tar", ".tar.zst"), NAME.replace(".tar", ".none"));
    let no_folder = format!("{NAME}/b.tar");
    let volumes = NAME.replace("b", "v");
    let runs: [&[&str]; 25] = [
        &["build", &reference, "-o", NAME],
        &["build", &reference, "-o", NAME],
        &["build", "127.0.0.1:1/x", "-o", NAME, "--reuse", NAME],
        &["build", &reference, "-o", &zst],
        &["build", &reference, "-o", &zst, "--dry-run"],
        &["build", &reference, "-o", &volumes, "--volume-size", "64K"],
        &["build", "-f", &missing, "-o", "c.tar"],
        &["build", "-f", NAME, "-o", "c.tar"],
        &["build", &reference, "-o", &no_folder],
        &["build", &reference, "-o", "c.tar", "--reuse", &missing],
        &["build", &reference, "-o", "c.tar", "--ca-file", &missing],
        &["build", &reference, "-o", "c.tar", "--auth-file", &missing],
        &["build", &reference, "-o", "c.tar", "--max-size", NAME],
        &["build", &reference, "-o", "c.tar", "--platform", NAME],
        &["build", &reference, NAME, "-o", "c.tar"],
        &[NAME],
        &["verify", NAME],
        &["verify", &missing],
        &["verify", NAME, "--expect", &missing],
        &["inspect", NAME],
        &["inspect", &missing],
        &["inspect", NAME, "nothing"],
        &["push", NAME, target.authority()],
        &["push", &missing, target.authority()],
        &["push", NAME, target.authority(), "--receipt", &no_folder],
    ];
    for arguments in runs {
        let ran = airlift.run(arguments);
        assert_harmless(&format!("{arguments:?} stdout"), &ran.stdout);
        assert_harmless(&format!("{arguments:?} stderr"), ran.stderr.as_bytes());
    }
    assert!(std::path::Path::new(NAME).as_os_str().as_bytes().contains(&0x1b) && airlift.path(NAME).exists());
}
