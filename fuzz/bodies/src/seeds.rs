//! Inputs to start from, made by code. Few and small: each shows the fuzzer something that it would not find
//! soon.

use airlift_oci::{Algorithm, Digest};

use crate::images::{Images, index_json, json};
use crate::mutations::mutate;
use crate::tar_file::Tar;

/// The seeds of a target by its name; none for a name that isn't one.
pub fn of(target: &str) -> Vec<Vec<u8>> {
    let lines = |texts: &[&str]| texts.iter().map(|text| text.as_bytes().to_vec()).collect();
    match target {
        "digests" => digests(),
        "platforms" => lines(&PLATFORMS),
        "references" => lines(&REFERENCES),
        "lists" => lines(&LISTS),
        "manifests" => lines(&MANIFESTS),
        "documents" => documents(),
        "tars" => tars(),
        "archives" => archives(),
        "mutations" => MUTATIONS.iter().map(|choices| choices.to_vec()).collect(),
        _ => Vec::new(),
    }
}

/// All targets.
pub const TARGETS: [&str; 9] = [
    "archives",
    "digests",
    "documents",
    "lists",
    "manifests",
    "mutations",
    "platforms",
    "references",
    "tars",
];

const PLATFORMS: [&str; 8] = [
    "linux/amd64",
    "linux/arm/v7",
    "linux/arm64/v8",
    "windows(10.0.17763.5329)/amd64",
    "macos/x86_64/v1",
    "unknown/unknown",
    "linux\narmhf\nV8\n10.0\nwin32k",
    "Linux\nAARCH64\n8\n\n",
];

const REFERENCES: [&str; 12] = [
    "nginx",
    "nginx:1.27",
    "grafana/loki:2",
    "quay.io/a/b:1@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "localhost:5000/x",
    "[::1]:5000/x:1",
    "REGISTRY/x",
    "index.docker.io/nginx",
    "127.0.0.1:65535/a--b/c__d/e.f:_x-y.z",
    "xn--bcher-kva.example/x",
    "https://user:password@example.com/x",
    "a@sha512:cf83e1",
];

const MANIFESTS: [&str; 7] = [
    "apiVersion: v1\nkind: Pod\nmetadata: {name: a, namespace: n}\nspec:\n  containers:\n  - name: c\n    image: \"r.example/a:1\" # c\n    env: [{name: RELATED_IMAGE_X, value: 'b:2'}]\n  - {name: d, image: |-\n}\n",
    "kind: CronJob\r\nspec: {jobTemplate: {spec: {template: {spec: {containers: [{image: &i nginx:1.27}, {image: *i}]}}}}}\r\n---\r\nkind: List\r\nitems:\r\n- kind: Pod\r\n  spec:\r\n    containers:\r\n    - image: >-\r\n        redis:7\r\n",
    "{\"kind\": \"Deployment\", \"spec\": {\"template\": {\"spec\": {\"containers\": [{\"image\": \"r.example\\/a\\u003a1\", \"args\": [\"--x=quay.io/a/b:1\"]}]}}}}",
    "\u{feff}x-base: &base {image: 'a:1'}\nservices:\n  ä: {<<: *base}\n  b: {image: \"b:${TAG}\"}\n  c:\n    volumes: [{type: image, source: c:1}]\n",
    "kind: Kustomization\nimages:\n- {name: a, newTag: '1'}\n- name: b\n  newName: c\n  digest: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855\n",
    "apiVersion: v2\nname: c\nannotations:\n  images: |\n    - image: a:1\n      name: a\n  artifacthub.io/images: \"- {image: b:1}\"\n---\nkind: ConfigMap\ndata:\n  a: |\n    image: quay.io/a/b:1\n",
    "kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n---\nkind: WasmPlugin\nspec: {url: oci://r.example/w:1}\n---\na: 1\na: 2\n",
];

const LISTS: [&str; 6] = [
    "nginx:1.27 # web\r\n\toci-archive:ours.tar:app*=r.example/app:1\r\n\r\noci:a=b=",
    "\u{feff}quay.io/a/b@sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    "version: 1\ngroups:\n  a:\n    - nginx\n    - {ref: redis:7, platforms: [linux/amd64], referrers: none}\n",
    "version: 1\ndefaults: {platforms: all, referrers: all}\nmirrors: {docker.io: r.example/hub}\ngroups: {a: [{repo: nginx, tags: [1.10, \"2\"]}], b: }\n",
    "version: 1\ngroups:\n  a:\n    - {repo: a/b, tags: {semver: '>=1.2 <2', regex: '^v\\d', except: rc, newest: 3, prerelease: true}}\n",
    "version: 1\nx: &x [linux/amd64, *x]\ngroups: {a: &a [nginx: 1], b: *a, a: 2}\n",
];

/// Each change of [`mutate`] once, then some together; the first byte says whose archive.
const MUTATIONS: [&[u8]; 22] = [
    b"\0",
    b"\x01",
    b"\0\0\0\x02\0\x09\0\x04\0\x02xx\x01",
    b"\0\0\0\x03\0\x20\x01\0\x01\x0e\x01",
    b"\x01\0\0\x01\0\x20\x01\0\x01\x0f\x01",
    b"\x01\0\0\x04\0\x20\x01\0\x01\x10\x01",
    b"\0\0\0\x05\0\x10\x01\x08\x01\x12\x01",
    b"\x01\0\0\x02\0\x50\x01\0\x01\x16\x01",
    b"\0\x04\0\x03\0\x00\x05\x04abcd",
    b"\x01\x04\0\x03\0\x02\x05\x04abcd",
    b"\x01\x04\0\x03\0\x04\x03\0",
    b"\x01\x05\0\x02\0\x01",
    b"\x01\x05\0\x02\x01\x03123\x01",
    b"\x01\x06\0\x02\x0aindex.json",
    b"\x01\x07\0\x02\0\x7c\x0c\x80\0\0\0\0\0\0\0\0\0\0\x05",
    b"\0\x08\0\x02\0\x04",
    b"\x01\x09\0\x01",
    b"\x01\x0a\0\x05",
    b"\x01\x0b\0\x03\x04",
    b"\0\x0c\0\x02\0",
    b"\0\x0d\x12\x34\x01",
    b"\x01\0\0\x01\0\x20\x01\0\x01\x0f\x01\x08\0\x01\0\x05\x09\0\x01\x04\0\x03\0\x03\0\0",
];

