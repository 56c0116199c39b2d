//! The commands' answers to files that are not complete bundles: one word for each kind, an exit code, and
//! what to do next.

use std::path::Path;
use std::process::Command;

use airlift_oci::media_type;
use airlift_server::samples::{Content, Sample};
use airlift_server::{Indexes, Options};
use airlift_testkit::scripted::Script;
use serde_json::json;

use crate::airlift::Airlift;
use crate::made::{self, Embedded};

/// A tar archive of these files, and then these links, each to an earlier name.
fn tar(path: &Path, files: &[(&str, &[u8])], links: &[(&str, &str, tar::EntryType)]) {
    let mut archive = Vec::new();
    let mut entry = |name: &str, target: &str, kind: tar::EntryType, bytes: &[u8]| {
        let mut header = tar::Header::new_ustar();
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
        header.set_entry_type(kind);
        header.set_size(bytes.len() as u64);
        header.set_cksum();
        archive.extend_from_slice(header.as_bytes());
        archive.extend_from_slice(bytes);
        archive.resize(archive.len().next_multiple_of(512), 0);
    };
    files.iter().for_each(|(name, bytes)| entry(name, "", tar::EntryType::Regular, bytes));
    links.iter().for_each(|(name, target, kind)| entry(name, target, *kind, b""));
    archive.extend_from_slice(&[0; 1024]);
    std::fs::write(path, archive).unwrap();
}

/// An intact bundle over a limit is not damaged: it was not examined.
#[test]
fn a_limit_is_no_damage_and_has_one_exit_code() {
    let (airlift, source, _) = made::bundle(&["team/a", "team/b"], &[]);
    let target = Embedded::start(Options::default());
    let image = format!("{}/team/a:1", source.authority());
    let other = format!("{}/team/b:1", source.authority());
    for limit in [
        ["--max-images", "1"],
        ["--max-depth", "1"],
        ["--max-manifests", "1"],
        ["--max-entries", "4"],
        ["--max-manifest-bytes", "1K"],
        ["--max-descriptors", "3"],
    ] {
        if limit[0] == "--max-depth" {
            // Nothing nests deeper here.
            airlift.run(&["verify", "b.tar", limit[0], limit[1]]).expect(0);
            continue;
        }
        let with = |words: &[&str]| airlift.run(&[words, &limit].concat());
        let verified = with(&["verify", "b.tar"]).expect(5).says(limit[0]).says("NOT LOOKED AT");
        assert!(!format!("{verified}").contains("DAMAGED"), "{verified}");
        let report = with(&["verify", "b.tar", "--json"]).expect(5).json("airlift.report/v1");
        assert_eq!((&report["ok"], &report["state"]), (&false.into(), &"over-limit".into()));
        assert_eq!(report["findings"][0]["rule"], "graph-limit");
        for words in [&["push", "b.tar", target.authority()][..], &["inspect", "b.tar"]] {
            let refused = with(words).expect(5).says(limit[0]);
            assert!(!refused.stderr.contains("damaged"), "{refused}");
        }
        with(&["build", &image, &other, "-o", "c.tar"]).expect(5).says(limit[0]);
        assert_eq!(airlift.files(), ["b.tar"]);
    }
    // Known errors are reported nevertheless.
    let mut bytes = airlift.read("b.tar");
    let end = bytes.len() - 600;
    bytes.truncate(end);
    std::fs::write(airlift.path("b.tar"), bytes).unwrap();
    airlift.run(&["verify", "b.tar", "--max-images", "1"]).expect(1).says("DAMAGED");
}

