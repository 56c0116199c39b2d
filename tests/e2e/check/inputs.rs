//! What `airlift check` takes, and the files that it writes.

use serde_json::json;

use super::{Checked, document, states};
use crate::made::two_platforms;

#[test]
fn arguments_are_read_by_what_they_are() {
    let checked = Checked::start(&["team/a", "team/b"]);
    checked.lock();
    let authority = checked.source.authority();
    let write = |name: &str, text: &str| std::fs::write(checked.airlift.path(name), text).unwrap();
    write("list", &format!("{}  # a list\n", checked.reference(0)));
    let images = "version: 1\ngroups:\n  base:\n    - {ref: REGISTRY/team/a:1, platforms: [linux/amd64]}\n  tools:\n    - {repo: REGISTRY/team/b, tags: {semver: \">=1\"}}\n";
    write("images.yaml", &images.replace("REGISTRY", authority));
    checked.airlift.run(&["build", &checked.reference(0), "-o", "b.tar"]).expect(0);
    checked.airlift.run(&["build", &checked.reference(1), "-o", "c.tar.zst"]).expect(0);
    for (arguments, count) in [
        (&["list"][..], 1),
        (&["images.yaml"], 2),
        (&["images.yaml", "--group", "base"], 1),
        (&["images.lock"], 2),
        (&["b.tar"], 1),
        (&["c.tar.zst"], 1),
        (&["list", "b.tar", "images.lock", "-f", "images.yaml"], 6),
    ] {
        let ran = checked.check(&[arguments, &["--json"]].concat()).expect(0);
        assert_eq!(states(&document(&ran)).len(), count, "{arguments:?}");
    }
    checked.check(&["none.lock"]).expect(2).says("there is no file none.lock");
    checked.check(&[]).expect(2);
    checked.check(&["images.yaml", "--group", "nope"]).expect(2);
    checked.check(&["oci-archive:b.tar"]).expect(2).says("name the file or folder itself");
}

#[test]
fn receipts_that_were_edited_or_are_newer_are_refused_with_their_place() {
    let checked = Checked::start(&["team/a"]);
    let target = crate::made::Embedded::start(airlift_server::Options::default());
    checked.airlift.run(&["build", &checked.reference(0), "-o", "b.tar"]).expect(0);
    checked.airlift.run(&["push", "b.tar", target.authority(), "--receipt", "r.json"]).expect(0);
    let receipt = String::from_utf8(checked.airlift.read("r.json")).unwrap();
    let digest = checked.samples[0].root.digest.to_string();
    for (text, message) in [
        (receipt.replace("receipt/v1", "receipt/v2"), "x.json:2:3: this receipt is of version 2"),
        (receipt.replace(&digest, &digest[..40]), "is not a sha256 digest"),
        (receipt.replace("\"pushed\"", "\"sent\""), "'status' is one of"),
        (receipt[..receipt.len() / 2].to_owned(), "the receipt ends here: the rest was cut off"),
    ] {
        std::fs::write(checked.airlift.path("x.json"), text).unwrap();
        checked.check(&["x.json"]).expect(2).says("x.json:").says(message);
    }
    // What an editor saved in another encoding is a receipt all the same.
    let utf_16 = |text: &str| -> Vec<u8> { text.encode_utf16().flat_map(u16::to_le_bytes).collect() };
    let latin_1 = receipt.replacen("\"target\": \"", "\"target\": \"\u{0}", 1).replace('\u{0}', "#");
    let latin_1: Vec<u8> = latin_1.bytes().map(|byte| if byte == b'#' { 0xe9 } else { byte }).collect();
    for (bytes, message) in [
        (utf_16(&format!("\u{feff}{receipt}")), "x.json:1:1: it is UTF-16 text: save it as UTF-8"),
        (latin_1, "it is not UTF-8 text"),
    ] {
        std::fs::write(checked.airlift.path("x.json"), bytes).unwrap();
        for command in
            [&["check", "x.json"][..], &["diff", "x.json", "r.json"], &["diff", "r.json", "x.json"]]
        {
            checked.airlift.run(command).expect(2).says("x.json:").says(message);
        }
    }
    let mut nothing: serde_json::Value = serde_json::from_str(&receipt).unwrap();
    nothing["images"] = json!([]);
    std::fs::write(checked.airlift.path("x.json"), nothing.to_string()).unwrap();
    checked.check(&["x.json"]).expect(2).says("without images");
    let odd = receipt.replace("\"airlift.receipt/v1\"", "7");
    std::fs::write(checked.airlift.path("x.json"), odd).unwrap();
    checked.check(&["x.json"]).expect(2).says("x.json:2:13: a text in quotes has to be here");
    checked.check(&["r.json", "--group", "base"]).expect(2).says("--group");
}

