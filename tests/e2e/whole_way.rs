//! Build, verify, push: the target has exactly what the source had.

use airlift_server::Options;
use airlift_server::samples::{self, ImageSpec, Layer, Sample};
use airlift_testkit::scripted::Script;

use crate::airlift::Airlift;
use crate::made::Embedded;
use crate::pair::Pair;

#[test]
fn every_sample_arrives_byte_for_byte() {
    let Some(pair) = Pair::start() else { return };
    pair.build_all();
    assert_eq!(pair.airlift.files(), ["b.tar"], "nothing else is left");
    pair.airlift.run(&["verify", "b.tar"]).expect(0);
    pair.push("b.tar").expect(0);
    for sample in &pair.samples {
        pair.assert_arrived(sample);
    }
}

#[test]
fn the_same_inputs_give_the_same_archive() {
    let Some(pair) = Pair::start() else { return };
    pair.build_all();
    let mut references = pair.references();
    references.reverse();
    let list = format!("# all of them\n\n{}\n", references.join("\n"));
    std::fs::write(pair.airlift.path("images.txt"), &list).unwrap();
    pair.airlift.run(&["build", "-f", "images.txt", "-o", "file.tar", "--jobs", "1"]).expect(0);
    pair.airlift
        .run_with_input(&["build", "-f", "-", "-o", "stdin.tar", "--jobs", "8"], list.as_bytes())
        .expect(0);
    let first = pair.airlift.read("b.tar");
    assert!(first == pair.airlift.read("file.tar"), "another order, one at a time");
    assert!(first == pair.airlift.read("stdin.tar"), "another order, eight at a time");
}

#[test]
fn the_json_of_each_step_says_what_was_done() {
    let Some(pair) = Pair::start() else { return };
    let (web, reference) = (pair.web(), pair.reference(pair.web()));
    let plan = pair.airlift.run(&["--json", "build", &reference, "-o", "b.tar", "--dry-run"]).expect(0);
    let plan = plan.json("airlift.plan/v1");
    assert_eq!(pair.airlift.files(), [""; 0], "a dry run writes nothing");

    let built =
        pair.airlift.run(&["--json", "build", &reference, "-o", "b.tar"]).expect(0).json("airlift.build/v1");
    let size = pair.airlift.path("b.tar").metadata().unwrap().len();
    assert_eq!(built["size"], size);
    assert_eq!((&plan["size"], &plan["id"]), (&built["size"], &built["id"]), "the plan was kept");
    assert_eq!(built["images"][0]["digest"], web.root.digest.to_string());
    let blobs: usize = web.blobs.iter().map(|blob| blob.bytes.len()).sum();
    assert!(built["downloaded"].as_u64() >= Some(blobs as u64), "{built}");

    let report = pair.airlift.run(&["--json", "verify", "b.tar"]).expect(0).json("airlift.report/v1");
    assert_eq!((&report["ok"], &report["id"]), (&true.into(), &built["id"]));
    assert_eq!(report["findings"], serde_json::json!([]));

    let target = pair.target.authority();
    let receipt = pair.airlift.run(&["--json", "push", "b.tar", target]).expect(0).json("airlift.receipt/v1");
    assert_eq!((&receipt["bundle"], &receipt["images"][0]["status"]), (&built["id"], &"pushed".into()));
    assert_eq!(receipt["images"][0]["digest"], web.root.digest.to_string());
}

#[test]
fn a_pinned_digest_is_built_and_expected() {
    let Some(pair) = Pair::start() else { return };
    let web = pair.web();
    let pinned = format!("{}@{}", pair.reference(web), web.root.digest);
    let built =
        pair.airlift.run(&["--json", "build", &pinned, "-o", "b.tar"]).expect(0).json("airlift.build/v1");
    let id = built["id"].as_str().unwrap();
    pair.airlift.run(&["verify", "b.tar", "--expect", id]).expect(0);
    let other = format!("sha256:{:064}", 7);
    pair.airlift.run(&["verify", "b.tar", "--expect", &other]).expect(1).says(id);
    pair.push("b.tar").expect(0);
    pair.assert_arrived(web);
}