#[test]
fn every_form_of_docker_has_its_way_out() {
    let airlift = Airlift::new();
    let layer = b"layer".repeat(300);
    let list = br#"[{"Config":"c.json","RepoTags":["app:1"],"Layers":["0123/layer.tar"]}]"#;
    let sym = tar::EntryType::Symlink;
    let common: [(&str, &[u8]); 2] = [("0123/layer.tar", &layer), ("c.json", b"{}")];
    let listed = [&common[..], &[("manifest.json", &list[..])]].concat();
    let dotted: Vec<(&str, &[u8])> =
        vec![("./0123/layer.tar", &layer), ("./c.json", b"{}"), ("./manifest.json", list)];
    let podman: Vec<(&str, &[u8])> =
        vec![("abc.tar", &layer), ("c.json", b"{}"), ("manifest.json", list), ("repositories", b"{}")];
    let link = ("4567/layer.tar", "../0123/layer.tar", sym);
    tar(&airlift.path("plain.tar"), &listed, &[]);
    tar(&airlift.path("links.tar"), &listed, &[link]);
    tar(&airlift.path("dots.tar"), &dotted, &[link]);
    tar(&airlift.path("podman.tar"), &podman, &[("abc/layer.tar", "../abc.tar", sym)]);
    tar(&airlift.path("legacy.tar"), &[&common[..], &[("repositories", &b"{}"[..])]].concat(), &[link]);
    let folder = airlift.path("unpacked");
    std::fs::create_dir_all(folder.join("0123")).unwrap();
    std::fs::write(folder.join("0123/layer.tar"), &layer).unwrap();
    std::fs::write(folder.join("manifest.json"), list).unwrap();
    std::os::unix::fs::symlink("0123", folder.join("4567")).unwrap();
    for name in ["plain.tar", "links.tar", "dots.tar", "podman.tar", "legacy.tar", "unpacked"] {
        let way_out = "skopeo copy docker-archive:";
        let report = airlift.run(&["verify", name, "--json"]).expect(1).json("airlift.report/v1");
        assert_eq!(report["state"], "no-layout", "{name}");
        let findings = report["findings"].as_array().unwrap();
        assert!(matches!(&findings[..], [one] if one["rule"] == "layout-missing"), "{name}: {findings:?}");
        for words in [
            &["verify", name][..],
            &["inspect", name],
            &["push", name, "127.0.0.1:1"],
            &["build", "127.0.0.1:1/x:1", "-o", "b.tar", "--reuse", name],
        ] {
            let refused = airlift.run(words).says(way_out);
            assert!(matches!(refused.code, 1 | 4), "{refused}");
            assert!(!format!("{refused}").to_lowercase().contains("damaged"), "{refused}");
            assert!(!format!("{refused}").contains("symbolic"), "{refused}");
        }
    }
    // skopeo's folders have a manifest.json as well.
    std::fs::create_dir(airlift.path("dir")).unwrap();
    std::fs::write(airlift.path("dir/version"), "Directory Transport Version: 1.1\n").unwrap();
    std::fs::write(airlift.path("dir/manifest.json"), "{}").unwrap();
    airlift.run(&["verify", "dir"]).expect(1).says("skopeo copy dir:");
}

#[test]
fn a_pipe_is_to_be_saved_first() {
    let (airlift, _source, _) = made::bundle(&["team/a"], &[]);
    let made = Command::new("mkfifo").arg(airlift.path("pipe")).status().unwrap();
    assert!(made.success());
    for bundle in ["/dev/stdin", "pipe", "-"] {
        for words in [
            &["verify", bundle][..],
            &["inspect", bundle],
            &["push", bundle, "127.0.0.1:1"],
            &["build", "127.0.0.1:1/x:1", "-o", "c.tar", "--reuse", bundle],
        ] {
            let refused = airlift.run(words).expect(4).says("is a pipe").says("save it to a file");
            assert!(!refused.stderr.contains("neither a tar archive"), "{refused}");
        }
    }
    // A file as standard input is a file.
    let mut command = airlift.command(&["verify", "/dev/stdin"]);
    command.stdin(std::fs::File::open(airlift.path("b.tar")).unwrap());
    assert!(command.output().unwrap().status.success());
}

