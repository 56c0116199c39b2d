//! Lists of what failed, locks and other small files that a run writes: they take no other file's place, and
//! a run that finds nothing out leaves them as they are.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::path::Path;
use std::process::Command;

use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Script};

use crate::airlift::Airlift;
use crate::made::{self, Embedded};

/// Runs what has to be refused before anything is done, and finds `file` as it was.
fn refused(airlift: &Airlift, file: &str, arguments: &[&str]) {
    let (before, files) = (fs::read(airlift.path(file)).ok(), airlift.files());
    airlift.run(arguments).expect(2).says("would be written over");
    assert_eq!(fs::read(airlift.path(file)).ok(), before, "{arguments:?}");
    assert_eq!(airlift.files(), files, "{arguments:?}");
}

#[test]
fn a_list_of_failures_takes_no_place_of_what_is_read() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let image = format!("{}/team/app:1", source.authority());
    airlift.run(&["build", &image, "-o", "v.tar", "--volume-size", "64K"]).expect(0);
    fs::create_dir(airlift.path("oc")).unwrap();
    let untar =
        Command::new("tar").args(["-xf", "b.tar", "-C", "oc"]).current_dir(airlift.path(".")).status();
    assert!(untar.unwrap().success());
    symlink("v.tar.001", airlift.path("link")).unwrap();
    for (from, failed) in [
        ("oci-archive:b.tar", "b.tar"),
        ("oci:oc", "oc/index.json"),
        ("oci-archive:v.tar", "v.tar.volumes.json"),
        ("oci-archive:v.tar", "v.tar.001"),
        ("oci-archive:v.tar", "link"),
    ] {
        for more in [&["-o", "o.tar"][..], &["-o", "o.tar", "--keep-going"], &["--dry-run"]] {
            refused(&airlift, failed, &[&["build", from, "--failed", failed], more].concat());
        }
        refused(&airlift, failed, &["copy", from, "127.0.0.1:1", "--failed", failed]);
    }
    refused(
        &airlift,
        "v.tar.001",
        &["build", &image, "-o", "o.tar", "--reuse", "v.tar", "--failed", "v.tar.001"],
    );
    for command in [&["push", "v.tar", "127.0.0.1:1"][..], &["check", "v.tar"]] {
        refused(&airlift, "v.tar.001", &[command, &["--failed", "v.tar.001"]].concat());
    }
    refused(&airlift, "v.tar.001", &["check", "v.tar", "--junit", "v.tar.001"]);
}

#[test]
fn the_files_of_one_run_have_a_place_each() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let image = format!("{}/team/app:1", source.authority());
    fs::create_dir(airlift.path("d")).unwrap();
    symlink("n.tar", airlift.path("link")).unwrap();
    let volumes = ["--volume-size", "64K"];
    for (failed, more) in [
        ("b.tar", &["-o", "b.tar"][..]),
        ("n.tar", &["-o", "n.tar"]),
        ("d/../n.tar", &["-o", "n.tar"]),
        ("link", &["-o", "n.tar"]),
        ("n.tar.part", &["-o", "n.tar"]),
        ("n.tar.part.manifests", &["-o", "d/../n.tar"]),
        ("n.tar.001", &["-o", "n.tar", volumes[0], volumes[1]]),
        ("n.tar.volumes.json", &["-o", "n.tar", volumes[0], volumes[1]]),
        ("x", &["-o", "n.tar", "--lock", "x"]),
    ] {
        refused(&airlift, failed, &[&["build", &image, "--failed", failed], more].concat());
        if !more.contains(&"--lock") {
            refused(&airlift, failed, &[&["build", &image, "--dry-run", "--failed", failed], more].concat());
            refused(&airlift, failed, &[&["build", &image, "--lock", failed], more].concat());
        }
    }
    // A bundle that is complete already is one, too.
    refused(&airlift, "b.tar", &["build", &image, "-o", "b.tar", "--failed", "b.tar"]);
    for pair in [["--receipt", "--events"], ["--events", "--failed"], ["--failed", "--receipt"]] {
        refused(&airlift, "x", &["push", "b.tar", "127.0.0.1:1", pair[0], "x", pair[1], "d/../x"]);
    }
    refused(&airlift, "x", &["check", &image, "--junit", "x", "--failed", "./x"]);
    airlift.run(&["build", &image, "-o", "n.tar", "--failed", "n.tar.failed"]).expect(0);
}