fn digests() -> Vec<Vec<u8>> {
    let algorithms = [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512];
    let whole = algorithms.map(|algorithm| Digest::of(algorithm, b"seed").to_string());
    let paths = whole.each_ref().map(|digest| format!("blobs/{}", digest.replace(':', "/")));
    let odd = ["sha256:E3", "md5:00", "sha256:", "./a/../b", "multihash+base58:QmRZ"].map(str::to_owned);
    whole.into_iter().chain(paths).chain(odd).map(String::into_bytes).collect()
}

fn documents() -> Vec<Vec<u8>> {
    let mut images = Images::sample();
    let shared = images.blob("application/vnd.oci.image.layer.v1.tar", b"x");
    let more = r#","urls":["https://example.com/x"],"annotations":{"io.airlift.external":"a","n":1},"data":"eA==","platform":{"os":"windows","architecture":"amd64","os.version":"10.0","os.features":["win32k"],"variant":"v2"},"artifactType":"a/b""#;
    let mut all: Vec<Vec<u8>> =
        images.contents.values().filter(|content| content.starts_with(b"{")).cloned().collect();
    all.push(index_json(&[json(&shared, more)]).into_bytes());
    all.push(images.foreign_index().into_bytes());
    let root = images.roots[0].descriptor.clone();
    let annotations = format!(
        r#","annotations":{{"io.containerd.image.name":"r.example/a:1","io.airlift.platforms":"linux/amd64,linux/arm/v7","io.airlift.manifests":"{0}","io.airlift.subject":"{0}","io.airlift.external":"{0}"}}"#,
        root.digest
    );
    all.push(index_json(&[json(&root, &annotations)]).into_bytes());
    all.push(br#"{"imageLayoutVersion":"1.0.0"}"#.to_vec());
    all.push(airlift_oci::layout::encode_layout(&root.digest));
    all.push(br#"{"schemaVersion":1,"fsLayers":[],"name":"x"}"#.to_vec());
    all.push(
        "{\"Manifests\":[],\"layer\u{17f}\":[],\"\\u006cayers\":null,\"config\":{}}".as_bytes().to_vec(),
    );
    all.push([&b"["[..]; 120].concat());
    all
}

fn tars() -> Vec<Vec<u8>> {
    let long = "x".repeat(120);
    let mut gnu = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    gnu.append_data(&mut header, &long, &b"abc"[..]).expect("memory can be written");
    let mut old = tar::Header::new_gnu();
    old.set_size(9 << 30);
    old.as_old_mut().name[0] = b'a';
    old.as_old_mut().size = [0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0];
    old.set_cksum();
    let large = (9_u64 << 30).to_string();
    let name = |name: &str, kind| Tar::default().entry(name, kind, b"").end().0;
    vec![
        Tar::default().end().0,
        Tar::default().file("a", b"abc").file("b/c", b"").end().0,
        Tar::default().entry("b/", b'5', b"").file("./b/c", b"x").entry("b/", b'5', b"").end().0,
        Tar::default().pax(&[("path", &long)]).file(&long[..100], b"abc").end().0,
        Tar::default().pax(&[("size", "3"), ("mtime", "1.5")]).file("a", b"abc").end().0,
        Tar::default().pax(&[("size", &large)]).entry("a", b'0', b"").end().0,
        Tar::default().pax(&[("GNU.sparse.major", "1")]).file("a", b"abc").end().0,
        gnu.into_inner().expect("memory can be written"),
        // Once accepted under a name that the `tar` crate doesn't see.
        Tar::default()
            .entry("././@LongLink", b'L', &[long.as_bytes(), &[0; 3]].concat())
            .file(&long[..100], b"abc")
            .end()
            .0,
        Tar::default().raw(old.as_bytes()).end().0,
        name("link", b'2'),
        name("../x", b'0'),
        name("g", b'g'),
        Tar::default().file("a", b"1").file("a", b"2").end().0,
        Tar::default().file("a", b"abc").0,
        Tar::default().end().file("hidden", b"x").end().0,
    ]
}

fn archives() -> Vec<Vec<u8>> {
    let mut all: Vec<Vec<u8>> = [0, 1].iter().map(|whose| mutate(&[*whose]).0).collect();
    // Less to get lost in: one image of one layer, one index, an empty layout.
    let mut images = Images::default();
    let layer = images.blob(crate::images::LAYER, b"layer");
    let image = images.image("amd64", &[layer]);
    images.root(&image, "r.example/a:1");
    all.push(images.archive());
    let index = images.index(&[json(&image, r#","platform":{"os":"linux","architecture":"amd64"}"#)]);
    images.roots.clear();
    images.root(&index, "r.example/b:1");
    let files = images.foreign_files();
    all.push(files.iter().fold(Tar::default(), |tar, (name, content)| tar.file(name, content)).end().0);
    let empty = Tar::default().file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#);
    all.push(empty.file("index.json", br#"{"manifests":[]}"#).end().0);
    all
}
