//! Made to hurt: archives and folders that want memory, time or file descriptors.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use airlift_bundle::Detail;
use airlift_oci::graph::Limit;
use airlift_oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use airlift_oci::{Descriptor, Digest, Limits, Unobserved};
use airlift_verifier::{Options, verify};

use crate::images::{Images, LAYER, index_json, json, made_up};
use crate::tar_file::Tar;
use crate::{report, rules};

const LAYOUT: &[u8] = br#"{"imageLayoutVersion":"1.0.0"}"#;

/// A layout with these files and this `index.json`.
fn layout(index: &str, files: impl IntoIterator<Item = (String, Vec<u8>)>) -> Tar {
    files
        .into_iter()
        .fold(
            Tar::default().file("oci-layout", LAYOUT).file("index.json", index.as_bytes()),
            |tar, (name, content)| tar.file(&name, &content),
        )
        .end()
}

#[test]
fn top_files_beyond_the_limits_are_refused_unread() {
    let large = vec![b' '; (20 << 20) + 1];
    let tar = Tar::default().file("oci-layout", LAYOUT).file("index.json", &large).end();
    assert_eq!(rules(&report(tar.save().path())), ["layout-size"]);
    let tar = Tar::default()
        .file("oci-layout", &large[..65 << 10])
        .file("index.json", br#"{"manifests":[]}"#)
        .end();
    assert_eq!(report(tar.save().path()).findings[0].rule.id(), "layout-size");
    // A sparse file of 100 GiB is not read, either.
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("oci-layout"), LAYOUT).unwrap();
    fs::File::create(folder.path().join("index.json")).unwrap().set_len(100 << 30).unwrap();
    assert_eq!(rules(&report(folder.path())), ["layout-size"]);
}

#[test]
fn manifests_beyond_the_limit_are_refused_unread() {
    let index = |size: u64| index_json(&[json(&Descriptor::new(OCI_MANIFEST, made_up(1), size), "")]);
    let found = report(layout(&index((4 << 20) + 1), []).save().path());
    assert_eq!(rules(&found), ["manifest-size"]);
    let found = report(layout(&index(i64::MAX as u64), []).save().path());
    assert_eq!(rules(&found), ["graph-limit"], "more than all manifests together may have");
    let found = report(layout(&index(u64::MAX), []).save().path());
    assert_eq!(rules(&found), ["index-json"]);
    assert_eq!(rules(&report(layout(&index(5), []).save().path())), ["manifest-missing"]);
}

#[test]
fn a_second_index_json_is_refused() {
    let index = r#"{"schemaVersion":2,"manifests":[]}"#;
    let tar = Tar::default().file("oci-layout", LAYOUT).file("index.json", index.as_bytes());
    let found = report(tar.file("index.json", b"{\"manifests\":[ ]}").end().save().path());
    assert!(!found.ok && rules(&found).contains(&"tar-duplicate"));
    assert_eq!(found.id, Some(Digest::sha256(index.as_bytes())), "the first counts");
}

#[test]
fn blobs_that_are_no_files_are_missing() {
    let images = Images::sample();
    let digest = *images.contents.keys().next().unwrap();
    let path = format!("blobs/sha256/{}", digest.hex());
    let folder = tempfile::tempdir().unwrap();
    images.write_folder(folder.path());
    let blob = folder.path().join(&path);
    let content = fs::read(&blob).unwrap();
    fs::remove_file(&blob).unwrap();
    let not_whole = |what: &str| assert!(!report(folder.path()).ok, "{what}");
    fs::create_dir(&blob).unwrap();
    not_whole("a folder");
    fs::remove_dir(&blob).unwrap();
    // The right content, reached by a link, is refused as well: links could lead anywhere.
    fs::write(folder.path().join("elsewhere"), &content).unwrap();
    symlink(folder.path().join("elsewhere"), &blob).unwrap();
    not_whole("a link");
    fs::remove_file(&blob).unwrap();
    let made = Command::new("mkfifo").arg(&blob).status().unwrap();
    assert!(made.success());
    not_whole("a pipe");
    fs::remove_file(&blob).unwrap();
    fs::write(blob.with_file_name(digest.hex().to_uppercase()), &content).unwrap();
    not_whole("an upper-case name");
    fs::rename(folder.path().join("blobs"), folder.path().join("real")).unwrap();
    symlink("real", folder.path().join("blobs")).unwrap();
    not_whole("a linked folder");
}