#[test]
fn a_run_that_finds_nothing_out_leaves_the_old_list() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let image = format!("{}/team/app:1", source.authority());
    let last_month = "quay.example/team/old:1\n";
    fs::write(airlift.path("failed.txt"), last_month).unwrap();
    let failed = ["--failed", "failed.txt"];
    let copied = source.authority();
    for (code, arguments) in [
        (2, &["build", "BAD", "-o", "o.tar"][..]),
        (4, &["build", "-f", "none.txt", "-o", "o.tar"]),
        (4, &["build", &image, "-o", "o.tar", "--ca-file", "none.pem"]),
        (4, &["build", &image, "-o", "none/o.tar"]),
        (5, &["build", &image, "-o", "o.tar", "--max-size", "1"]),
        (2, &["copy", "BAD", copied]),
        (4, &["copy", &image, copied, "--ca-file", "none.pem"]),
        (2, &["push", "b.tar", copied, "--only", "none"]),
        (4, &["push", "b.tar", copied, "--ca-file", "none.pem"]),
        (4, &["check", &image, "--ca-file", "none.pem"]),
    ] {
        airlift.run(&[arguments, &failed].concat()).expect(code);
        assert_eq!(airlift.read("failed.txt"), last_month.as_bytes(), "{arguments:?}");
    }
    airlift.run(&[&["build", &image, "-o", "o.tar"][..], &failed].concat()).expect(0);
    assert_eq!(airlift.read("failed.txt"), b"");
    let gone = format!("{copied}/team/gone:1");
    airlift.run(&[&["build", &gone, "-o", "p.tar"][..], &failed].concat()).expect(3);
    assert_eq!(airlift.read("failed.txt"), format!("{gone}\n").as_bytes());
}

#[test]
fn links_and_pipes_stay_what_they_are() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let image = format!("{}/team/app:1", source.authority());
    fs::create_dir(airlift.path("d")).unwrap();
    let links = [("list", "d/list.txt"), ("lock", "d/new.lock"), ("xml", "d/r.xml")];
    for (link, target) in links {
        symlink(target, airlift.path(link)).unwrap();
    }
    fs::write(airlift.path("d/list.txt"), "old\n").unwrap();
    airlift.run(&["build", &image, "-o", "o.tar", "--failed", "list"]).expect(0);
    airlift.run(&["lock", &image, "-o", "lock"]).expect(0);
    airlift.run(&["check", "b.tar", "--junit", "xml"]).expect(0);
    for (link, target) in links {
        assert!(airlift.path(link).is_symlink(), "{link}");
        assert!(!airlift.path(target).is_symlink(), "{target}");
    }
    assert_eq!(airlift.read("d/list.txt"), b"");
    assert!(String::from_utf8(airlift.read("d/new.lock")).unwrap().contains("team/app"));

    let pipe = airlift.path("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let gone = format!("{}/team/gone:1", source.authority());
    let reader = std::thread::spawn({
        let pipe = pipe.clone();
        move || fs::read_to_string(pipe).unwrap()
    });
    airlift.run(&["build", &gone, "-o", "p.tar", "--failed", "pipe"]).expect(3);
    assert_eq!(reader.join().unwrap(), format!("{gone}\n"));
    airlift.run(&["lock", &image, "-o", "pipe"]).expect(4).says("not a regular file");
    let anyone = Script::empty().rule(|_| Some(Answer::ok("application/json", "{}"))).start();
    let host = anyone.authority();
    let login = ["login", &host, "-u", "ann", "--password-stdin", "--auth-file", "pipe"];
    // Opening a pipe waits for its writer: the login has to be refused before.
    airlift.run_with_input(&login, b"secret\n").expect(4).says("not a regular file");
    assert!(fs::metadata(&pipe).unwrap().file_type().is_fifo());
}

#[test]
fn a_run_with_two_texts_for_one_device_is_no_mistake() {
    let (airlift, _source, _) = made::bundle(&["team/app"], &[]);
    let target = Embedded::start(Options::default());
    let both = ["--events", "/dev/stderr", "--failed", "/dev/stderr"];
    let ran = airlift.run(&[&["push", "b.tar", target.authority()][..], &both].concat()).expect(0);
    ran.says("\"event\":");
}

/// Runs with standard output and error into one file of that name, between lines of the script.
fn in_script(airlift: &Airlift, arguments: &[&str], file: &str) -> (i32, String) {
    let wanted = airlift.command(arguments);
    let script = format!("{{ echo before; \"$0\" \"$@\"; code=$?; echo after; }} >{file} 2>&1; exit $code");
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).arg(wanted.get_program()).args(wanted.get_args());
    shell.current_dir(airlift.path("")).env("HOME", airlift.path(""));
    let code = shell.status().unwrap().code().unwrap();
    (code, String::from_utf8(airlift.read(file)).unwrap())
}

