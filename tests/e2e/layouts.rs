//! Layouts as sources: bundles are merged, and parts are taken, without a network and byte for byte as a
//! build from the registry writes them.

use airlift_oci::media_type;
use airlift_server::Options;
use airlift_server::samples::{Content, Image, Sample};
use airlift_testkit::scripted::Script;
use airlift_testkit::tool::tool;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::made::{self, Embedded, descriptor, descriptor_with, tag_of};
use crate::pair::Pair;

/// Bundles `a.tar` (team/old), `b.tar` (team/new) and `both.tar`, each with what is attached to the images;
/// their source is gone.
struct Bundles {
    airlift: Airlift,
    authority: String,
    old: Sample,
    new: Sample,
}

impl Bundles {
    fn new() -> Self {
        let source = Embedded::start(Options::default());
        let (old, new) = (made::two_platforms("team/old", 10), made::two_platforms("team/new", 20));
        source.endpoint().push(&[old.clone(), new.clone()]);
        for sample in [&old, &new] {
            attach(&source, sample);
        }
        let (airlift, authority) = (Airlift::new(), source.authority().to_owned());
        let bundles = Bundles { airlift, authority, old, new };
        let (old, new) = (bundles.reference("old"), bundles.reference("new"));
        for (output, more) in [
            ("a.tar", vec![old.as_str()]),
            ("b.tar", vec![&new]),
            ("both.tar", vec![&old, &new]),
            ("amd64.tar", vec![&old, "--platform", "linux/amd64"]),
            ("arm64.tar", vec![&old, "--platform", "linux/arm64"]),
            ("bare.tar", vec![&old, "--referrers", "none"]),
            ("both.tar.zst", vec![&old, &new]),
            ("volumes.tar", vec![&old, &new, "--volume-size", "64K"]),
        ] {
            bundles.build(output, &more).expect(0);
        }
        bundles
    }

    fn reference(&self, name: &str) -> String {
        format!("{}/team/{name}:1", self.authority)
    }

    fn build(&self, output: &str, arguments: &[&str]) -> Ran {
        self.airlift.run(&[&["build", "--json", "--force", "-o", output], arguments].concat())
    }

    /// A build of these gives the bytes of that bundle, and fetches nothing.
    fn assert_same(&self, arguments: &[&str], bundle: &str) {
        let built = self.build("new.tar", arguments).expect(0);
        assert_eq!(built.json("airlift.build/v1")["downloaded"], 0, "{arguments:?}");
        assert!(self.airlift.read("new.tar") == self.airlift.read(bundle), "{arguments:?}: {built}");
        std::fs::remove_file(self.airlift.path("new.tar")).expect("it is there");
    }
}

/// Attaches an SBOM to one platform, a signature to the SBOM, and one under cosign's tag to the index.
fn attach(source: &Embedded, sample: &Sample) {
    let repository = &sample.repository;
    let sbom = made::referrer(&sample.manifests[0], "application/spdx+json", repository);
    let signature = made::referrer(&sbom.manifest, "application/vnd.example.signature", repository);
    let tagged = made::signature(repository);
    made::put(source.endpoint(), repository, &sbom, None);
    made::put(source.endpoint(), repository, &signature, None);
    made::put(source.endpoint(), repository, &tagged, Some(&tag_of(&sample.root.digest, ".sig")));
}

#[test]
fn bundles_are_merged_and_parts_taken_byte_for_byte() {
    let bundles = Bundles::new();
    bundles.airlift.unpack("both.tar", "folder");
    bundles.assert_same(&["oci-archive:a.tar", "oci-archive:b.tar"], "both.tar");
    bundles.assert_same(&["oci-archive:both.tar", "oci-archive:b.tar"], "both.tar");
    for whole in ["oci-archive:both.tar", "oci:folder", "oci-archive:both.tar.zst", "oci-archive:volumes.tar"]
    {
        bundles.assert_same(&[whole], "both.tar");
        let full = format!("{whole}:{}", bundles.reference("new"));
        let digest = format!("{whole}:{}", bundles.new.root.digest);
        for part in [&full, &digest, &format!("{whole}:*/new:?"), &format!("{whole}:team/new")] {
            bundles.assert_same(&[part], "b.tar");
        }
    }
    std::fs::write(bundles.airlift.path("list.txt"), "oci-archive:a.tar  # ours\noci:folder:*new*\n")
        .unwrap();
    bundles.assert_same(&["-f", "list.txt"], "both.tar");
}

