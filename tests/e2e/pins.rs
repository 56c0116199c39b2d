//! `pin` and `unpin`: manifests get the digests of a lock or a bundle, and no other byte changes.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::{MetadataExt, PermissionsExt, symlink};
use std::path::Path;

use airlift_oci::{Digest, Reference};
use airlift_testkit::tool::is_root;
use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::bundle;

/// Someone who may write only to what is theirs.
const STRANGER: u32 = 65534;

fn digest_of(reference: &str) -> String {
    Digest::sha256(reference.as_bytes()).to_string()
}

/// A lock of these images. Each has the digest that is written with it, or one that its full name makes.
fn lock(airlift: &Airlift, references: &[&str]) -> BTreeSet<String> {
    let images: BTreeMap<String, String> = references
        .iter()
        .map(|reference| {
            let reference: Reference = reference.parse().unwrap();
            let digest = reference.digest().map(ToString::to_string);
            let name = reference.by_tag().to_string();
            (name.clone(), digest.unwrap_or_else(|| digest_of(&name)))
        })
        .collect();
    let image = |(name, digest): (&String, &String)| {
        json!({
            "reference": name,
            "digest": digest,
            "mediaType": "application/vnd.oci.image.index.v1+json",
            "size": 0,
            "platforms": [],
            "resolved": "2026-05-04T12:00:00Z",
        })
    };
    let lock = json!({"schema": "airlift.lock/v1", "images": images.iter().map(image).collect::<Vec<_>>()});
    std::fs::write(airlift.path("images.lock"), lock.to_string()).unwrap();
    images.into_values().collect()
}

fn write(airlift: &Airlift, name: &str, text: &str) {
    let path = airlift.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

fn text(airlift: &Airlift, name: &str) -> String {
    String::from_utf8(airlift.read(name)).unwrap()
}

fn pod(image: &str) -> String {
    format!("kind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: c, image: '{image}'}}]}}\n")
}

/// `nginx:1.27` with the digest that [`lock`] gives it.
fn nginx() -> String {
    format!("nginx:1.27@{}", digest_of("docker.io/library/nginx:1.27"))
}

/// All files below a folder, with their texts.
fn contents(folder: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap())),
        }
    }
    found.sort();
    found
}

/// A text without the digests that [`lock`] gives, and without the lines that consist of one.
fn without_digests(text: &str, digests: &BTreeSet<String>) -> String {
    let is_line = |line: &&str| digests.iter().any(|digest| line.trim() == format!("digest: {digest}"));
    let text: String = text.split_inclusive('\n').filter(|line| !is_line(line)).collect();
    digests.iter().fold(text, |text, digest| text.replace(&format!("@{digest}"), ""))
}

#[test]
fn what_projects_publish_is_pinned_and_no_other_byte_changes() {
    let airlift = Airlift::new();
    let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/manifests");
    let sets = ["shop", "monitoring", "pipelines"];
    for set in sets {
        let copied =
            std::process::Command::new("cp").arg("-r").arg(from.join(set)).arg(airlift.path(set)).status();
        assert!(copied.unwrap().success());
    }
    let found =
        airlift.run(&["images", "--json", "shop", "monitoring", "pipelines"]).json("airlift.images/v1");
    let images = found["images"].as_array().unwrap();
    let references: Vec<&str> = images.iter().map(|image| image["reference"].as_str().unwrap()).collect();
    let digests = lock(&airlift, &references);
    let before: Vec<_> = sets.iter().flat_map(|set| contents(&airlift.path(set))).collect();
    let arguments = ["pin", "shop", "monitoring", "pipelines", "--lock", "images.lock"];
    airlift.run(&[&arguments[..], &["--check"]].concat()).expect(1);
    let diff = airlift.run(&[&arguments[..], &["--diff"]].concat()).expect(0);
    assert_eq!(before, sets.iter().flat_map(|set| contents(&airlift.path(set))).collect::<Vec<_>>());
    airlift.run(&[&arguments[..], &["--write"]].concat()).expect(0);
    let after: Vec<_> = sets.iter().flat_map(|set| contents(&airlift.path(set))).collect();
    assert_ne!(before, after);
    for ((name, old), (_, new)) in before.iter().zip(&after) {
        assert_eq!(without_digests(new, &digests), without_digests(old, &digests), "{name}");
    }
    airlift.run(&[&arguments[..], &["--check"]].concat()).expect(0);
    let pinned =
        airlift.run(&["images", "--json", "shop", "monitoring", "pipelines"]).json("airlift.images/v1");
    for image in pinned["images"].as_array().unwrap() {
        assert!(
            image["reference"].as_str().unwrap().contains("@sha256:") || image["kind"] == "Chart",
            "{image}"
        );
    }
    assert_eq!(pinned["images"].as_array().unwrap().len(), images.len());
    // The diff says the same.
    std::fs::write(airlift.path("all.patch"), &diff.stdout).unwrap();
    let reversed = std::process::Command::new("patch")
        .args(["-p1", "-R", "-s", "-i", "all.patch"])
        .current_dir(airlift.path("."))
        .status();
    if reversed.is_ok_and(|status| status.success()) {
        assert_eq!(before, sets.iter().flat_map(|set| contents(&airlift.path(set))).collect::<Vec<_>>());
    }
}

