//! `images`: the images of manifests, and what becomes of them.

use std::collections::BTreeSet;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use airlift_server::Options;
use airlift_testkit::tool::tool;
use serde_json::{Value, json};

use crate::airlift::Airlift;
use crate::made::{Embedded, two_platforms};

/// The folder with sets of manifests.
fn manifests() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../testdata/manifests")
}

/// `FILE:LINE:COLUMN REFERENCE KIND NAMESPACE/NAME CONTAINER FIELD`, a dash for what is not there.
fn line(image: &Value) -> String {
    let text = |name: &str| image[name].as_str().unwrap_or("-");
    let place = format!("{}:{}:{}", text("file"), image["line"], image["column"]);
    let object = format!("{} {}/{}", text("kind"), text("namespace"), text("name"));
    format!("{place} {} {object} {} {}\n", text("reference"), text("container"), text("field"))
}

fn document(airlift: &Airlift, arguments: &[&str], code: i32) -> Value {
    let mut command = airlift.command(&[&["images", "--json"], arguments].concat());
    let output = command.current_dir(manifests()).output().unwrap();
    assert_eq!(output.status.code(), Some(code), "{}", String::from_utf8_lossy(&output.stderr));
    let document: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(document["schema"], "airlift.images/v1");
    document
}

#[test]
fn what_projects_publish_is_found_and_nothing_else() {
    let airlift = Airlift::new();
    for set in ["shop", "monitoring", "pipelines"] {
        let found = document(&airlift, &[set], 0);
        let lines: String = found["images"].as_array().unwrap().iter().map(line).collect();
        let expected = std::fs::read_to_string(manifests().join(format!("{set}.txt"))).unwrap_or_default();
        assert!(lines == expected, "{set}:\n{lines}");
        found["images"].as_array().unwrap().iter().for_each(stands_there);
    }
}

/// The reference, or the name of one that is put together, is what begins at the place.
fn stands_there(image: &Value) {
    let text = std::fs::read_to_string(manifests().join(image["file"].as_str().unwrap())).unwrap();
    let place = |name: &str| image[name].as_u64().unwrap() as usize - 1;
    let rest: String = text.lines().nth(place("line")).unwrap().chars().skip(place("column")).collect();
    let reference = image["reference"].as_str().unwrap();
    let is_name = image["kind"] == "Kustomization" && reference.starts_with(rest.trim_end());
    assert!(rest.starts_with(reference) || is_name, "{image}: {rest}");
}

/// The kinds that Kubernetes' own types are asked for.
const WORKLOADS: [&str; 7] =
    ["CronJob", "DaemonSet", "Deployment", "Job", "Pod", "ReplicationController", "StatefulSet"];

#[test]
fn the_types_of_kubernetes_say_the_same() {
    let Some(tool) = tool("kubernetes-images") else { return };
    let airlift = Airlift::new();
    let found = document(&airlift, &["shop", "monitoring", "pipelines"], 0);
    let images = found["images"].as_array().unwrap().iter();
    // Of an environment, these types know no more than texts.
    let is_typed = |image: &&Value| !image["field"].as_str().unwrap().contains(".env[");
    let ours: BTreeSet<String> = images
        .filter(|image| WORKLOADS.contains(&image["kind"].as_str().unwrap()))
        .filter(is_typed)
        .map(|image| ["file", "kind", "reference"].map(|name| image[name].as_str().unwrap()).join("\t"))
        .collect();
    let files = found["images"].as_array().unwrap().iter().map(|image| image["file"].as_str().unwrap());
    let files: BTreeSet<&str> = files.collect();
    let output = Command::new(tool).args(files).current_dir(manifests()).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let theirs = String::from_utf8(output.stdout).unwrap();
    assert_eq!(ours, theirs.lines().map(str::to_owned).collect());
    assert!(ours.len() > 10, "{ours:?}");
}

#[test]
fn what_was_not_looked_into_is_named() {
    let airlift = Airlift::new();
    let found = document(&airlift, &["pipelines"], 0);
    let message = "HelmRelease shop installs a chart, which was not looked into";
    assert_eq!(
        found["notes"],
        json!([{"file": "pipelines/others.yaml", "line": 23, "column": 1, "message": message}])
    );
    let more = document(&airlift, &["pipelines", "--path", "Widget:spec.image"], 0);
    let count = |document: &Value| document["images"].as_array().unwrap().len();
    assert_eq!(count(&more), count(&found) + 1);
    let guessed = document(&airlift, &["shop", "monitoring", "--guess"], 0);
    let references: Vec<&str> = guessed["images"]
        .as_array()
        .unwrap()
        .iter()
        .map(|image| image["reference"].as_str().unwrap())
        .collect();
    for reference in
        ["r.example/edge/errors:1.3", "r.example/edge/errors:1.2", "r.example/monitoring/reloader:v0.80.0"]
    {
        assert!(references.contains(&reference), "{references:?}");
    }
}

#[test]
fn a_list_has_each_image_once() {
    let airlift = Airlift::new();
    let output = airlift.command(&["images", "shop"]).current_dir(manifests()).output().unwrap();
    let list = String::from_utf8(output.stdout.clone()).unwrap();
    let mut sorted: Vec<&str> = list.lines().collect();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(sorted, list.lines().collect::<Vec<_>>());
    assert!(
        list.contains("nginx:1.27-alpine\n") && list.contains("r.example/mirror/postgres:16.4\n"),
        "{list}"
    );
    assert!(String::from_utf8_lossy(&output.stderr).contains(" images at "), "{output:?}");
}

fn pod(image: &str) -> String {
    format!("kind: Pod\nmetadata: {{name: a}}\nspec: {{containers: [{{name: c, image: '{image}'}}]}}\n")
}

