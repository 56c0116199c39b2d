//! Mistakes of operators, and the messages for them: the right exit code, what happened, to what; nothing
//! left behind.

use std::net::TcpListener;
use std::path::Path;

use airlift_oci::media_type;
use airlift_server::Options;
use airlift_testkit::scripted::{Answer, Script, ScriptedRegistry};
use serde_json::json;

use crate::airlift::Airlift;
use crate::made::{self, Embedded};
use crate::pair::Pair;

#[test]
fn what_is_not_a_reference_is_a_usage_error() {
    let airlift = Airlift::new();
    for bad in [
        "name/UPPER",
        "name@sha256:12",
        "name:tag:tag",
        "",
        "name@md5:d41d8cd98f00b204e9800998ecf8427e",
        "a b",
    ] {
        airlift.run(&["build", bad, "-o", "b.tar"]).expect(2);
    }
    airlift.run(&["build", "-o", "b.tar"]).expect(2);
    airlift.run(&["no-such-command"]).expect(2);
    assert_eq!(airlift.files(), [""; 0]);
}

#[test]
fn an_image_that_is_not_there_is_named() {
    let Some(pair) = Pair::start() else { return };
    for missing in ["team/web:none", "no/such/repository:1"] {
        let reference = format!("{}/{missing}", pair.source.authority());
        pair.airlift.run(&["build", &reference, "-o", "b.tar"]).expect(3).says(&reference);
    }
    let digest = format!("sha256:{:064}", 1);
    let pinned = format!("{}/team/web@{digest}", pair.source.authority());
    pair.airlift.run(&["build", &pinned, "-o", "b.tar"]).expect(3).says(&digest);
    assert_eq!(pair.airlift.files(), [""; 0]);
}

#[test]
fn a_registry_that_is_not_there_is_named() {
    // Bound and closed again: no server listens there, or at least no registry does.
    let authority = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let airlift = Airlift::new();
    let reference = format!("{authority}/team/web:1");
    airlift.run(&["build", &reference, "-o", "b.tar", "--retries", "0"]).expect(3).says(&authority);
    assert_eq!(airlift.files(), [""; 0]);
}

#[test]
fn wrong_bytes_are_refused() {
    let samples = airlift_server::samples::all();
    let web = samples[0].clone();
    let largest = web.blobs.iter().max_by_key(|blob| blob.bytes.len()).unwrap().clone();
    let mut wrong = largest.bytes.to_vec();
    wrong[0] ^= 1;
    let path = format!("/blobs/{}", largest.digest);
    let registry = Script::serving(samples)
        .rule(move |request| {
            let is_it = request.method == "GET" && request.path().ends_with(&path);
            is_it.then(|| Answer::ok("application/octet-stream", wrong.clone()))
        })
        .start();
    let airlift = Airlift::new();
    let reference = format!("{}/team/web:1.27", registry.authority());
    let refused = airlift.run(&["build", &reference, "-o", "b.tar", "--retries", "1"]);
    refused.expect(3).says(&largest.digest.to_string());
    assert!(!airlift.path("b.tar").exists());
}

#[test]
fn control_characters_of_a_registry_do_not_reach_the_terminal() {
    let registry = Script::empty()
        .rule(|request| request.is_manifest().then(|| Answer::error(404, "MANIFEST_UNKNOWN", "gone")))
        .rule(|_| Some(Answer::raw("HTTP/1.1 403 \x1b[2J\r\nContent-Length: 7\r\n\r\n\x1b[31mno")))
        .start();
    let evil = Script::empty()
        .rule(|_| {
            let body = "{\"errors\":[{\"code\":\"DENIED\",\"message\":\"\\u001b[31mred\\u0007\"}]}";
            Some(Answer::status(403).header("Content-Type", "application/json").body(body))
        })
        .start();
    let airlift = Airlift::new();
    for registry in [&registry, &evil] {
        let reference = format!("{}/team/web:1", registry.authority());
        let refused = airlift.run(&["build", &reference, "-o", "b.tar", "--retries", "0"]).expect(3);
        assert!(!refused.stderr.contains('\x1b') && !refused.stderr.contains('\x07'), "{refused:?}");
    }
}