#[test]
fn one_file_is_printed_and_a_stream_too() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27", "redis"]);
    let manifest = format!("\u{feff}{}", pod("nginx:1.27").replace('\n', "\r\n"));
    write(&airlift, "pod.yaml", &manifest);
    let expected = manifest.replace("nginx:1.27", &nginx());
    let printed = airlift.run(&["pin", "pod.yaml", "--lock", "images.lock"]).expect(0);
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), expected);
    assert_eq!(text(&airlift, "pod.yaml"), manifest);
    let printed =
        airlift.run_with_input(&["pin", "-", "--lock", "images.lock"], manifest.as_bytes()).expect(0);
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), expected);
    let back = airlift.run_with_input(&["unpin", "-"], expected.as_bytes()).expect(0);
    assert_eq!(String::from_utf8(back.stdout).unwrap(), manifest);
    let redis =
        airlift.run_with_input(&["pin", "-", "--lock", "images.lock"], pod("redis").as_bytes()).expect(0);
    let pinned = pod(&format!("redis@{}", digest_of("docker.io/library/redis:latest")));
    assert_eq!(String::from_utf8(redis.stdout).unwrap(), pinned);
    // Without a tag, it would be another image.
    let stays = airlift
        .run_with_input(&["unpin", "-"], pinned.as_bytes())
        .expect(0)
        .says("has no tag, so its digest stays");
    assert_eq!(String::from_utf8(stays.stdout).unwrap(), pinned);
}

#[test]
fn what_the_lock_lacks_is_named_and_no_file_changes() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27"]);
    let other = format!("nginx:1.27@{}", digest_of("other"));
    let unknown = format!("nginx@{}", digest_of("unknown"));
    let files = [
        ("d/a.yaml", pod("nginx:1.27")),
        ("d/b.yaml", pod("redis:7")),
        ("d/c.yaml", pod(&other)),
        ("d/d.yaml", pod(&unknown)),
        ("d/e.yaml", pod(&nginx())),
    ];
    for (name, text) in &files {
        write(&airlift, name, text);
    }
    for mode in ["--write", "--check", "--diff"] {
        let ran = airlift.run(&["pin", "d", "--lock", "images.lock", mode]).expect(1);
        assert_eq!(ran.stdout, b"", "{mode}");
        ran.says("d/b.yaml:3:39: redis:7 is not in images.lock")
            .says("d/c.yaml:3:39: nginx:1.27@sha256:")
            .says("has another digest in images.lock: sha256:")
            .says(&format!("d/d.yaml:3:39: {unknown} is not in images.lock"));
        for (name, old) in &files {
            assert_eq!(text(&airlift, name), *old, "{mode}");
        }
    }
    let said = airlift.run(&["pin", "d", "--lock", "images.lock", "--write", "--json"]).expect(1);
    let said = said.json("airlift.pin/v1");
    assert_eq!(said["ok"], false);
    let places: Vec<_> =
        said["missing"].as_array().unwrap().iter().map(|one| (&one["file"], &one["line"])).collect();
    assert_eq!(places, [(&json!("d/b.yaml"), &json!(3)), (&json!("d/d.yaml"), &json!(3))]);
    assert_eq!(said["different"][0]["digest"], digest_of("docker.io/library/nginx:1.27"));
    assert_eq!(text(&airlift, "d/a.yaml"), files[0].1);
    write(&airlift, "d/b.yaml", "kind: Pod\nspec: {containers: [{image: 12}]}\n");
    airlift
        .run(&["pin", "d/a.yaml", "d/b.yaml", "--lock", "images.lock", "--write"])
        .expect(1)
        .says("d/b.yaml:2:");
    assert_eq!(text(&airlift, "d/a.yaml"), files[0].1);
}