#[test]
fn manifests_become_a_bundle_in_one_line() {
    let airlift = Airlift::new();
    let source = Embedded::start(Options::default());
    source.endpoint().push(&[two_platforms("team/a", 1), two_platforms("team/b", 2)]);
    let host = source.authority();
    let stream = format!("{}---\n{}", pod(&format!("{host}/team/a:1")), pod(&format!("{host}/team/b:1")));
    let mut images = airlift.command(&["images", "-"]);
    let mut images = images.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    images.stdin.take().unwrap().write_all(stream.as_bytes()).unwrap();
    let mut build = airlift.command(&["build", "-f", "-", "-o", "b.tar"]);
    let build = build.stdin(images.stdout.take().unwrap()).output().unwrap();
    assert!(images.wait().unwrap().success());
    assert!(build.status.success(), "{}", String::from_utf8_lossy(&build.stderr));
    let inspected = airlift.run(&["inspect", "b.tar", "--json"]).expect(0).json("airlift.inspect/v1");
    assert_eq!(inspected["images"].as_array().unwrap().len(), 2);
}

#[test]
fn an_images_file_is_refreshed_and_hand_written_entries_stay() {
    let airlift = Airlift::new();
    std::fs::create_dir(airlift.path("deploy")).unwrap();
    let write = |name: &str, text: &str| std::fs::write(airlift.path(name), text).unwrap();
    write("deploy/a.yaml", &pod("nginx:1.27"));
    airlift.run(&["images", "deploy", "-o", "images.yaml"]).expect(0).says("1 added, 0 removed");
    let first = "version: 1\ngroups:\n  found:\n    - nginx:1.27  # found in deploy/a.yaml\n";
    assert_eq!(String::from_utf8(airlift.read("images.yaml")).unwrap(), first);
    let mine = first.replace("  found:", "  # mine\n  base: [redis:7]\n  found:");
    write("images.yaml", &mine);
    write("deploy/a.yaml", &pod("nginx:1.28"));
    write("deploy/b.yaml", &pod("redis:7"));
    for _ in 0..2 {
        airlift.run(&["images", "deploy", "-o", "images.yaml"]).expect(0);
        let text = String::from_utf8(airlift.read("images.yaml")).unwrap();
        assert_eq!(text, mine.replace("1.27", "1.28"));
    }
    airlift.run(&["images", "deploy", "-o", "list.txt"]).expect(0);
    let list = "nginx:1.28  # found in deploy/a.yaml\nredis:7  # found in deploy/b.yaml\n";
    assert_eq!(String::from_utf8(airlift.read("list.txt")).unwrap(), list);
    write("images.yaml", "version: 1\ngroups: [a]\n");
    airlift.run(&["images", "deploy", "-o", "images.yaml"]).expect(2).says("images.yaml:2:");
    assert_eq!(airlift.read("images.yaml"), b"version: 1\ngroups: [a]\n");
}

#[test]
fn what_can_not_be_read_is_named_and_the_rest_found() {
    let airlift = Airlift::new();
    let write = |name: &str, text: &str| std::fs::write(airlift.path(name), text).unwrap();
    write("good.yaml", &pod("nginx:1.27"));
    write("template.yaml", "kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n");
    write("compose.yaml", "services: {web: {image: 'nginx:${TAG}'}}\n");
    write("broken.yaml", "a: [\n");
    std::os::unix::fs::symlink("nowhere", airlift.path("lost.yaml")).unwrap();
    std::os::unix::fs::symlink(".", airlift.path("loop")).unwrap();
    let mut ran = airlift.run(&["images", "."]).expect(1);
    assert_eq!(String::from_utf8_lossy(&ran.stdout), "nginx:1.27\n");
    for said in [
        "error: ./template.yaml:4:12: a template is left here",
        "    4 |   - image: {{ .Values.image }}",
        "hint: render templates first: helm template CHART | airlift images -",
        "error: ./compose.yaml:1:26: a variable is left here: 'nginx:${TAG}'",
        "hint: give variables their values first: docker compose config",
        "error: ./broken.yaml:1:4: it is not YAML: ",
        "error: can't read ./lost.yaml: No such file",
    ] {
        ran = ran.says(said);
    }
    let found = airlift.run(&["images", ".", "--json"]).expect(1).json("airlift.images/v1");
    assert_eq!(found["problems"].as_array().unwrap().len(), 4);
    airlift.run(&["images", "gone.yaml", "good.yaml"]).expect(1).says("can't read gone.yaml");
}

#[test]
fn rules_can_stand_in_a_file_and_wrong_ones_are_refused() {
    let airlift = Airlift::new();
    let write = |name: &str, text: &str| std::fs::write(airlift.path(name), text).unwrap();
    write("w.yaml", "kind: Widget\nspec: {image: 'a:1', more: ['b:1']}\n");
    write("rules", "# ours\n\nWidget:spec.image\n  Widget:spec.more[*]\n");
    let ran = airlift.run(&["images", "w.yaml", "--path", "@rules"]);
    assert_eq!(String::from_utf8_lossy(&ran.expect(0).stdout), "a:1\nb:1\n");
    airlift.run(&["images", "w.yaml", "--path", "Widget"]).expect(2).says("'Widget' is not KIND:PATH");
    write("rules", "Widget:spec.image\nWidget:a[1]\n");
    airlift.run(&["images", "w.yaml", "--path", "@rules"]).expect(2).says("rules:2: no rule stands here");
    airlift.run(&["images", "w.yaml", "-o", "w.yaml"]).expect(2).says("in which images are looked for");
    airlift.run(&["images", "w.yaml", "-o", "-"]).expect(2).says("/dev/stdout is standard output");
    airlift.run(&["images", "-", "-"]).expect(2).says("standard input can be read once");
    airlift.run(&["images"]).expect(2);
}