#[test]
fn an_unfinished_build_is_called_so() {
    let (airlift, _source, _) = made::bundle(&["team/a"], &[]);
    let whole = airlift.read("b.tar");
    std::fs::remove_file(airlift.path("b.tar")).unwrap();
    // Cut; of full length with nothing behind; of full length with all headers there and the last content
    // not.
    let (cut, mut reserved, mut begun) = (whole[..whole.len() / 2].to_vec(), whole.clone(), whole.clone());
    reserved[whole.len() / 2..].fill(0);
    let end = begun.len() - 1024;
    begun[end - 512..end].fill(0);
    for (what, bytes) in [("cut", cut), ("reserved", reserved), ("begun", begun)] {
        std::fs::write(airlift.path("b.tar.part"), bytes).unwrap();
        let report = airlift.run(&["verify", "b.tar.part", "--json"]).expect(1).json("airlift.report/v1");
        assert_eq!(report["state"], "unfinished", "{what}: {report}");
        assert_eq!(report["findings"][0]["rule"], "bundle-unfinished", "{what}");
        let said = airlift.run(&["verify", "b.tar.part"]).expect(1).says("unfinished build");
        assert!(!said.text().contains("DAMAGED:"), "{said}");
        let push = ["push", "b.tar.part", "127.0.0.1:1", "--dry-run"];
        for words in
            [&["verify", "b.tar"][..], &["inspect", "b.tar"], &["push", "b.tar", "127.0.0.1:1"], &push]
        {
            airlift.run(words).expect(4).says("unfinished build").says("b.tar.part").says("airlift build");
        }
    }
    std::fs::rename(airlift.path("b.tar.part"), airlift.path("b.tar.001.part")).unwrap();
    airlift.run(&["verify", "b.tar"]).expect(4).says("unfinished build").says("b.tar.001.part");
    std::fs::write(airlift.path("b.tar.002.part"), &whole[3_000..4_000]).unwrap();
    airlift.run(&["verify", "b.tar.002.part"]).expect(4).says("unfinished build");
    // A whole bundle of that name is whole.
    std::fs::write(airlift.path("b.tar.part"), &whole).unwrap();
    airlift.run(&["verify", "b.tar.part"]).expect(0);
}

/// A config is read for its platform before the rest is fetched: it came in this run, and is not called
/// found.
#[test]
fn a_first_build_finds_nothing_there() {
    let source = Embedded::start(Options::default());
    let sample = made::image("linux/amd64", 1);
    made::put(source.endpoint(), "team/a", &sample, Some("1"));
    let airlift = Airlift::new();
    let reference = format!("{}/team/a:1", source.authority());
    for output in ["b.tar", "b.tar.zst"] {
        let built = airlift.run(&["build", &reference, "-o", output, "--progress", "plain"]).expect(0);
        assert!(!built.stderr.contains("were there already"), "{built}");
    }
}

/// One cause, one finding: all missing content follows from the cut.
#[test]
fn a_cut_is_one_finding_that_names_the_images() {
    let (airlift, _source, _) = made::bundle(&["team/a", "team/b"], &[]);
    let bytes = airlift.read("b.tar");
    let cut = bytes.len() - 8_000;
    std::fs::write(airlift.path("b.tar"), &bytes[..cut]).unwrap();
    let said = airlift.run(&["verify", "b.tar"]).expect(1);
    let text = said.text();
    assert_eq!(text.matches("error: ").count(), 1, "{said}");
    let said = said.says(&format!("cut off at byte {cut} of {}", bytes.len()));
    said.says("team/b:1").says("what to do: copy it again").says("-v lists them");
    let all = airlift.run(&["verify", "b.tar", "-v"]).expect(1);
    assert!(all.text().matches("error: ").count() > 1, "{all}");
    let report = airlift.run(&["verify", "b.tar", "--json"]).expect(1).json("airlift.report/v1");
    let findings = report["findings"].as_array().unwrap();
    assert_eq!((&findings[0]["rule"], &findings[0]["offset"]), (&"tar-truncated".into(), &cut.into()));
    assert!(findings.len() > 1 && findings[1..].iter().all(|one| one["follows"] == true), "{report}");
    airlift.run(&["push", "b.tar", "127.0.0.1:1"]).expect(1).says("cut off at byte");
    // If the manifests are gone as well, the end can't be computed, but the images are named nevertheless.
    std::fs::write(airlift.path("b.tar"), &bytes[..4_000]).unwrap();
    let said = airlift.run(&["verify", "b.tar"]).expect(1).says("team/a:1, ").says("team/b:1");
    assert_eq!(said.text().matches("error: ").count(), 1, "{said}");
    std::fs::write(airlift.path("b.tar"), b"").unwrap();
    let said = airlift.run(&["verify", "b.tar"]).expect(1).says("the file is empty");
    assert!(!said.text().contains("cut off"), "{said}");
}