#[test]
fn platforms_and_referrers_are_chosen_as_from_a_registry() {
    let bundles = Bundles::new();
    bundles.assert_same(&["oci-archive:a.tar", "--platform", "linux/amd64"], "amd64.tar");
    bundles.assert_same(&["oci-archive:a.tar", "--referrers", "none"], "bare.tar");
    // A partial image stays partial; what was left out can't be chosen.
    bundles.assert_same(&["oci-archive:amd64.tar"], "amd64.tar");
    bundles.assert_same(&["oci-archive:amd64.tar", "--platform", "linux/amd64"], "amd64.tar");
    bundles
        .build("new.tar", &["oci-archive:amd64.tar", "--platform", "linux/arm64"])
        .expect(2)
        .says("has no linux/arm64; it has linux/amd64");
    // Two parts are more than one.
    bundles.assert_same(&["oci-archive:amd64.tar", "oci-archive:arm64.tar"], "a.tar");
    let bare = ["oci-archive:amd64.tar", "oci-archive:arm64.tar", "--referrers", "none"];
    bundles.assert_same(&bare, "bare.tar");
}

#[test]
fn one_build_takes_from_registries_and_layouts() {
    let source = Script::serving(vec![made::two_platforms("team/new", 20)]).start();
    let bundles = Bundles::new();
    let reference = format!("{}/team/new:1", source.authority());
    let mixed = ["oci-archive:a.tar", &reference, "--json", "-o", "mixed.tar"];
    let built = bundles.airlift.run(&[&["build"], &mixed[..]].concat()).expect(0).json("airlift.build/v1");
    let names: Vec<&Value> =
        built["images"].as_array().unwrap().iter().map(|image| &image["reference"]).collect();
    assert_eq!(names.len(), 2, "{built}");
    assert!(built["downloaded"].as_u64() > Some(0) && built["reused"].as_u64() > Some(0), "{built}");
    assert!(source.requests().iter().all(|request| !request.path().contains("/old/")));
    bundles.airlift.run(&["verify", "mixed.tar"]).expect(0);
}

#[test]
fn what_is_external_or_absent_is_so_again() {
    let foreign =
        made::blob("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", "not to be distributed");
    let image = made::windows("10.0.17763.1", 1);
    let urls = json!({"urls": ["https://127.0.0.1:1/layer"]});
    let manifest = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST, "config": descriptor(&image.blobs[0]),
        "layers": [descriptor_with(&foreign, &urls), descriptor(&image.blobs[1])],
    }));
    let external = Sample::of_image("team/win", "1", Image { manifest, ..image });
    let partial = made::two_platforms("team/app", 30);
    let gone = partial.manifests[1].digest.to_string();
    let source = Script::serving(vec![external, partial])
        .rule(move |request| {
            let is_gone = request.path().ends_with(&format!("/manifests/{gone}"));
            is_gone.then(|| airlift_testkit::scripted::Answer::error(404, "MANIFEST_UNKNOWN", "gone"))
        })
        .start();
    let airlift = Airlift::new();
    let (win, app) =
        (format!("{}/team/win:1", source.authority()), format!("{}/team/app:1", source.authority()));
    airlift.run(&["build", &win, "-o", "win.tar"]).expect(0);
    airlift.run(&["build", &app, "-o", "app.tar", "--platform", "linux/amd64"]).expect(0);
    drop(source);
    for bundle in ["win.tar", "app.tar"] {
        airlift.run(&["build", &format!("oci-archive:{bundle}"), "-o", "new.tar", "--force"]).expect(0);
        assert!(airlift.read("new.tar") == airlift.read(bundle), "{bundle}");
    }
}

