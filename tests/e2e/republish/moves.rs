//! What receipts say of tags: what each stood for before, since, and when.

use airlift_server::Options;
use serde_json::{Value, json};

use crate::made::{self, Embedded};

/// Seconds in UTC: `2026-05-04T10:00:00Z`.
fn is_time(value: &Value) -> bool {
    let text = value.as_str().unwrap_or_default();
    text.len() == 20 && text.starts_with("20") && text.ends_with('Z') && &text[10..11] == "T"
}

#[test]
fn a_receipt_says_what_its_tags_stood_for_before() {
    let (airlift, _source, samples) = made::bundle(&["team/app", "team/other"], &[]);
    let target = Embedded::start(Options::default());
    let push = |more: &[&str]| {
        let ran = airlift.run(&[&["push", "b.tar", target.authority(), "--json"], more].concat()).expect(0);
        ran.json("airlift.receipt/v1")
    };
    let squatter = made::image("linux/amd64", 77);
    made::put(target.endpoint(), "team/app", &squatter, Some("1"));
    let ours = samples[0].root.digest.to_string();
    let moved = push(&["--move-tags", "--receipt", "r.json"]);
    let images = moved["images"].as_array().unwrap();
    let before = squatter.manifest.digest.to_string();
    assert_eq!(images[0]["tag"], json!({"from": before, "to": ours}), "{moved}");
    assert_eq!(images[1]["tag"], json!({"to": samples[1].root.digest.to_string()}), "{moved}");
    assert!(is_time(&moved["at"]) && images.iter().all(|image| is_time(&image["at"])), "{moved}");
    assert!(images.iter().all(|image| image["at"].as_str() <= moved["at"].as_str()), "{moved}");
    let kept: Value = serde_json::from_slice(&airlift.read("r.json")).unwrap();
    assert_eq!(kept, moved);
    let again = push(&[]);
    assert_eq!(again["images"][0]["tag"], json!({"from": ours, "to": ours}), "{again}");
    // What goes by digest alone has no tag.
    let (airlift, source, _) = made::bundle(&["team/app"], &[]);
    let digest = made::two_platforms("team/app", 10).root.digest;
    let reference = format!("{}/team/app@{digest}", source.authority());
    airlift.run(&["build", &reference, "-o", "d.tar"]).expect(0);
    let pushed = airlift.run(&["push", "d.tar", target.authority(), "--no-tag", "--json"]).expect(0);
    let image = &pushed.json("airlift.receipt/v1")["images"][0];
    assert!(image["tag"].is_null() && is_time(&image["at"]), "{image}");
}