#[test]
fn the_document_names_each_value() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27"]);
    write(&airlift, "a.yaml", &pod("nginx:1.27"));
    write(&airlift, "b.yaml", &pod(&nginx()));
    let said = airlift.run(&["pin", "a.yaml", "b.yaml", "--lock", "images.lock", "--json"]).expect(0);
    let value = json!({"line": 3, "column": 39, "from": "nginx:1.27", "to": nginx()});
    let expected = json!({
        "schema": "airlift.pin/v1",
        "ok": true,
        "files": [
            {"file": "a.yaml", "changed": true, "values": [value]},
            {"file": "b.yaml", "changed": false, "values": []},
        ],
        "missing": [],
    });
    assert_eq!(said.json("airlift.pin/v1"), expected);
    assert_eq!(text(&airlift, "a.yaml"), pod("nginx:1.27"));
    let check =
        airlift.run(&["pin", "a.yaml", "b.yaml", "--lock", "images.lock", "--check", "--json"]).expect(1);
    assert_eq!(check.json("airlift.pin/v1")["ok"], false);
}

#[test]
fn modes_links_and_the_files_behind_them_stay() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27"]);
    write(&airlift, "d/a.yaml", &pod("nginx:1.27"));
    write(&airlift, "elsewhere/b", &pod("nginx:1.27"));
    std::fs::set_permissions(airlift.path("d/a.yaml"), std::fs::Permissions::from_mode(0o640)).unwrap();
    symlink("a.yaml", airlift.path("d/link.yaml")).unwrap();
    symlink("../elsewhere/b", airlift.path("d/outside.yaml")).unwrap();
    symlink("..", airlift.path("d/loop")).unwrap();
    let inode = std::fs::metadata(airlift.path("d/a.yaml")).unwrap();
    airlift
        .run(&["pin", "d", "--lock", "images.lock", "--write"])
        .expect(0)
        .says("2 images changed in 2 files");
    let found = std::fs::metadata(airlift.path("d/a.yaml")).unwrap();
    assert_eq!((found.mode(), found.uid(), found.gid()), (inode.mode(), inode.uid(), inode.gid()));
    for name in ["d/link.yaml", "d/outside.yaml"] {
        assert!(airlift.path(name).is_symlink(), "{name}");
        assert_eq!(text(&airlift, name), pod(&nginx()));
    }
    let names = |folder: &str| std::fs::read_dir(airlift.path(folder)).unwrap().count();
    assert_eq!((names("d"), names("elsewhere")), (4, 1), "nothing temporary stays");
}

#[test]
fn a_file_that_may_not_be_written_keeps_the_others_from_being_changed() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27"]);
    for name in ["d/a.yaml", "d/b.yaml", "d/c.yaml"] {
        write(&airlift, name, &pod("nginx:1.27"));
    }
    std::fs::set_permissions(airlift.path("d/b.yaml"), std::fs::Permissions::from_mode(0o444)).unwrap();
    let mut command = airlift.command(&["pin", "d", "--lock", "images.lock", "--write"]);
    if is_root() {
        use std::os::unix::process::CommandExt;
        for name in ["", "d", "d/a.yaml", "d/b.yaml", "d/c.yaml"] {
            std::os::unix::fs::chown(airlift.path(name), Some(STRANGER), Some(STRANGER)).unwrap();
        }
        command.uid(STRANGER).gid(STRANGER);
    }
    let Ok(output) = command.output() else { return };
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(4), "{said}");
    assert!(said.contains("can't replace d/b.yaml"), "{said}");
    for name in ["d/a.yaml", "d/b.yaml", "d/c.yaml"] {
        assert_eq!(text(&airlift, name), pod("nginx:1.27"), "{name}");
    }
    assert_eq!(std::fs::read_dir(airlift.path("d")).unwrap().count(), 3, "nothing temporary stays");
}

