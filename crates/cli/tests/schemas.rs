//! The schemas in `schemas/` are those of the types, and what the binary prints validates against them.
//!
//! `UPDATE_SCHEMAS=1 cargo test -p airlift --test schemas` writes the files anew.

#![allow(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../schemas")
}

#[test]
fn the_files_are_fresh() {
    let mut wanted = Vec::new();
    for (name, schema) in airlift::output::schemas() {
        let mut text = serde_json::to_string_pretty(&schema).unwrap();
        text.push('\n');
        let path = folder().join(name);
        if std::env::var_os("UPDATE_SCHEMAS").is_some() {
            std::fs::write(&path, &text).unwrap();
        }
        let found = std::fs::read_to_string(&path).unwrap_or_default();
        assert!(found == text, "{} is stale: UPDATE_SCHEMAS=1 writes it anew", path.display());
        wanted.push(name.to_owned());
    }
    wanted.sort();
    let mut found: Vec<String> = std::fs::read_dir(folder())
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    assert_eq!(found, wanted, "the folder has these schemas and nothing else");
}

/// Runs the binary; what it prints on standard output must be a document of that schema, `schema` first.
fn document(name: &str, arguments: &[&str], code: i32) -> Value {
    document_of(name, name, arguments, code)
}

/// The same of a schema whose file has another name.
fn document_of(name: &str, file: &str, arguments: &[&str], code: i32) -> Value {
    let Output { status, stdout, stderr } =
        Command::new(env!("CARGO_BIN_EXE_airlift")).args(arguments).output().unwrap();
    let stderr = String::from_utf8_lossy(&stderr);
    assert_eq!(status.code(), Some(code), "{arguments:?}\n{stderr}");
    let text = String::from_utf8(stdout).unwrap();
    let first = format!("{{\n  \"schema\": \"airlift.{name}/v1\"");
    assert!(text.starts_with(&first), "{text}");
    validate(file, &text)
}

/// The document, which must be one of that schema.
fn validate(name: &str, text: &str) -> Value {
    let instance: Value = serde_json::from_str(text).unwrap();
    let schema = std::fs::read_to_string(folder().join(format!("{name}.json"))).unwrap();
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let errors: Vec<String> = validator.iter_errors(&instance).map(|error| error.to_string()).collect();
    assert!(errors.is_empty(), "{errors:#?}\n{text}");
    instance
}

/// The second volume of 64 KiB with a flipped bit in its middle.
fn damaged_volume(archive: &[u8]) -> Vec<u8> {
    let mut volume = archive[64 << 10..128 << 10].to_vec();
    volume[40_000] ^= 1;
    volume
}

/// A registry with the samples for as long as it lives, on a runtime of its own.
struct Registry {
    server: airlift_server::Server,
    _folder: tempfile::TempDir,
    _runtime: tokio::runtime::Runtime,
}

impl Registry {
    fn start(samples: &[airlift_server::samples::Sample]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let runtime =
            tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let server = runtime.block_on(async {
            let server = airlift_server::Server::start(folder.path(), airlift_server::Options::default())
                .await
                .unwrap();
            server.seed(samples).await.unwrap();
            server
        });
        Registry { server, _folder: folder, _runtime: runtime }
    }

    fn address(&self) -> String {
        self.server.address().to_string()
    }
}