/// A layout as other tools write it, with these roots.
fn layout(airlift: &Airlift, folder: &str, images: &[&Image], more: &[&Content], roots: &[Value]) {
    let blobs = airlift.path(folder).join("blobs/sha256");
    std::fs::create_dir_all(&blobs).unwrap();
    let of_images = images.iter().flat_map(|image| image.blobs.iter().chain([&image.manifest]));
    for content in of_images.chain(more.iter().copied()) {
        std::fs::write(blobs.join(content.digest.hex()), &content.bytes).unwrap();
    }
    let index = json!({"schemaVersion": 2, "manifests": roots}).to_string();
    std::fs::write(airlift.path(folder).join("index.json"), index).unwrap();
    std::fs::write(airlift.path(folder).join("oci-layout"), r#"{"imageLayoutVersion":"1.0.0"}"#).unwrap();
}

fn named(content: &Content, name: &str) -> Value {
    descriptor_with(content, &json!({"annotations": {"org.opencontainers.image.ref.name": name}}))
}

fn names(airlift: &Airlift, arguments: &[&str]) -> Vec<String> {
    let built =
        airlift.run(&[&["build", "--json", "--force", "-o", "new.tar"], arguments].concat()).expect(0);
    let document = built.json("airlift.build/v1");
    let images = document["images"].as_array().expect("a list").iter();
    images.map(|image| image["reference"].as_str().expect("a name").to_owned()).collect()
}

#[test]
fn names_are_those_of_the_layout_or_given() {
    let (one, two, bare) =
        (made::image("linux/amd64", 1), made::image("linux/arm64", 2), made::image("linux/amd64", 3));
    let airlift = Airlift::new();
    let roots = [named(&one.manifest, "nginx:1.27"), named(&two.manifest, "v2"), descriptor(&bare.manifest)];
    layout(&airlift, "layout", &[&one, &two, &bare], &[], &roots);
    let digest = bare.manifest.digest.to_string();
    assert_eq!(names(&airlift, &["oci:layout"]), [digest.as_str(), "docker.io/library/nginx:1.27", "v2"]);
    for (reference, name) in [
        ("oci:layout:nginx:1.27", "docker.io/library/nginx:1.27"),
        ("oci:layout:1.27", "docker.io/library/nginx:1.27"),
        ("oci:layout:ngin*", "docker.io/library/nginx:1.27"),
        ("oci:layout:v2", "v2"),
        ("oci:layout:v2=r.example/team/app", "r.example/team/app:v2"),
        ("oci:layout:v2=r.example/team/app:1", "r.example/team/app:1"),
        (&format!("oci:layout:{digest}"), &digest),
        (&format!("oci:layout:{digest}=r.example/a"), &format!("r.example/a@{digest}")),
    ] {
        assert_eq!(names(&airlift, &[reference]), [name], "{reference}");
        airlift.run(&["verify", "new.tar"]).expect(0);
    }
    // A push wants to know the repository.
    airlift.run(&["build", "oci:layout:v2", "-o", "v2.tar"]).expect(0);
    let target = Embedded::start(Options::default());
    airlift.run(&["push", "v2.tar", target.authority()]).expect(2).says("/REPOSITORY");
    airlift.run(&["push", "v2.tar", &format!("{}/team/app", target.authority())]).expect(0);
    assert!(target.endpoint().manifest("team/app", "v2") == two.manifest.bytes);
}

#[test]
fn references_that_mean_no_image_or_several_are_refused() {
    let (one, two) = (made::image("linux/amd64", 1), made::image("linux/arm64", 2));
    let airlift = Airlift::new();
    let roots = [named(&one.manifest, "r.example/app:1"), named(&two.manifest, "r.example/app:2")];
    layout(&airlift, "layout", &[&one, &two], &[], &roots);
    let roots = [named(&one.manifest, "r.example/app:1"), named(&two.manifest, "r.example/app:1")];
    layout(&airlift, "twice", &[&one, &two], &[], &roots);
    layout(&airlift, "odd", &[&one], &[], &[named(&one.manifest, "An Odd/Name")]);
    for (arguments, code, text) in [
        (&["oci:layout:zzzzzzzzzzzz"][..], 3, "there are r.example/app:1, r.example/app:2"),
        (&["oci:layout:r.example/app:3"], 3, "did you mean r.example/app:1 or r.example/app:2?"),
        (&["oci:layout:r.example/app"], 2, "may mean several images of oci:layout"),
        (&["oci:layout=r.example/app:3"], 2, "one name can't be that of all"),
        (&["oci:twice"], 2, "has two images of the name r.example/app:1"),
        (&["oci:odd"], 2, "whose name is no reference"),
        (&["oci-archive:layout"], 2, "layout is a folder; write oci:layout"),
        (&["oci:1.27"], 4, "docker.io/library/oci:1.27"),
        (
            &["oci:layout:r.example/app:1=r.example/x:1", "oci:layout:r.example/app:2=r.example/x:1"],
            2,
            "choose one",
        ),
        (&["oci:layout:x", "oci:layout:y"], 3, "'y'"),
    ] {
        airlift.run(&[&["build", "-o", "new.tar"], arguments].concat()).expect(code).says(text);
        assert!(!airlift.path("new.tar").exists());
    }
}

/// As oras and regctl write it: every manifest is a root, and lists of referrers are, too.
#[test]
fn what_is_attached_comes_along_under_the_name_of_its_image() {
    let sample = made::two_platforms("team/app", 1);
    let images = [made::image("linux/amd64", 1), made::image("linux/arm64", 2)];
    let sbom = made::referrer(&images[0].manifest, "application/x.sbom", "of a platform");
    let cosign = made::signature("of the index");
    let list = made::index(&[descriptor(&sbom.manifest)]);
    let airlift = Airlift::new();
    let all = [&images[0], &images[1], &sbom, &cosign];
    let mut roots = vec![named(&sample.root, "1"), named(&list, &tag_of(&images[0].manifest.digest, ""))];
    roots.push(named(&cosign.manifest, &tag_of(&sample.root.digest, ".sig")));
    roots.extend([&images[0], &images[1], &sbom].map(|image| descriptor(&image.manifest)));
    layout(&airlift, "layout", &all, &[&sample.root, &list], &roots);
    assert_eq!(names(&airlift, &["oci:layout=r.example/app"]), ["r.example/app:1"]);
    let report = airlift.run(&["--json", "verify", "new.tar"]).expect(0).json("airlift.report/v1");
    let referrers = report["referrers"].as_array().expect("a list").iter();
    let mut found: Vec<&str> = referrers.filter_map(|referrer| referrer["reference"].as_str()).collect();
    found.sort_unstable();
    let tagged = format!("r.example/app:{}", tag_of(&sample.root.digest, ".sig"));
    assert_eq!(found, [tagged, format!("r.example/app@{}", sbom.manifest.digest)], "{report}");
    let exact = format!("oci:layout:{}", sbom.manifest.digest);
    assert_eq!(names(&airlift, &[&exact]), [sbom.manifest.digest.to_string()]);
    // Without the platform that it is attached to, the SBOM stays behind.
    names(&airlift, &["oci:layout=r.example/app", "--platform", "linux/arm64"]);
    let report = airlift.run(&["--json", "verify", "new.tar"]).expect(0).json("airlift.report/v1");
    assert_eq!(report["referrers"].as_array().map(Vec::len), Some(1), "{report}");
}

#[test]
fn damage_is_named_all_at_once_and_nothing_is_fetched_for_it() {
    let bundles = Bundles::new();
    bundles.airlift.unpack("both.tar", "folder");
    let file = |content: &Content| bundles.airlift.path("folder/blobs/sha256").join(content.digest.hex());
    let layers: Vec<&Content> = bundles.old.blobs.iter().filter(|blob| blob.bytes.len() > 1000).collect();
    for layer in &layers[..2] {
        std::fs::remove_file(file(layer)).expect("it is there");
    }
    let lacking = bundles.build("new.tar", &["oci:folder"]).expect(1);
    let lacking = lacking
        .says("2 parts of images are missing or damaged in layouts")
        .says("oci:folder lacks")
        .says("layer 1")
        .says("team/old:1");
    for layer in &layers[..2] {
        let lacking = &lacking.stderr;
        assert!(lacking.contains(&layer.digest.to_string()), "{lacking}");
        let mut bytes = layer.bytes.to_vec();
        bytes[7] ^= 1;
        std::fs::write(file(layer), bytes).unwrap();
    }
    let altered = bundles.build("new.tar", &["oci:folder"]).expect(1);
    altered
        .says("2 parts of images are missing or damaged in layouts")
        .says("is damaged: it holds something else in the place of");
    // What isn't damaged can be taken; and another bundle has what is.
    bundles.assert_same(&["oci:folder:team/new"], "b.tar");
    bundles.assert_same(&["oci:folder", "--reuse", "a.tar"], "both.tar");

    let manifest = &bundles.old.manifests[0];
    std::fs::write(file(manifest), manifest.bytes.to_ascii_uppercase()).unwrap();
    let damaged = bundles.build("new.tar", &["oci:folder"]).expect(1);
    damaged.says("oci:folder is damaged").says(&manifest.digest.to_string()).says("team/old:1");
    bundles.assert_same(&["oci:folder:team/new"], "b.tar");
}

/// A blob is copied once, and is lacking in all images that need it.
#[test]
fn a_damaged_blob_is_named_for_each_of_its_images() {
    let airlift = Airlift::new();
    let image = made::image("linux/amd64", 1);
    let tags = ["1", "2", "3"].map(|tag| named(&image.manifest, &format!("r.example/app:{tag}")));
    layout(&airlift, "layout", &[&image], &[], &tags);
    let layer = image.blobs.iter().find(|blob| blob.bytes.len() > 1000).expect("a layer");
    let file = airlift.path("layout/blobs/sha256").join(layer.digest.hex());
    std::fs::write(file, vec![0; layer.bytes.len()]).expect("it is written");
    for more in [&[][..], &["--keep-going"]] {
        let build = ["build", "oci:layout", "-o", "new.tar", "--failed", "failed.txt"];
        let ran = airlift.run(&[&build, more].concat());
        assert_ne!(ran.code, 0);
        ["1", "2", "3"].iter().fold(ran, |ran, tag| ran.says(&format!("r.example/app:{tag} → layer")));
        let failed = String::from_utf8(airlift.read("failed.txt")).expect("text");
        let places = [1, 2, 3].map(|tag| format!("oci:layout:r.example/app:{tag}\n"));
        assert_eq!(failed, places.concat());
    }
}

#[test]
fn what_is_no_layout_is_refused_with_the_way_out() {
    let bundles = Bundles::new();
    let airlift = &bundles.airlift;
    std::fs::create_dir(airlift.path("empty")).unwrap();
    std::fs::write(airlift.path("empty.tar"), "").unwrap();
    std::fs::write(airlift.path("app.tar.gz"), [0x1f, 0x8b, 8, 0, 0, 0, 0, 0]).unwrap();
    let mut docker = tar::Builder::new(std::fs::File::create(airlift.path("docker.tar")).unwrap());
    let mut header = tar::Header::new_ustar();
    header.set_size(2);
    header.set_mode(0o644);
    docker.append_data(&mut header, "manifest.json", &b"[]"[..]).unwrap();
    docker.finish().unwrap();
    for (reference, text) in [
        ("oci-archive:docker.tar", "skopeo copy docker-archive:FILE oci-archive:NEW"),
        ("oci-archive:app.tar.gz", "gzip -d"),
        ("oci-archive:empty.tar", "the file is empty"),
        ("oci:empty", "docker buildx build --output type=oci"),
        ("oci-archive:none.tar", "No such file"),
    ] {
        bundles.build("new.tar", &[reference]).expect(4).says(text).says(reference);
    }
    let both = bundles.build("new.tar", &["oci-archive:empty.tar", "oci:empty"]).expect(4);
    both.says("oci-archive:empty.tar").says("oci:empty");
}

#[test]
fn the_output_is_none_of_the_sources() {
    let bundles = Bundles::new();
    let before = bundles.airlift.read("a.tar");
    for arguments in [&["oci-archive:a.tar"][..], &["oci-archive:./a.tar", "oci-archive:b.tar"]] {
        bundles.build("a.tar", arguments).expect(2).says("would be written over");
    }
    bundles.airlift.unpack("a.tar", "folder");
    bundles.build("folder/index.json", &["oci:folder"]).expect(2).says("would be written over");
    assert!(bundles.airlift.read("a.tar") == before);
}

#[test]
fn layouts_of_other_tools_are_sources() {
    let Some(pair) = Pair::start() else { return };
    let (web, airlift) = (pair.web(), &pair.airlift);
    let reference = pair.reference(web);
    airlift.run(&["build", &reference, "-o", "b.tar", "--referrers", "none"]).expect(0);
    let path = |name: &str| airlift.path(name).to_string_lossy().into_owned();
    let run = |tool: &std::path::Path, arguments: &[&str]| {
        let ran = std::process::Command::new(tool).args(arguments).output().expect("the tool starts");
        assert!(ran.status.success(), "{}: {}", tool.display(), String::from_utf8_lossy(&ran.stderr));
    };
    let mut written = Vec::new();
    if let Some(skopeo) = tool("skopeo") {
        let to = format!("oci-archive:{}:{}", path("skopeo.tar"), reference);
        let from = format!("docker://{reference}");
        run(&skopeo, &["copy", "-q", "--all", "--preserve-digests", "--src-tls-verify=false", &from, &to]);
        written.push("oci-archive:skopeo.tar");
    }
    if let Some(regctl) = tool("regctl") {
        let host = format!("reg={},tls=disabled", pair.source.authority());
        run(&regctl, &["--host", &host, "image", "export", &reference, &path("regctl.tar")]);
        written.push("oci-archive:regctl.tar");
    }
    if let Some(oras) = tool("oras") {
        let to = format!("{}:{}", path("oras"), web.tag);
        run(&oras, &["copy", "--from-plain-http", "--to-oci-layout", &reference, &to]);
        written.push("oci:oras");
    }
    if let Some(crane) = tool("crane") {
        run(&crane, &["pull", "--insecure", "--format", "oci", &reference, &path("crane")]);
        written.push("oci:crane");
    }
    for layout in written {
        let arguments = [&format!("{layout}={reference}"), "-o", "new.tar", "--force", "--referrers", "none"];
        airlift.run(&[&["build"], &arguments[..]].concat()).expect(0);
        assert!(airlift.read("new.tar") == airlift.read("b.tar"), "{layout}");
    }
}