#[test]
fn a_bundle_has_digests_too() {
    let (airlift, source, samples) = bundle(&["team/a"], &[]);
    let reference = format!("{}/team/a:1", source.authority());
    write(&airlift, "a.yaml", &pod(&reference));
    let printed = airlift.run(&["pin", "a.yaml", "--bundle", "b.tar"]).expect(0);
    let expected = pod(&format!("{reference}@{}", samples[0].root.digest));
    assert_eq!(String::from_utf8(printed.stdout).unwrap(), expected);
    // A platform of the image is in the bundle as well.
    let inspected: Value = airlift.run(&["inspect", "b.tar", "--json"]).json("airlift.inspect/v1");
    let index: Value = serde_json::from_slice(&samples[0].root.bytes).unwrap();
    let child = index["manifests"][0]["digest"].as_str().unwrap();
    assert!(inspected.to_string().contains(child));
    write(&airlift, "child.yaml", &pod(&format!("{reference}@{child}")));
    airlift.run(&["pin", "child.yaml", "--bundle", "b.tar", "--check"]).expect(0);
}

#[test]
fn names_change_as_a_push_changes_them() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27", "quay.io/team/app:2"]);
    let app = format!("team/app:2@{}", digest_of("quay.io/team/app:2"));
    write(&airlift, "a.yaml", &format!("{}---\n{}", pod("nginx:1.27"), pod("quay.io/team/app:2")));
    for (options, first, second) in [
        (&["--rewrite", "docker.io=r.site/m"][..], "r.site/m/library/", "quay.io/"),
        (
            &["--rewrite", "docker.io/library=r.site/m", "--rewrite", "quay.io=r.site/q"],
            "r.site/m/",
            "r.site/q/",
        ),
        (&["--for-dest", "r.site/m"], "r.site/m/library/", "r.site/m/"),
        (&["--for-dest", "r.site/m", "--keep-host"], "r.site/m/docker.io/library/", "r.site/m/quay.io/"),
        (&["--for-dest", "r.site/m", "--map", "docker.io/library/=b/"], "r.site/m/b/", "r.site/m/"),
    ] {
        let arguments = |file| [&["pin", file, "--lock", "images.lock"], options].concat();
        let printed = airlift.run(&arguments("a.yaml")).expect(0);
        let expected =
            format!("{}---\n{}", pod(&format!("{first}{}", nginx())), pod(&format!("{second}{app}")));
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), expected, "{options:?}");
        // The new name is known as well.
        write(&airlift, "new.yaml", &expected);
        airlift.run(&[&arguments("new.yaml")[..], &["--check"]].concat()).expect(0);
        let tagged = expected.replace(&format!("@{}", digest_of("docker.io/library/nginx:1.27")), "");
        write(&airlift, "new.yaml", &tagged);
        let printed = airlift.run(&arguments("new.yaml")).expect(0);
        assert_eq!(String::from_utf8(printed.stdout).unwrap(), expected, "{options:?}");
    }
    airlift
        .run(&["pin", "a.yaml", "--lock", "images.lock", "--rewrite", "docker.io=//"])
        .expect(2)
        .says("can't have a new name");
    airlift.run(&["pin", "a.yaml", "--lock", "images.lock", "--keep-host"]).expect(2).says("--for-dest");
}

#[test]
fn helm_values_change_only_where_the_lock_has_the_image() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27", "quay.io/team/app:2"]);
    let values = "web:\n  image: # ours\n    repository: nginx\n    tag: \"1.27\"\napp:\n  image: {registry: quay.io, repository: team/app, tag: '2', digest: ''}\nnone: {repository: charts/thing, tag: v1}\nmore: {image: 'other/thing:1'}\n";
    write(&airlift, "values.yaml", values);
    airlift.run(&["pin", "values.yaml", "--lock", "images.lock", "--write"]).expect(0);
    let expected = values
        .replace("1.27", &format!("1.27@{}", digest_of("docker.io/library/nginx:1.27")))
        .replace("digest: ''", &format!("digest: '{}'", digest_of("quay.io/team/app:2")));
    assert_eq!(text(&airlift, "values.yaml"), expected);
    airlift.run(&["unpin", "values.yaml", "--write"]).expect(0);
    assert_eq!(text(&airlift, "values.yaml"), values);
    assert_eq!(airlift.run(&["images", "values.yaml"]).expect(0).stdout, b"");
}