#[test]
fn what_the_commands_print_validates() {
    let samples = airlift_server::samples::all();
    let (source, target) = (Registry::start(&samples), Registry::start(&[]));
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (bundle, address) = (path("b.tar"), target.address());
    let references: Vec<String> =
        samples.iter().map(|s| format!("{}/{}:{}", source.address(), s.repository, s.tag)).collect();
    let references: Vec<&str> = references.iter().map(String::as_str).collect();
    let with = |arguments: &[&'static str]| [arguments, references.as_slice()].concat();

    let plan = document("plan", &with(&["build", "--json", "-v", "--dry-run"]), 0);
    assert!(plan["blobs"].as_array().is_some_and(|blobs| blobs.len() > 20));
    let short = document("plan", &with(&["build", "--json", "--dry-run"]), 0);
    assert!(short.get("blobs").is_none());
    let build =
        document("build", &[&with(&["build", "--json", "-o"])[..3], &[&bundle], &references].concat(), 0);
    assert_eq!((&build["id"], &build["size"]), (&plan["id"], &plan["size"]));
    assert_eq!(build["size"], std::fs::metadata(&bundle).unwrap().len());
    // The plan's offsets are where the bytes are.
    let bytes = std::fs::read(&bundle).unwrap();
    for blob in plan["blobs"].as_array().unwrap() {
        let at = blob["offset"].as_u64().unwrap() as usize;
        let content = &bytes[at..at + blob["size"].as_u64().unwrap() as usize];
        let digest: airlift_oci::Digest = blob["digest"].as_str().unwrap().parse().unwrap();
        assert!(digest.matches(content), "{blob}");
    }

    let report = document("report", &["verify", "--json", &bundle], 0);
    assert_eq!((&report["ok"], &report["id"]), (&Value::Bool(true), &build["id"]));
    let mut damaged = bytes.clone();
    let blob = &plan["blobs"][5];
    damaged[blob["offset"].as_u64().unwrap() as usize] ^= 1;
    std::fs::write(path("d.tar"), damaged).unwrap();
    let report = document("report", &["verify", "--json", &path("d.tar")], 1);
    assert_eq!(report["findings"][0]["path"], blob["path"]);

    let logins = path("auth.json");
    std::fs::write(&logins, r#"{"auths": {"r.example": {"auth": "eDp5"}}}"#).unwrap();
    let logout = document("logout", &["logout", "r.example", "--json", "--auth-file", &logins], 0);
    assert_eq!(logout["erased"][0]["file"], logins);

    let lock = path("i.lock");
    let locking = [&["lock", "--json", "-o", &lock], references.as_slice()].concat();
    let result = document("lock-result", &locking, 0);
    assert_eq!(
        (&result["written"], result["images"].as_array().unwrap().len()),
        (&true.into(), samples.len())
    );
    validate("lock", &std::fs::read_to_string(&lock).unwrap());
    document("lock-check", &[&locking[..], &["--check"]].concat(), 0);
    document("lock-check", &["lock", "--json", "-o", &lock, "nginx", "--check"], 1);

    let in_volumes = ["--volume-size", "64K"];
    let plan = document("plan", &[&with(&["build", "--json", "--dry-run"])[..], &in_volumes].concat(), 0);
    let cut = path("v.tar");
    let build = [&with(&["build", "--json", "-o"])[..3], &[&cut], &references, &in_volumes].concat();
    let build = document("build", &build, 0);
    let count = |document: &Value| document["volumes"].as_array().unwrap().len();
    assert_eq!(count(&plan), count(&build));
    let set = std::fs::read_to_string(path("v.tar.volumes.json")).unwrap();
    validate("volumes", &set);
    document("volume", &["verify", "--json", &path("v.tar.002")], 0);
    std::fs::write(path("v.tar.002"), &bytes[..64 << 10]).unwrap();
    document("volume", &["verify", "--json", &path("v.tar.002")], 1);
    document("report", &["verify", "--json", &cut], 1);
    std::fs::write(path("v.tar.002"), damaged_volume(&bytes)).unwrap();
    let report = document("report", &["verify", "--json", &cut], 1);
    assert_eq!(report["findings"][0]["volume"]["name"], "v.tar.002");

    let lock = path("b.lock");
    document("inspect", &["inspect", "--json", "--lock", &lock, &bundle], 0);
    let locked = validate("lock", &std::fs::read_to_string(&lock).unwrap());
    assert_eq!(locked["images"].as_array().unwrap().len(), references.len());
    document("report", &["verify", "--json", "--lock", &lock, &bundle], 0);
    let one = document("inspect", &["inspect", "--json", &bundle, references[0]], 0);
    assert_eq!(one["images"][0]["reference"], references[0]);
    let every = document("inspect", &["inspect", "--json", &bundle, "*"], 0);
    assert!(every.to_string().contains("\"config\":{"), "{every}");
    let part = document("inspect", &["inspect", "--json", &bundle, blob["digest"].as_str().unwrap()], 0);
    assert_eq!(part["blob"]["offset"], blob["offset"]);

    let same = document("diff", &["diff", "--json", &bundle, &lock], 0);
    assert_eq!((&same["same"], &same["bytes"]["new"]), (&true.into(), &0.into()));
    let some = path("some.tar");
    document("build", &["build", "--json", "-o", &some, "--platform", "linux/arm64", references[0]], 0);
    document("diff", &["diff", "--json", "--exit-code", &bundle, &some], 1);

    let planned = document("push-plan", &["push", "--json", "--dry-run", &bundle, &address], 0);
    assert_eq!(planned["images"][0]["status"], "new");
    let receipt = path("receipt.json");
    let events = path("events.jsonl");
    let files = ["--receipt", receipt.as_str(), "--events", &events];
    let push = [&["push", "--json"], &files[..], &[bundle.as_str(), &address]].concat();
    let pushed = document("receipt", &push, 0);
    let kept: Value = serde_json::from_slice(&std::fs::read(&receipt).unwrap()).unwrap();
    assert_eq!(kept, pushed);
    for line in std::fs::read_to_string(&events).unwrap().lines() {
        validate("event", line);
    }
    let again = document("receipt", &["push", "--json", &bundle, &address], 0);
    assert!(again["images"].as_array().unwrap().iter().all(|image| image["status"] == "present"));

    let plan = path("prune.json");
    let kept = document("prune", &["prune", "--json", &address, "--old", &lock, "--keep", &receipt], 0);
    assert_eq!(kept["delete"], serde_json::json!([]));
    document("diff", &["diff", "--json", &some, &receipt], 0);
    document("inspect", &["inspect", "--json", "--lock", &path("some.lock"), &some], 0);
    let arguments = ["prune", "--json", &address, "--old", &lock, "--keep", &path("some.lock"), "-o", &plan];
    assert!(document("prune", &arguments, 0)["delete"].as_array().unwrap().len() > samples.len());
    document("prune-result", &["prune", "--json", &address, "--apply", &plan], 0);
}

#[test]
fn the_images_of_manifests_validate() {
    let manifests = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/manifests");
    let found = document_of("images", "images-found", &["images", "--json", manifests.to_str().unwrap()], 0);
    assert!(found["images"].as_array().unwrap().len() > 30 && found.get("problems").is_none());
    let lost = document_of("images", "images-found", &["images", "--json", "no/such.yaml"], 1);
    assert_eq!(lost["problems"][0]["file"], "no/such.yaml");
}

#[test]
fn the_demo_validates_and_every_digest_arrives() {
    let demo = document("demo", &["demo", "--json"], 0);
    let images = demo["images"].as_array().unwrap();
    assert!(images.len() >= 5 && images.iter().all(|image| image["source"] == image["target"]));
}