/// A digest becomes a part of addresses and of names; a wrong one causes no request.
#[test]
fn what_a_registry_calls_a_digest_is_looked_at_before_it_is_used() {
    for digest in [
        "sha256:../../../../etc/passwd",
        "sha256:beef",
        "md5:d41d8cd98f00b204e9800998ecf8427e",
        "SHA256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "latest",
    ] {
        let entry = json!({"mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": 7});
        let listed = made::index(&[entry]);
        let sample = made::two_platforms("team/app", 1);
        for part in ["/manifests/1", "/referrers/"] {
            let listed = listed.clone();
            let registry = Script::serving(vec![sample.clone()])
                .rule(move |request| {
                    let answer = || Answer::ok(&listed.media_type, listed.bytes.to_vec());
                    request.path().contains(part).then(answer)
                })
                .start();
            let airlift = Airlift::new();
            let reference = format!("{}/team/app:1", registry.authority());
            airlift.run(&["build", &reference, "-o", "b.tar", "--retries", "0"]).expect(3).says("digest");
            let asked = registry.requests();
            let (_, end) = digest.rsplit_once([':', '/']).unwrap_or(("", digest));
            assert!(asked.iter().all(|request| !request.path().ends_with(end)), "{asked:?}");
            assert_eq!(airlift.files(), [""; 0]);
        }
    }
}

/// The author of a bundle chose its names. They are printed with escapes. They never name a file, and an
/// image whose name isn't a reference is not pushed.
#[test]
fn names_in_a_bundle_are_neither_paths_nor_commands() {
    let image = made::image("linux/amd64", 1);
    for name in [
        "../../../../x",
        "/etc/passwd",
        "a/\u{1b}[2J\u{7}:1",
        "x\u{9b}31m",
        "x\u{7f}\u{202e}\u{2066}\u{2028}y",
        "..%2f..%2fx",
        "a\nb\rc",
    ] {
        let airlift = Airlift::new();
        let blobs = airlift.path("layout/blobs/sha256");
        std::fs::create_dir_all(&blobs).unwrap();
        for content in image.blobs.iter().chain([&image.manifest]) {
            std::fs::write(blobs.join(content.digest.hex()), &content.bytes).unwrap();
        }
        let notes =
            json!({"org.opencontainers.image.ref.name": name, "org.opencontainers.image.title": name});
        let root = made::descriptor_with(&image.manifest, &json!({"annotations": notes}));
        let index = json!({"schemaVersion": 2, "manifests": [root]}).to_string();
        std::fs::write(airlift.path("layout/index.json"), index).unwrap();
        std::fs::write(airlift.path("layout/oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
        let target = Embedded::start(Options::default());
        let push = ["push", "layout", target.authority()];
        let dry = ["push", "layout", target.authority(), "--dry-run"];
        for (arguments, fine) in
            [(&["verify", "layout"][..], true), (&["inspect", "layout"], true), (&dry, false), (&push, false)]
        {
            let ran = airlift.run(arguments);
            assert_eq!(ran.code == 0, fine, "{name:?}: {ran}");
            let said = format!("{}{}", ran.text(), ran.stderr);
            assert!(!said.chars().any(|c| c != '\n' && !airlift_oci::text::shows(c)), "{name:?}: {said:?}");
            assert!(!name.contains('\n') || !said.contains(name), "{said}");
            assert_eq!(airlift.files(), ["layout"], "{name:?}");
            let document = airlift.run(&[arguments, &["--json"]].concat()).text();
            assert!(document.chars().all(|c| c == '\n' || airlift_oci::text::shows(c)), "{document:?}");
            if fine {
                let document: serde_json::Value = serde_json::from_str(&document).unwrap();
                assert_eq!(document["images"][0]["reference"], name, "{document:#}");
            }
        }
    }
}

#[test]
fn what_is_no_bundle_is_refused_and_kept() {
    let airlift = Airlift::new();
    std::fs::write(airlift.path("empty.tar"), b"").unwrap();
    std::fs::write(airlift.path("text.tar"), b"this is not a bundle\n".repeat(100)).unwrap();
    std::fs::write(airlift.path("zeros.tar"), vec![0; 10240]).unwrap();
    std::fs::create_dir(airlift.path("folder")).unwrap();
    for name in ["empty.tar", "text.tar", "zeros.tar", "folder", "absent.tar"] {
        for arguments in [vec!["verify", name], vec!["inspect", name], vec!["push", name, "127.0.0.1:1"]] {
            let refused = airlift.run(&arguments);
            assert!(matches!(refused.code, 1 | 4), "{refused}");
            refused.says(name);
        }
    }
    assert_eq!(airlift.files(), ["empty.tar", "folder", "text.tar", "zeros.tar"]);
}

#[test]
fn an_output_that_can_not_be_written_is_an_io_error() {
    let Some(pair) = Pair::start() else { return };
    let reference = pair.reference(pair.web());
    std::fs::create_dir(pair.airlift.path("folder")).unwrap();
    for output in ["folder", "no/such/folder/b.tar", "/proc/b.tar"] {
        pair.airlift.run(&["build", &reference, "-o", output]).expect(4).says(output);
    }
    assert_eq!(pair.airlift.files(), ["folder"]);
}

#[test]
fn a_full_stdout_is_an_io_error() {
    let full = Path::new("/dev/full");
    let Some(pair) = Pair::start().filter(|_| full.exists()) else { return };
    pair.build(pair.web());
    let digest = pair.web().root.digest.to_string();
    let lists: [&[&str]; 5] = [
        &["inspect", "b.tar"],
        &["inspect", "b.tar", "--json"],
        &["inspect", "b.tar", "--raw", &digest],
        &["verify", "b.tar", "--json"],
        &["--help"],
    ];
    for arguments in lists {
        pair.airlift.run_into(arguments, full).expect(4);
    }
}

/// An image whose layers are said to have these sizes; the digests of the layers count from 0.
fn claiming(sizes: &[u64]) -> ScriptedRegistry {
    let config = made::blob(media_type::OCI_CONFIG, "{}");
    let layer = |(number, size): (usize, &u64)| {
        let media_type = "application/vnd.oci.image.layer.v1.tar";
        json!({"mediaType": media_type, "digest": format!("sha256:{number:064}"), "size": size})
    };
    let manifest = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": made::descriptor(&config),
        "layers": sizes.iter().enumerate().map(layer).collect::<Vec<_>>(),
    }));
    let digest = config.digest.to_string();
    let script = Script::empty().rule(move |request| {
        let is_image = request.is_manifest() && request.path().ends_with("/1");
        let is_config = request.is_blob() && request.path().ends_with(&digest);
        let found = if is_image { Some(&manifest) } else { Some(&config).filter(|_| is_config) };
        found.map(|found| Answer::ok(&found.media_type, found.bytes.to_vec()))
    });
    script.start()
}

