//! `inspect` shows what an image's configuration says: for each platform of the images that were asked for,
//! without values of variables, and without anything that a terminal obeys.

use airlift_oci::media_type;
use airlift_server::Options;
use airlift_server::samples::{Content, Image};
use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::{self, Embedded};

const SECRET: &str = "s3cr3t-value";

/// A config of that platform, of an image with one layer.
fn config(platform: &str, more: &Value) -> Value {
    let (os, architecture) = platform.split_once('/').unwrap();
    let mut config = json!({
        "created": format!("2026-01-0{}T00:00:00Z", architecture.len()),
        "os": os, "architecture": architecture,
        "rootfs": {"type": "layers", "diff_ids": []},
        "config": {
            "User": "101:101", "Entrypoint": ["/entry.sh", "daemon off;"], "WorkingDir": "/srv",
            "Env": ["PATH=/usr/bin", format!("TOKEN={SECRET}")], "ExposedPorts": {"80/tcp": {}},
            "Labels": {"org.example.licence": "MIT"},
        },
        "history": [
            {"created_by": format!("ENV TOKEN={SECRET}"), "empty_layer": true},
            {"created_by": format!("COPY {platform} / # buildkit")},
            {"created_by": "/bin/sh -c #(nop)  CMD [\"x\"]", "empty_layer": true},
        ],
    });
    for (name, value) in more.as_object().unwrap() {
        config[name] = value.clone();
    }
    config
}

fn image(platform: &str, config: &str) -> Image {
    let config = made::blob(media_type::OCI_CONFIG, config);
    let layer = made::blob("application/vnd.oci.image.layer.v1.tar", "a layer");
    let manifest = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": made::descriptor(&config), "layers": [made::descriptor(&layer)],
    }));
    Image { manifest, blobs: vec![config, layer], platform: platform.to_owned() }
}

/// `b.tar` with these images, each under a name of its own.
fn bundle(images: &[(&str, &Image)]) -> (Airlift, Embedded) {
    let source = Embedded::start(Options::default());
    let airlift = Airlift::new();
    let mut arguments = vec!["build".to_owned(), "-o".to_owned(), "b.tar".to_owned()];
    for (name, image) in images {
        made::put(source.endpoint(), name, image, Some("1"));
        arguments.push(format!("{}/{name}:1", source.authority()));
    }
    airlift.run(&arguments.iter().map(String::as_str).collect::<Vec<_>>()).expect(0);
    (airlift, source)
}