#[test]
fn reports_are_written_for_people_and_for_machines() {
    let checked = Checked::start(&["team/a", "team/b"]);
    checked.airlift.run(&["lock", &checked.reference(0), "-o", "i.lock"]).expect(0);
    let old = checked.samples[0].root.digest;
    let new = two_platforms("team/a", 500);
    checked.source.endpoint().push(std::slice::from_ref(&new));
    let update = [
        "lock",
        &checked.reference(0),
        &checked.reference(1),
        "-o",
        "i.lock",
        "--history",
        "3",
        "--update",
        "*/a",
    ];
    checked.airlift.run(&update).expect(0);
    checked.delete_manifest(1, &checked.samples[1].root.digest);

    let outputs = ["--junit", "report.xml", "--failed", "failed.txt"];
    let ran = checked.check(&[&["i.lock", "--markdown"][..], &outputs].concat()).expect(1);
    let markdown = ran.text();
    let lines: Vec<&str> = markdown.lines().collect();
    assert_eq!(lines.len(), 4, "{markdown}");
    assert!(
        lines[2].contains(&format!("`{old}` → `{}` | yes | linux/amd64, linux/arm64 |", new.root.digest))
    );
    assert!(lines[3].contains("| **no** |"), "{markdown}");
    let report = String::from_utf8(checked.airlift.read("report.xml")).unwrap();
    assert!(report.contains("tests=\"2\"") && report.contains("failures=\"1\""), "{report}");
    assert!(report.contains("type=\"lost\""), "{report}");
    let failed = String::from_utf8(checked.airlift.read("failed.txt")).unwrap();
    assert_eq!(failed, format!("{}@{}\n", checked.reference(1), checked.samples[1].root.digest));

    checked.source.endpoint().push(&checked.samples[1..]);
    checked.check(&[&["i.lock"][..], &outputs].concat()).expect(0);
    assert!(checked.airlift.read("failed.txt").is_empty());
    for output in ["--junit", "--failed"] {
        checked.check(&["i.lock", output, "i.lock"]).expect(2).says("would be written over");
    }
    checked.check(&["i.lock", "--junit", "x", "--failed", "x"]).expect(2);
    checked.check(&["i.lock", "--markdown", "--json"]).expect(2);
    checked.check(&["i.lock", "--junit", "none/x.xml"]).expect(4);
}

/// A selector that selects nothing can't be checked; the others are.
#[test]
fn selectors_that_select_nothing_are_named() {
    let checked = Checked::start(&["team/a"]);
    let images = format!(
        "version: 1\ngroups:\n  base:\n    - {{repo: {0}/team/a, tags: {{semver: \">=2\"}}}}\n    - {0}/team/a:1\n",
        checked.source.authority()
    );
    std::fs::write(checked.airlift.path("images.yaml"), images).unwrap();
    let ran = checked.check(&["images.yaml", "--json", "--failed", "failed.txt"]).expect(3);
    assert_eq!(states(&document(&ran)), ["ok"]);
    assert_eq!(document(&ran)["ok"], json!(false), "a selector was not answered");
    ran.says("team/a");
    assert!(checked.airlift.read("failed.txt").starts_with(b"# "));
}