#[test]
fn what_is_attached_has_rows_of_its_own() {
    let source = Embedded::start(Options::default());
    let sample = made::two_platforms("team/a", 1);
    source.endpoint().push(std::slice::from_ref(&sample));
    let sbom = made::referrer(&sample.root, "application/spdx+json", "sbom");
    made::put(source.endpoint(), "team/a", &sbom, None);
    let airlift = Airlift::new();
    airlift.run(&["build", &format!("{}/team/a:1", source.authority()), "-o", "b.tar"]).expect(0);
    let said = airlift.run(&["verify", "b.tar"]).expect(0);
    let short = sbom.manifest.digest.short();
    let row = said.text().lines().find(|line| line.contains(&short)).unwrap_or_default().to_owned();
    assert!(row.contains("SBOM") && row.contains("team/a:1") && row.ends_with("ok"), "{said}");
}

/// A file with a second name is read twice; a link to elsewhere is refused, and the error says what to do.
#[test]
fn links_in_archives_of_others() {
    let airlift = Airlift::new();
    let image = made::image("linux/amd64", 1);
    let index =
        serde_json::json!({"schemaVersion": 2, "manifests": [made::descriptor(&image.manifest)]}).to_string();
    let name = |content: &Content| format!("blobs/sha256/{}", content.digest.hex());
    let (layer, config) = (&image.blobs[1], &image.blobs[0]);
    let (layer_name, config_name, manifest_name) = (name(layer), name(config), name(&image.manifest));
    let layout: (&str, &[u8]) = ("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    let files: Vec<(&str, &[u8])> = vec![
        ("cache/layer", &layer.bytes),
        (&config_name, &config.bytes),
        (&manifest_name, &image.manifest.bytes),
        ("index.json", index.as_bytes()),
        layout,
    ];
    let hard = tar::EntryType::Link;
    for (target, kind, rest) in [
        ("cache/layer", hard, None),
        ("./cache/layer", hard, None),
        ("/cache/layer", hard, Some("hard-dereference")),
        ("../cache/layer", hard, Some("hard-dereference")),
        ("nowhere", hard, Some("hard-dereference")),
        ("cache", hard, Some("hard-dereference")),
        ("../../cache/layer", tar::EntryType::Symlink, Some("tar -h")),
    ] {
        tar(&airlift.path("l.tar"), &files, &[(&layer_name, target, kind)]);
        let Some(way_out) = rest else {
            airlift.run(&["verify", "l.tar"]).expect(0);
            let registry = Embedded::start(Options::default());
            airlift.run(&["push", "l.tar", &format!("{}/team/a", registry.authority())]).expect(0);
            continue;
        };
        let said = airlift.run(&["verify", "l.tar"]).expect(1).says(way_out);
        assert_eq!(said.text().matches("error: ").count(), 1, "that the blob is missing follows: {said}");
    }
    // Wrong content under the name of the blob is found, and a link to a link isn't a link to a file.
    let mut wrong = files.clone();
    wrong[0].1 = b"something else";
    tar(&airlift.path("l.tar"), &wrong, &[(&layer_name, "cache/layer", hard)]);
    airlift.run(&["verify", "l.tar"]).expect(1);
    let chain = [("cache/second", "cache/layer", hard), (layer_name.as_str(), "cache/second", hard)];
    tar(&airlift.path("l.tar"), &files, &chain);
    airlift.run(&["verify", "l.tar"]).expect(1).says("is no regular file");
}