#[test]
fn files_that_change_while_they_are_read_are_findings() {
    let images = Images::sample();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    let plan = images.write(&path, |_| ());
    let mut examined = airlift_verifier::Examined::open(&path, airlift_oci::Limits::default()).unwrap();
    assert!(examined.findings().is_empty());
    let blob = plan.blobs().last().unwrap();
    fs::OpenOptions::new().write(true).open(&path).unwrap().set_len(blob.data_offset + 1).unwrap();
    examined.hash_blobs(0, &airlift_oci::Unobserved);
    let found = examined.report();
    assert_eq!(rules(&found), ["blob-unreadable"]);
    assert_eq!(found.findings[0].digest, Some(blob.digest));
}

/// A manifest of four megabytes can name forty thousand blobs that aren't there.
#[test]
fn findings_beyond_what_anybody_reads_are_counted() {
    let mut images = Images::default();
    let layers: Vec<_> = (0..20_000).map(|number| Descriptor::new(LAYER, made_up(number), 1)).collect();
    let image = images.image("amd64", &layers);
    images.root(&image, "registry.example.com/app:1");
    let found = report(layout(&images.foreign_index(), images.foreign_files().drain(2..)).save().path());
    assert_eq!(found.findings.len(), 10_001);
    let last = found.findings.last().unwrap();
    assert_eq!(
        (last.rule.id(), last.message.as_str()),
        ("more-findings", "10000 more errors are not listed")
    );
}

/// Sixty thousand roots, each in need of a report, in a file of 13 MB. That many are taken for an attack,
/// unless somebody says that they aren't.
#[test]
fn a_huge_index_json_is_answered() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let index = images.index(&[json(&image, "")]);
    let children: Vec<_> = (0..60_000)
        .map(|number| {
            json(&index, &format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{number}"}}"#))
        })
        .collect();
    let more = Options { limits: Limits { images: 60_000, ..Limits::default() }, ..Options::default() };
    let file = layout(&index_json(&children), images.foreign_files().drain(2..)).save();
    let refused = report(file.path());
    assert_eq!(
        (rules(&refused)[0], refused.findings[0].path.as_slice()),
        ("graph-limit", &["index.json".to_owned()][..])
    );
    assert_eq!(refused.findings[0].detail, Some(Detail::Limit(Limit::Images)), "{:?}", refused.findings);
    let found = verify(file.path(), &more, &Unobserved).unwrap();
    assert!(found.ok, "{:?}", found.findings.first());
    assert_eq!(found.images.len(), 60_000);
    let missing: Vec<_> =
        (0..60_000).map(|number| json(&Descriptor::new(OCI_INDEX, made_up(number), 500), "")).collect();
    let found = verify(layout(&index_json(&missing), []).save().path(), &more, &Unobserved).unwrap();
    assert_eq!(found.findings.len(), 10_001);
}