/// Sizes that an index.json can say and no archive can have: the registry claims them, so they are no mistake
/// in what was typed.
#[test]
fn a_size_that_no_archive_can_have_is_the_registrys_fault() {
    for sizes in [vec![i64::MAX as u64], vec![i64::MAX as u64 - 4096], vec![1 << 62, 1 << 62]] {
        let registry = claiming(&sizes);
        let reference = format!("{}/team/app:1", registry.authority());
        let last = format!("sha256:{:064}", sizes.len() - 1);
        for more in
            [&["-o", "b.tar"][..], &["-o", "b.tar.zst"], &["--dry-run"], &["-o", "b", "--volume-size", "1GB"]]
        {
            let airlift = Airlift::new();
            let refused = airlift.run(&[&["build", &reference], more].concat());
            refused.expect(3).says(&last).says("larger than");
            assert_eq!(airlift.files(), [""; 0]);
        }
    }
}

/// A claimed size doesn't make the build count frames for hours.
#[test]
fn an_archive_of_more_frames_than_readers_take_is_refused_at_once() {
    for size in [1 << 44, 1 << 55, 1 << 62] {
        let registry = claiming(&[size]);
        let reference = format!("{}/team/app:1", registry.authority());
        for more in [&["-o", "b.tar.zst"][..], &["-o", "b.tar.zst", "--dry-run"]] {
            let airlift = Airlift::new();
            airlift.run(&[&["build", &reference], more].concat()).expect(5).says("more frames").says(".zst");
            assert_eq!(airlift.files(), [""; 0]);
        }
    }
}