#[test]
fn a_blob_of_several_images_is_fetched_and_kept_once() {
    let Some(pair) = Pair::start() else { return };
    let web = pair.web();
    // The same image under a second name: everything is shared.
    let twin = airlift_server::samples::Sample { tag: "stable".to_owned(), ..web.clone() };
    pair.source.endpoint().push(std::slice::from_ref(&twin));
    let between = Script::forwarding(pair.source.authority()).start();
    let reference = |tag: &str| format!("{}/{}:{tag}", between.authority(), web.repository);
    pair.airlift.run(&["build", &reference(&web.tag), &reference(&twin.tag), "-o", "b.tar"]).expect(0);
    for blob in &web.blobs {
        let fetched = between.count("GET", &format!("/blobs/{}", blob.digest));
        assert!(fetched <= 1, "{} was fetched {fetched} times", blob.digest);
    }
    let listed = airlift_testkit::tamper::listing(&pair.airlift.path("b.tar"));
    for content in web.blobs.iter().chain(&web.manifests) {
        let (algorithm, hex) = (content.digest.algorithm(), content.digest.hex());
        let name = format!("blobs/{algorithm}/{hex}");
        assert_eq!(listed.iter().filter(|entry| entry.name == name).count(), 1, "{name}");
    }
}

#[test]
fn inspect_shows_the_tree_and_the_exact_bytes() {
    let Some(pair) = Pair::start() else { return };
    let web = pair.web();
    pair.build(web);
    let tree = pair.airlift.run(&["inspect", "b.tar"]).expect(0).text();
    for expected in ["team/web:1.27", "linux/amd64", "linux/arm64"] {
        assert!(tree.contains(expected), "{expected} is missing in\n{tree}");
    }
    for content in web.manifests.iter().chain(&web.blobs) {
        let shown = pair.airlift.run(&["inspect", "b.tar", "--raw", &content.digest.to_string()]).expect(0);
        assert!(shown.stdout == content.bytes, "{}", content.digest);
    }
}

#[test]
fn the_demo_takes_everything_across() {
    let airlift = Airlift::new();
    let shown = airlift.run(&["demo"]).expect(0);
    for sample in airlift_server::samples::all() {
        assert!(shown.text().contains(&sample.repository), "{} is missing in\n{shown}", sample.repository);
    }
    // A blob that two images share is one blob.
    let text = shown.text();
    let words: Vec<&str> = text.split_whitespace().collect();
    let counts = |word: &str| -> Vec<&str> {
        let is_it = |pair: &&[&str]| pair[1].trim_end_matches(',') == word && pair[0].parse::<u32>().is_ok();
        words.windows(2).filter(is_it).map(|pair| pair[0]).collect()
    };
    for word in ["manifests", "blobs"] {
        let counts = counts(word);
        assert!(counts.len() == 2 && counts[0] == counts[1], "{word}: {counts:?}\n{text}");
    }
    assert_eq!(airlift.files(), [""; 0], "the demo cleans up");
}

/// No layer is ever unpacked, so what claims to be compressed and isn't, or would be without end, is carried
/// like any other.
#[test]
fn what_is_in_a_layer_is_nobodys_business() {
    let layer = |media_type: &str, bytes: Vec<u8>| Layer::Raw {
        media_type: media_type.to_owned(),
        bytes: bytes.into(),
        annotations: Vec::new(),
    };
    let bomb = zstd::bulk::compress(&vec![0; 16 << 20], 3).expect("it can be compressed");
    let layers = vec![
        layer("application/vnd.oci.image.layer.v1.tar+gzip", b"no gzip".to_vec()),
        layer("application/vnd.oci.image.layer.v1.tar+zstd", bomb[..bomb.len() - 9].to_vec()),
        layer("application/vnd.oci.image.layer.v1.tar", b"no tar".to_vec()),
        layer("application/vnd.oci.image.layer.v1.tar+gzip", Vec::new()),
    ];
    let image = samples::image(&ImageSpec { layers, ..ImageSpec::default() });
    let odd = Sample::of_image("team/odd", "1", image);
    let (source, target) = (Embedded::start(Options::default()), Embedded::start(Options::default()));
    source.endpoint().push(std::slice::from_ref(&odd));
    let airlift = Airlift::new();
    let reference = format!("{}/team/odd:1", source.authority());
    for output in ["b.tar", "b.tar.zst"] {
        airlift.run(&["build", &reference, "-o", output]).expect(0);
        airlift.run(&["verify", output]).expect(0);
        airlift.run(&["push", output, &format!("{}/{output}", target.authority())]).expect(0);
        target.endpoint().assert_holds(&odd, &format!("{output}/team/odd"));
    }
}