/// Annotations, urls and platforms whose read view would be many times as large as their bytes.
#[test]
fn an_index_json_of_twenty_megabytes_fits_into_little_memory() {
    let notes: Vec<String> = (0..1_300_000).map(|number| format!(r#""{number:x}":"""#)).collect();
    let annotated = format!(r#","annotations":{{{}}}"#, notes.join(","));
    let urls = format!(r#","urls":[{}]"#, vec![r#""x""#; 1_000].join(","));
    let root = |number, more: &str| json(&Descriptor::new(OCI_MANIFEST, made_up(number), 5), more);
    let many_urls: Vec<_> = (0..4_500).map(|number| root(number, &urls)).collect();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    for (what, index) in
        [("annotations", index_json(&[root(1, &annotated)])), ("urls", index_json(&many_urls))]
    {
        assert!(index.len() > 13 << 20 && index.len() < 20 << 20, "{}", index.len());
        fs::write(&path, layout(&index, []).0).unwrap();
        let peak = peak(&path, "");
        assert!(peak.is_none_or(|kib| kib < 64 << 10), "{what}: {peak:?} KiB");
    }
    let platforms: Vec<String> = (0..4_999).map(|number| format!("a/{number:x}")).collect();
    let chosen = format!(r#","annotations":{{"io.airlift.platforms":"{}"}}"#, platforms.join(","));
    let roots: Vec<_> = (0..41).map(|number| root(number, &chosen)).collect();
    assert_eq!(rules(&report(layout(&index_json(&roots), []).save().path())), ["index-json"]);
    assert!(!rules(&report(layout(&index_json(&roots[..40]), []).save().path())).contains(&"index-json"));
}

/// As many blobs and manifests as a few megabytes can name, with all that a descriptor may have. Ten times as
/// many are within the limits.
#[test]
fn what_manifests_name_fits_into_little_memory() {
    let shortest = |digest: &Digest| format!(r#"{{"digest":"{digest}","size":1}}"#);
    let richest = |digest: &Digest| {
        format!(
            r#"{{"mediaType":"x","digest":"{digest}","size":1,"urls":["x","x"],"annotations":{{"vnd.docker.reference.type":"x"}},"platform":{{"os":"x"}},"artifactType":"x"}}"#
        )
    };
    let child = |digest: &Digest| json(&Descriptor::new(OCI_MANIFEST, *digest, 1), "");
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    for (what, kind, count, listed) in [
        ("short layers", OCI_MANIFEST, 30_000, &shortest as &dyn Fn(&Digest) -> String),
        ("rich layers", OCI_MANIFEST, 15_000, &richest),
        ("children", OCI_INDEX, 4_000, &child),
    ] {
        let mut images = Images::default();
        for first in (0..60_000).step_by(count) {
            let list: Vec<String> = (first..first + count as u64).map(|n| listed(&made_up(n))).collect();
            let list = list.join(",");
            let config = shortest(&made_up(u64::MAX));
            let text = match kind {
                OCI_INDEX => format!(r#"{{"schemaVersion":2,"manifests":[{list}]}}"#),
                _ => format!(r#"{{"schemaVersion":2,"config":{config},"layers":[{list}]}}"#),
            };
            let manifest = images.blob(kind, text.as_bytes());
            images.root(&manifest, &format!("registry.example.com/app:{first}"));
        }
        let files = images.foreign_files();
        fs::write(&path, layout(&images.foreign_index(), files.into_iter().skip(2)).0).unwrap();
        let peak = peak(&path, "");
        assert!(peak.is_none_or(|kib| kib < 64 << 10), "{what}: {peak:?} KiB");
    }
}

#[test]
fn dockers_own_form_of_an_archive_is_named() {
    let tar =
        Tar::default().file("1/layer.tar", b"x").file("manifest.json", b"[]").file("repositories", b"{}");
    let found = report(tar.clone().end().save().path());
    assert_eq!(rules(&found), ["layout-missing"]);
    assert!(found.findings[0].message.contains("skopeo copy docker-archive:"), "{:?}", found.findings);
    assert_eq!(rules(&report(tar.save().path())), ["tar-end", "layout-missing"], "cut off as well");
    // Docker of today writes both.
    let both = tar.file("oci-layout", LAYOUT).file("index.json", br#"{"manifests":[]}"#);
    assert!(report(both.end().save().path()).ok);
}

/// A file that can't be found because the archive is damaged is not what is wrong with it.
#[test]
fn what_is_wrong_with_the_container_comes_first() {
    let mut tar = Tar::default().file("oci-layout", LAYOUT).file("index.json", br#"{"manifests":[]}"#).end();
    tar.0[1024] ^= 1;
    assert_eq!(rules(&report(tar.save().path())), ["tar-checksum", "layout-missing"]);
    let cut = Tar(tar.0[..700].to_vec());
    assert_eq!(rules(&report(cut.save().path())), ["tar-truncated", "layout-missing", "layout-missing"]);
}

/// Runs [`in_a_process_of_its_own`] on `path`, after `limit` (shell); returns its peak of memory in KiB.
fn peak_of_whole(path: &Path, limit: &str) -> Option<u64> {
    peak(path, &format!("export AIRLIFT_TEST_WHOLE=1; {limit}"))
}

/// The same for one that need not be whole.
fn peak(path: &Path, limit: &str) -> Option<u64> {
    let this = std::env::current_exe().unwrap();
    let script = format!(r#"{limit} exec "$0" --exact hostile::in_a_process_of_its_own --nocapture"#);
    let output =
        Command::new("sh").args(["-c", &script]).arg(this).env("AIRLIFT_TEST_VERIFY", path).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    // Only Linux has this.
    text.lines().find_map(|line| line.split_once("VmHWM:"))?.1.trim().strip_suffix(" kB")?.trim().parse().ok()
}

/// Verifies the file that the environment names. Without one there is nothing to do.
#[test]
fn in_a_process_of_its_own() {
    let Some(path) = std::env::var_os("AIRLIFT_TEST_VERIFY") else { return };
    let found = report(Path::new(&path));
    let whole = std::env::var_os("AIRLIFT_TEST_WHOLE").is_some();
    assert!(found.ok || !whole, "{:?}", found.findings.first());
    print!("\n{}", fs::read_to_string("/proc/self/status").unwrap_or_default());
}

fn many_blobs() -> Images {
    let mut images = Images::default();
    for image in 0..10 {
        let layers: Vec<_> =
            (0..1_000).map(|layer| images.blob(LAYER, format!("{image}/{layer}").as_bytes())).collect();
        let image = images.image(&format!("a{image}"), &layers);
        images.root(&image, &format!("registry.example.com/app:{}", images.roots.len()));
    }
    images
}

#[test]
fn ten_thousand_blobs_fit_into_little_memory() {
    let images = many_blobs();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    images.write(&path, |_| ());
    for kind in ["ours", "another tool's"] {
        let peak = peak_of_whole(&path, "");
        assert!(peak.is_none_or(|kib| kib < 64 << 10), "{kind}: {peak:?} KiB");
        fs::write(&path, layout(&images.foreign_index(), images.foreign_files().drain(2..)).0).unwrap();
    }
}

#[test]
fn a_folder_takes_few_file_descriptors() {
    let folder = tempfile::tempdir().unwrap();
    many_blobs().write_folder(folder.path());
    let peak = peak_of_whole(folder.path(), "ulimit -n 40;");
    assert!(peak.is_none_or(|kib| kib < 64 << 10), "{peak:?} KiB");
}

#[test]
fn a_hundred_thousand_needless_entries_are_counted() {
    let images = Images::sample();
    let mut tar = images
        .foreign_files()
        .into_iter()
        .filter(|(name, _)| name.len() < 100)
        .fold(Tar::default(), |tar, (name, content)| tar.file(&name, &content));
    for number in 0..100_000 {
        tar = tar.file(&format!("{}{number}", "x".repeat(80)), b"");
    }
    let found = report(tar.end().save().path());
    assert_eq!(rules(&found).iter().filter(|rule| **rule == "extra-file").count(), 101);
}

/// `io.airlift.absent` excuses what was not chosen, and nothing else: in our own form and in others'.
#[test]
fn what_was_chosen_can_not_be_declared_absent() {
    let (images, [amd64, arm64]) = Images::two_platforms();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    for (chosen, absent, found) in [
        (Some("linux/amd64"), arm64.digest, &[][..]),
        (Some("linux/amd64"), amd64.digest, &["manifest-missing"]),
        (None, arm64.digest, &["manifest-missing"]),
    ] {
        let mut images = images.clone();
        images.roots[0].selection =
            chosen.map(|platform| airlift_oci::Selection::new([platform.parse().unwrap()]));
        images.roots[0].absent = vec![absent];
        images.write(&path, |_| ());
        let report = report(&path);
        assert_eq!(rules(&report), found, "{chosen:?} {:?}", report.findings);
        if let Some(finding) = report.findings.first() {
            assert_eq!((finding.digest, finding.path.len()), (Some(absent), 2));
        }
        fs::remove_file(&path).unwrap();
    }
}