/// With three typos in twenty references, the error names all three and their places; the same holds for
/// images that don't exist.
#[test]
fn all_errors_of_a_kind_are_told_at_once() {
    let Some(pair) = Pair::start() else { return };
    let Pair { airlift, source, .. } = &pair;
    let authority = source.authority();
    std::fs::write(airlift.path("list"), "# ours\nA/b\nnginx\nc d\n").unwrap();
    let refused = airlift.run(&["build", "Name/x", "nginx", "-f", "list", "-o", "b.tar"]).expect(2);
    let refused = refused.says("3 errors").says("'Name/x'").says("list:2:1: ").says("list:4:1: ");
    assert!(!refused.stderr.contains("list:3"), "{refused}");

    let names = ["team/web:none", "team/web:1.27", "no/such:1"].map(|name| format!("{authority}/{name}"));
    let refused = airlift.run(&["build", &names[0], &names[1], &names[2], "-o", "b.tar"]).expect(3);
    let refused = refused.says("2 references").says(&names[0]).says(&names[2]);
    assert!(!refused.stderr.contains(&names[1]), "{refused}");

    let names = ["team/web:1.27", "team/single:1"].map(|name| format!("{authority}/{name}"));
    let riscv = ["--platform", "linux/riscv64"];
    let refused = airlift.run(&["build", &names[0], &names[1], "-o", "b.tar", riscv[0], riscv[1]]).expect(2);
    let refused = refused.says("2 images").says("--allow-missing-platform");
    for name in &names {
        assert!(refused.stderr.contains(&format!("{name} has no linux/riscv64")), "{refused}");
    }
    // If that is allowed, an image without a chosen platform is named.
    let both = ["--platform", "linux/amd64,linux/arm64", "--allow-missing-platform"];
    let built =
        airlift.run(&["build", &names[0], &names[1], "-o", "b.tar", both[0], both[1], both[2]]).expect(0);
    built.says(&format!("{} has no linux/arm64", names[1]));
}

/// A missing login is reported once, for any number of references.
#[test]
fn a_missing_login_is_told_once_for_all_references_of_a_registry() {
    let registry = Script::empty()
        .rule(|request| {
            let is_ping = request.path() == "/v2/";
            (!is_ping).then(|| Answer::error(401, "UNAUTHORIZED", "log in"))
        })
        .start();
    let names = ["a/a:1", "a/b:1", "a/c:1"].map(|name| format!("{}/{name}", registry.authority()));
    let refused = Airlift::new().run(&["build", &names[0], &names[1], &names[2], "-o", "b.tar"]).expect(3);
    let refused = refused.says("and 2 more of that registry");
    assert_eq!(refused.stderr.matches("status 401").count(), 1, "{refused}");
}

/// A folder in the place of a list or of a bundle is called one, with what to name instead.
#[test]
fn a_folder_is_no_list_and_volumes_go_by_their_manifest() {
    let (airlift, source, _) = made::bundle(&["team/a"], &[]);
    let reference = format!("{}/team/a:1", source.authority());
    airlift.run(&["build", "-f", ".", "-o", "n.tar"]).expect(4).says("it is a folder; name a text file");
    std::fs::create_dir(airlift.path("disc")).unwrap();
    airlift.run(&["build", &reference, "-o", "disc/v.tar", "--volume-size", "64K"]).expect(0);
    for arguments in [&["verify", "disc"][..], &["inspect", "disc"], &["push", "disc", "127.0.0.1:1"]] {
        airlift.run(arguments).expect(4).says("name disc/v.tar.volumes.json");
    }
}

/// People write a login in front of a host. The parser of arguments repeats what it can't read.
#[test]
fn passwords_in_arguments_are_not_repeated() {
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let image = format!("{}/team/app:1", source.authority());
    let target = source.authority();
    for arguments in [
        &["build", &image, "-o", "o.tar", "--mirror", "docker.io=joe:PW@h.example"][..],
        &["build", &image, "-o", "o.tar", "--mirror", "docker.io=joe:P/PW@h.example/x"],
        &["build", &image, "-o", "o.tar", "--mirror", "joe:PW@h.example"],
        &["build", &image, "-o", "o.tar", "joe:PW@h.example/x:1"],
        &["push", "b.tar", target, "--map", "joe:PW@h.example"],
        &["push", "b.tar", target, "--map", "joe:PW@h.example/x=y/"],
        &["push", "b.tar", target, "--map", &format!("{target}/team/=joe:PW@h.example/")],
        &["push", "b.tar", target, "--only", "joe:PW@h.example/x"],
        &["push", "b.tar", "joe:PW@h.example"],
        &["push", "b.tar", target, "joe:PW@h.example"],
        &["build", &image, "-o", "o.tar", "--jobs", "joe:PW@h.example"],
        &["check", "b.tar", "--at", target, "--only", "joe:PW@h.example/x"],
        &["prune", "joe:PW@h.example", "--old", "b.tar", "--keep", "b.tar"],
    ] {
        let ran = airlift.run(arguments);
        assert_ne!(ran.code, 0, "{ran}");
        assert!(!format!("{}{}", ran.text(), ran.stderr).contains("PW"), "{ran}");
    }
}