/// Opened by its name, a file that standard output leads to would have a second offset: texts would overwrite
/// each other.
#[test]
fn what_goes_to_standard_output_stands_there_once_and_whole() {
    if !Path::new("/dev/stdout").exists() {
        return;
    }
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let (image, gone) =
        (format!("{}/team/app:1", source.authority()), format!("{}/team/gone:1", source.authority()));
    for name in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1", "/dev/stderr"] {
        let build =
            ["build", "-q", &image, &gone, "-o", "o.tar", "--keep-going", "--force", "--failed", name];
        let (code, text) = in_script(&airlift, &build, "out.txt");
        let (start, end) = (text.starts_with("before\n"), text.ends_with("after\n"));
        assert!(code == 3 && start && end && text.contains(&format!("\n{gone}\n")), "{name}: {code} {text}");
    }
    let target = Embedded::start(Options::default());
    let push = ["push", "b.tar", target.authority(), "--events", "/dev/stdout"];
    let (code, text) = in_script(&airlift, &push, "out.txt");
    let lines: Vec<&str> = text.lines().filter(|line| line.starts_with("{\"event\":")).collect();
    assert!(code == 0 && !lines.is_empty() && lines.iter().all(|line| line.ends_with('}')), "{text}");
    assert!(text.starts_with("before\n") && text.contains("team/app") && text.ends_with("after\n"), "{text}");

    let at = |arguments: &[&str]| airlift.run_at("1777888800", arguments);
    let printed = at(&["lock", &image, "-o", "-"]).expect(0).stdout;
    assert!(at(&["lock", &image, "-o", "/dev/stdout"]).expect(0).stdout == printed);
    let mut command = airlift.command(&["lock", &image, "-o", "/dev/fd/1"]);
    command.env("SOURCE_DATE_EPOCH", "1777888800").stdout(fs::File::create(airlift.path("l.lock")).unwrap());
    assert!(command.status().unwrap().success());
    assert!(airlift.read("l.lock") == printed, "the lock is another one");
    for lock in [
        &["build", &image, "-o", "n.tar", "--lock", "/dev/stdout"][..],
        &["inspect", "b.tar", "--lock", "/dev/stdout"],
    ] {
        let (code, text) = in_script(&airlift, lock, "out.txt");
        assert!(code == 2 && text.contains("wants a file's name"), "{lock:?}: {code} {text}");
    }
    let (code, text) = in_script(&airlift, &["lock", &image, "-o", "/dev/stderr"], "out.txt");
    assert!(code == 4 && text.contains("not a regular file"), "{code} {text}");
    let printed = airlift.run(&["build", &image, "-o", "/dev/stdout"]).expect(0).stdout;
    assert!(printed == airlift.read("b.tar"));
}

#[test]
fn an_archive_on_standard_output_has_no_list_in_it() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let image = format!("{}/team/app:1", source.authority());
    for failed in ["/dev/stdout", "/dev/fd/1"] {
        if Path::new(failed).exists() {
            let stream = ["build", &image, "-o", "-", "--failed", failed];
            let ran = airlift.run(&stream).expect(2).says("would be written over");
            assert!(ran.stdout.is_empty());
        }
    }
}

/// `-` is standard output to other programs, and a file of that name is hard to remove.
#[test]
fn no_file_gets_the_name_of_a_stream() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let (image, files) = (format!("{}/team/app:1", source.authority()), airlift.files());
    fs::write(airlift.path("pod.yaml"), "").unwrap();
    for arguments in [
        &["build", &image, "-o", "n.tar", "--failed", "-"][..],
        &["push", "b.tar", "127.0.0.1:1", "--failed", "-"],
        &["copy", &image, "127.0.0.1:1", "--failed", "-"],
        &["check", &image, "--failed", "-"],
        &["check", &image, "--junit", "-"],
        &["images", "pod.yaml", "-o", "-"],
    ] {
        airlift.run(arguments).expect(2).says("a file's name is expected");
    }
    fs::remove_file(airlift.path("pod.yaml")).unwrap();
    assert_eq!(airlift.files(), files);
}

/// People mistype names, and repeat a command with two files swapped.
#[test]
fn reports_take_the_place_of_reports_of_their_kind_only() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let target = Embedded::start(Options::default());
    let image = format!("{}/team/app:1", source.authority());
    airlift.run(&["lock", &image, "-o", "i.lock"]).expect(0);
    fs::write(airlift.path("auth.json"), "{\"auths\": {}}\n").unwrap();
    fs::write(airlift.path("notes.txt"), "call Ann about it\n").unwrap();
    fs::copy(airlift.path("b.tar"), airlift.path("other.tar")).unwrap();
    let commands = [
        (&["build", &image, "-o", "o.tar"][..], "--failed"),
        (&["build", &image, "--dry-run"], "--failed"),
        (&["push", "b.tar", target.authority()], "--failed"),
        (&["copy", &image, target.authority()], "--failed"),
        (&["check", &image], "--failed"),
        (&["check", &image], "--junit"),
    ];
    fs::write(airlift.path("run.sh"), "#!/bin/sh\n# every night\n").unwrap();
    for file in ["other.tar", "i.lock", "auth.json", "notes.txt", "run.sh"] {
        let (before, files) = (airlift.read(file), airlift.files());
        for (command, option) in commands {
            airlift.run(&[command, &[option, file]].concat()).expect(4).says("name another file").says(file);
            assert!(airlift.read(file) == before && airlift.files() == files, "{command:?} {option} {file}");
        }
    }
    assert_eq!(target.endpoint().try_manifest("team/app", "1").status, 404);
    // A list is no JUnit report, nor the other way round.
    for (option, text) in [("--failed", "# one\nr.example/a:1\n\n"), ("--junit", "<testsuites/>\n")] {
        fs::write(airlift.path("report"), text).unwrap();
        for (command, other) in commands.into_iter().filter(|(_, other)| *other != option) {
            airlift.run(&[command, &[other, "report"]].concat()).expect(4).says("name another file");
        }
        airlift.run(&["check", &image, option, "report"]).expect(0);
        assert_ne!(airlift.read("report"), text.as_bytes());
    }
}