#[test]
fn bad_input_is_refused_and_stays_as_it_is() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27"]);
    let bomb: String = (1..40).map(|n| format!("a{n}: &a{n} [*a{0}, *a{0}]\n", n - 1)).collect();
    let bad: [(&str, Vec<u8>); 11] = [
        ("bomb.yaml", format!("a0: &a0 [x]\n{bomb}kind: Pod\nspec: {{containers: *a39, x: [\n").into_bytes()),
        ("deep.yaml", "[".repeat(100_000).into_bytes()),
        ("twice.yaml", b"kind: Pod\nkind: Pod\n".to_vec()),
        ("latin.yaml", b"kind: Pod # \xe4\n".to_vec()),
        ("tab.yaml", b"kind: Pod\nspec:\n\tcontainers: []\n".to_vec()),
        ("number.yaml", pod("x").replace("'x'", "12").into_bytes()),
        ("empty.yaml", pod("").into_bytes()),
        ("null.yaml", pod("x").replace("'x'", "null").into_bytes()),
        ("template.yaml", b"kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.x }}\n".to_vec()),
        ("lines.yaml", pod("nginx:\n    1.27").into_bytes()),
        ("list.yaml", pod("x").replace("'x'", "[a]").into_bytes()),
    ];
    write(&airlift, "good.yaml", &pod("nginx:1.27"));
    for (name, bytes) in bad {
        std::fs::write(airlift.path(name), &bytes).unwrap();
        for command in [
            &["pin", "good.yaml", name, "--lock", "images.lock", "--write"][..],
            &["unpin", name, "good.yaml", "--write"],
        ] {
            airlift.run(command).expect(1).says(&format!("{name}:"));
            assert_eq!(airlift.read(name), bytes, "{name}");
            assert_eq!(text(&airlift, "good.yaml"), pod("nginx:1.27"), "{name}");
        }
    }
    let many = pod("nginx:1.27") + &"---\n{}\n".repeat(100_000);
    write(&airlift, "many.yaml", &many);
    airlift.run(&["pin", "many.yaml", "--lock", "images.lock", "--write"]).expect(0);
    assert!(text(&airlift, "many.yaml") == many.replace("nginx:1.27", &nginx()));
}

#[test]
fn what_makes_no_sense_is_wrong_usage() {
    let airlift = Airlift::new();
    lock(&airlift, &["nginx:1.27"]);
    write(&airlift, "d/a.yaml", &pod("nginx:1.27"));
    for (arguments, said) in [
        (&["pin", "d", "--lock", "images.lock"][..], "choose --write, --check or --diff"),
        (&["pin", "d/a.yaml", "images.lock", "--lock", "images.lock"], "choose --write, --check or --diff"),
        (&["pin", "-", "--lock", "images.lock", "--write"], "standard input is none"),
        (&["pin", "-", "-", "--lock", "images.lock"], "standard input can be read once"),
        (&["pin", "-", "--lock", "-"], "standard input can be read once"),
        (&["pin", "d", "--lock", "images.lock", "--diff", "--json"], "choose one"),
        (&["pin", "d", "--lock", "images.lock", "--diff", "--check"], "cannot be used with"),
        (&["pin", "d", "--write"], "required"),
        (&["pin", "d", "--lock", "images.lock", "--bundle", "b.tar"], "cannot be used with"),
        (&["pin", "--lock", "images.lock"], "required"),
        (&["unpin", "d"], "choose --write, --check or --diff"),
        (&["pin", "d/a.yaml", "--lock", "d/a.yaml"], "d/a.yaml"),
    ] {
        airlift.run(arguments).expect(2).says(said);
    }
    airlift.run(&["pin", "d/a.yaml", "--lock", "gone.lock"]).expect(4).says("gone.lock");
    airlift.run(&["pin", "gone.yaml", "--lock", "images.lock"]).expect(1).says("can't read gone.yaml");
}