/// A header may spell the same type differently; a descriptor is hashed, and has one spelling.
#[test]
fn spellings_of_media_types_count_in_descriptors_only() {
    let image = made::image("linux/amd64", 1);
    let serve = |root: Content, manifests: Vec<Content>| {
        let blobs = image.blobs.clone();
        let (repository, tag) = ("app".to_owned(), "1".to_owned());
        Script::serving(vec![Sample { repository, tag, root, manifests, blobs, about: "" }]).start()
    };
    let airlift = Airlift::new();
    for spelled in
        [format!("{}; charset=utf-8", media_type::OCI_MANIFEST), media_type::OCI_MANIFEST.to_uppercase()]
    {
        let registry = serve(Content { media_type: spelled.clone(), ..image.manifest.clone() }, Vec::new());
        let reference = format!("{}/app:1", registry.authority());
        airlift.run(&["build", &reference, "-o", "b.tar", "--force", "--referrers", "none"]).expect(0);
        airlift.run(&["verify", "b.tar"]).expect(0);
        let index = made::index(&[made::descriptor_with(&image.manifest, &json!({"mediaType": spelled}))]);
        let registry = serve(index, vec![image.manifest.clone()]);
        let reference = format!("{}/app:1", registry.authority());
        airlift
            .run(&["build", &reference, "-o", "c.tar", "--referrers", "none"])
            .expect(3)
            .says("another spelling of");
    }
}

/// `docker save` of an image of which one platform was pulled.
#[test]
fn a_partial_archive_of_docker_goes_the_ways_that_it_can() {
    let airlift = Airlift::new();
    let sample = made::two_platforms("team/app", 1);
    let (amd64, arm64) = (&sample.manifests[0], &sample.manifests[1]);
    let name = |content: &Content| format!("blobs/sha256/{}", content.digest.hex());
    let kept = sample.blobs.iter().take(2).chain([amd64, &sample.root]);
    let mut files: Vec<(String, Vec<u8>)> =
        kept.map(|content| (name(content), content.bytes.to_vec())).collect();
    let notes =
        json!({"io.containerd.image.name": "docker.io/team/app:1", "org.opencontainers.image.ref.name": "1"});
    let root = made::descriptor_with(&sample.root, &json!({"annotations": notes}));
    let index = json!({"schemaVersion": 2, "manifests": [root]}).to_string();
    files.push(("index.json".to_owned(), index.into_bytes()));
    files.push(("manifest.json".to_owned(), b"[]".to_vec()));
    files.push(("repositories".to_owned(), b"{}".to_vec()));
    files.push(("oci-layout".to_owned(), br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec()));
    let files: Vec<(&str, &[u8])> =
        files.iter().map(|(name, bytes)| (name.as_str(), bytes.as_slice())).collect();
    tar(&airlift.path("saved.tar"), &files, &[]);

    let said = airlift.run(&["verify", "saved.tar"]).expect(0).says("PARTIAL").says("linux/arm64");
    assert!(!format!("{said}").contains("DAMAGED") && !said.text().contains("extra-file"), "{said}");
    said.says("--selected-children").says("docker save --platform");
    let report = airlift.run(&["verify", "saved.tar", "--json"]).expect(0).json("airlift.report/v1");
    assert_eq!((&report["state"], &report["ok"]), (&"partial".into(), &true.into()));
    assert_eq!(report["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));
    let tree = airlift.run(&["inspect", "saved.tar", "--json"]).expect(0).json("airlift.inspect/v1");
    assert_eq!(tree["images"][0]["omittedPlatforms"], json!(["linux/arm64"]));

    let push = |target: &Embedded, more: &[&str]| {
        airlift.run(&[&["push", "saved.tar", target.authority(), "--retries", "0"], more].concat())
    };
    let strict = Embedded::start(Options { indexes: Indexes::Complete, ..Options::default() });
    let refused = push(&strict, &[]).expect(3).says("linux/arm64").says("docker save --platform");
    refused.says("--selected-children");
    let endpoint = strict.endpoint();
    assert_eq!(endpoint.try_manifest("team/app", "1").status, 404);
    push(&strict, &["--selected-children"]).expect(0);
    assert!(endpoint.try_manifest("team/app", "1-linux-amd64").body == amd64.bytes);
    assert_eq!(endpoint.try_manifest("team/app", &arm64.digest.to_string()).status, 404);
    let lenient = Embedded::start(Options { indexes: Indexes::Sparse, ..Options::default() });
    push(&lenient, &[]).expect(0);
    assert!(lenient.endpoint().try_manifest("team/app", "1").body == sample.root.bytes);
}