#[test]
fn an_image_of_three_platforms_is_described_once_for_all_of_them() {
    let source = Embedded::start(Options::default());
    let platforms = ["linux/amd64", "linux/arm64", "linux/riscv64"];
    let images = platforms.map(|platform| image(platform, &config(platform, &json!({})).to_string()));
    let child = |(image, platform): (&Image, &str)| {
        made::put(source.endpoint(), "team/app", image, None);
        let (os, architecture) = platform.split_once('/').unwrap();
        made::descriptor_with(&image.manifest, &json!({"platform": {"os": os, "architecture": architecture}}))
    };
    let index = made::index(&images.iter().zip(platforms).map(child).collect::<Vec<_>>());
    source.endpoint().push_manifest("team/app", "1", &index).expect_status(201);
    let airlift = Airlift::new();
    airlift.run(&["build", &format!("{}/team/app:1", source.authority()), "-o", "b.tar"]).expect(0);

    let whole = airlift.run(&["inspect", "b.tar"]).expect(0).text();
    assert!(!whole.contains("entrypoint"), "the overview stays short: {whole}");
    let document = airlift.run(&["inspect", "b.tar", "--json"]).expect(0).json("airlift.inspect/v1");
    assert_eq!(document["images"][0]["manifest"]["manifests"][0].get("config"), None);

    let shown = airlift.run(&["inspect", "b.tar", "team/app"]).expect(0);
    let text = shown.text();
    assert_eq!(text.matches("entrypoint").count(), 1, "{text}");
    assert_eq!(text.matches("history of linux/").count(), 3, "{text}");
    let shown = shown
        .says("configuration of linux/amd64, linux/arm64, linux/riscv64")
        .says("/entry.sh 'daemon off;'")
        .says("PATH, TOKEN (values are not shown)")
        .says("101:101")
        .says("2026-01-05T00:00:00Z, 2026-01-07T00:00:00Z")
        .says("org.example.licence=MIT")
        .says("layer 1     COPY linux/arm64 /")
        .says("            CMD [\"x\"]")
        .says("ENV TOKEN=…");
    assert!(!shown.text().contains(SECRET), "{shown}");

    let shown = airlift.run(&["inspect", "b.tar", "team/app", "--json"]).expect(0);
    assert!(!shown.text().contains(SECRET), "{shown}");
    let config = &shown.json("airlift.inspect/v1")["images"][0]["manifest"]["manifests"][1]["config"];
    assert_eq!(config["envNames"], json!(["PATH", "TOKEN"]));
    assert_eq!((&config["user"], &config["workingDir"]), (&json!("101:101"), &json!("/srv")));
    assert_eq!(config["history"][1]["createdBy"], "COPY linux/arm64 / # buildkit");
    assert_eq!(config["history"][0]["emptyLayer"], true);
    assert_eq!(config.get("author"), None);

    // A platform that was left out has no config in the bundle.
    let reference = format!("{}/team/app:1", source.authority());
    let build = ["build", &reference, "-o", "p.tar", "--platform", "linux/amd64"];
    airlift.run(&build).expect(0);
    let text = airlift.run(&["inspect", "p.tar", "team/app"]).expect(0).text();
    assert!(text.contains("configuration of linux/amd64\n"), "{text}");
}

#[test]
fn a_hostile_config_commands_no_terminal() {
    let evil = "\u{1b}[2J\u{202e}evil\r\n";
    let more = json!({
        "author": evil,
        "config": {"User": evil, "Env": [format!("{evil}={SECRET}")], "Cmd": [evil], "Labels": {evil: evil}},
        "history": [{"created_by": format!("RUN {evil}{}", "x".repeat(5_000))}],
    });
    let hostile = image("linux/amd64", &config("linux/amd64", &more).to_string());
    let (airlift, _source) = bundle(&[("team/evil", &hostile)]);
    for arguments in [&["inspect", "b.tar", "team/evil"][..], &["inspect", "b.tar", "team/evil", "--json"]] {
        let shown = airlift.run(arguments).expect(0);
        let text = shown.text();
        assert!(!text.contains(['\u{1b}', '\r', '\u{202e}']) && text.contains("evil"), "{shown}");
        assert!(!text.contains(SECRET), "{shown}");
    }
    let text = airlift.run(&["inspect", "b.tar", "team/evil"]).expect(0).text();
    assert!(text.lines().all(|line| line.chars().count() <= 160), "long lines are cut: {text}");
}

#[test]
fn a_config_that_is_none_of_an_image_is_left_out() {
    let not_json = image("linux/amd64", "no JSON");
    let twice = image("linux/amd64", r#"{"os":"linux","architecture":"amd64","os":"windows"}"#);
    let list = image("linux/amd64", "[]");
    let helm =
        Content { media_type: "application/vnd.cncf.helm.config.v1+json".to_owned(), ..made::blob("", "{}") };
    let chart = Image {
        manifest: made::document(&json!({
            "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
            "config": made::descriptor(&helm), "layers": [],
        })),
        blobs: vec![helm],
        platform: String::new(),
    };
    let (airlift, _source) =
        bundle(&[("a/text", &not_json), ("a/twice", &twice), ("a/list", &list), ("a/chart", &chart)]);
    let shown = airlift.run(&["inspect", "b.tar", "*"]).expect(0);
    assert!(!shown.text().contains("configuration of"), "{shown}");
    let document = airlift.run(&["inspect", "b.tar", "*", "--json"]).expect(0).json("airlift.inspect/v1");
    assert!(
        document["images"].as_array().unwrap().iter().all(|image| image["manifest"].get("config").is_none())
    );
}
