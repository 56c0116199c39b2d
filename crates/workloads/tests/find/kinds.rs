//! Every kind has its images where its types say.

use airlift_workloads::rules::{BUILT_IN, Shape};

use crate::{find, notes, places, problems, references};

const POD: &str = "\
apiVersion: v1
kind: Pod
metadata: {name: web, namespace: shop}
spec:
  initContainers:
  - name: init
    image: r.example/init:1
  containers:
  - image: r.example/web:1
    name: web
  - name: no-image
  ephemeralContainers:
  - {name: debug, image: r.example/debug:1}
  volumes:
  - name: model
    image: {reference: r.example/model:1, pullPolicy: Always}
  - name: rbd
    rbd: {image: not-an-image, monitors: [a]}
";

#[test]
fn a_pod_has_containers_of_three_kinds_and_image_volumes() {
    let found = find(POD);
    assert_eq!(
        places(&found),
        [
            "7:12 r.example/init:1 spec.initContainers[0].image",
            "9:12 r.example/web:1 spec.containers[0].image",
            "13:26 r.example/debug:1 spec.ephemeralContainers[0].image",
            "16:24 r.example/model:1 spec.volumes[0].image.reference",
        ]
    );
    let place = &found.places[1];
    let object =
        (place.object.kind.as_str(), place.object.namespace.as_deref(), place.object.name.as_deref());
    assert_eq!(object, ("Pod", Some("shop"), Some("web")));
    assert_eq!(place.container.as_deref(), Some("web"));
    assert_eq!(found.places[3].container, None);
}

/// A value of a shape, with one image in each place that the shape has.
fn sample(shape: Shape, depth: usize) -> serde_json::Value {
    let mut value = serde_json::json!({});
    match shape {
        Shape::Image | Shape::ByForm => return "r.example/a:1".into(),
        Shape::OciUrl => return "oci://r.example/a:1".into(),
        Shape::DockerUrl => return "docker://r.example/a:1".into(),
        _ => {}
    }
    for (path, inner) in shape.paths() {
        // Templates may hold templates.
        if depth < 3 {
            put(&mut value, path, sample(*inner, depth + 1));
        }
    }
    value
}

/// Puts a value at the end of a path, in lists of one item.
fn put(into: &mut serde_json::Value, path: &str, value: serde_json::Value) {
    let mut at = into;
    let path = path.replace("[\"", "\u{0}").replace("\"]", "\u{0}");
    let mut steps = Vec::new();
    for (number, part) in path.split('\u{0}').enumerate() {
        if number % 2 == 1 {
            steps.push(part.to_owned());
        } else {
            steps.extend(part.replace("[*]", ".[]").split('.').filter(|s| !s.is_empty()).map(str::to_owned));
        }
    }
    for step in steps {
        if step == "[]" {
            if !at.is_array() {
                *at = serde_json::json!([{}]);
            }
            at = &mut at[0];
        } else {
            at = &mut at[step.replace('*', "any")];
        }
    }
    *at = value;
}

fn count(value: &serde_json::Value) -> usize {
    match value {
        serde_json::Value::Array(items) => items.iter().map(count).sum(),
        serde_json::Value::Object(members) => members.values().map(count).sum(),
        other => usize::from(other.as_str().is_some_and(|text| text.contains("r.example/"))),
    }
}

#[test]
fn every_rule_of_the_table_finds_its_images() {
    for rule in BUILT_IN {
        for kind in rule.kinds.iter().filter(|kind| **kind != "Compose") {
            let mut object = serde_json::json!({"apiVersion": "x/v1", "metadata": {"name": "a"}});
            if rule.path.is_empty() {
                object = sample(rule.shape, 0);
            } else {
                put(&mut object, rule.path, sample(rule.shape, 0));
            }
            object["kind"] = (*kind).into();
            let expected = count(&object);
            assert!(expected > 0, "{kind}: {}", rule.path);
            let found = find(&object.to_string());
            assert_eq!(problems(&found), [""; 0], "{kind}: {}", rule.path);
            assert_eq!(found.places.len(), expected, "{kind}: {}\n{object}", rule.path);
            assert!(references(&found).iter().all(|reference| *reference == "r.example/a:1"));
        }
    }
}

#[test]
fn workloads_have_templates_of_pods() {
    let spec = "{metadata: {name: t}, spec: {containers: [{name: c, image: r.example/a:1}]}}";
    for (kind, field, text) in [
        ("Deployment", "spec.template", format!("spec: {{template: {spec}}}")),
        (
            "CronJob",
            "spec.jobTemplate.spec.template",
            format!("spec: {{jobTemplate: {{spec: {{template: {spec}}}}}}}"),
        ),
        ("PodTemplate", "template", format!("template: {spec}")),
    ] {
        let found = find(&format!("kind: {kind}\nmetadata: {{generateName: g-}}\n{text}\n"));
        assert_eq!(found.places[0].field, format!("{field}.spec.containers[0].image"), "{kind}");
        assert_eq!(found.places[0].object.name.as_deref(), Some("g-"));
    }
}

#[test]
fn lists_hold_objects() {
    let text = "\
kind: List
items:
- kind: Pod
  metadata: {name: a}
  spec: {containers: [{image: r.example/a:1}]}
- kind: List
  items:
  - {kind: Pod, metadata: {name: b}, spec: {containers: [{image: r.example/b:1}]}}
---
kind: PodList
items:
- metadata: {name: c}
  spec: {containers: [{image: r.example/c:1}]}
";
    let found = find(text);
    assert_eq!(references(&found), ["r.example/a:1", "r.example/b:1", "r.example/c:1"]);
    let last = &found.places[2];
    assert_eq!((last.object.kind.as_str(), last.object.name.as_deref()), ("Pod", Some("c")));
    assert_eq!(last.field, "spec.containers[0].image");
}

#[test]
fn what_is_no_workload_has_no_images() {
    for text in [
        "",
        "# nothing\n",
        "---\n---\n",
        "image: nginx\n",
        "- image: nginx\n",
        "kind: Unknown\nspec: {image: nginx, containers: [{image: nginx}]}\n",
        "kind: ConfigMap\ndata: {image: 'quay.io/a/b:1'}\n",
        "kind: Service\nspec: {ports: [{port: 80}]}\n",
        "kind: Node\nstatus: {images: [{names: [quay.io/a/b:1]}]}\n",
        "kind: Pod\nstatus: {containerStatuses: [{image: quay.io/a/b:1}]}\n",
        "kind: Cluster\napiVersion: cluster.x-k8s.io/v1beta2\nspec: {topology: {version: v1.30.0}}\n",
        "just a text\n",
        "{}\n",
    ] {
        let found = find(text);
        assert_eq!((references(&found), problems(&found)), (vec![], vec![]), "{text}");
    }
}

#[test]
fn operators_carry_their_images_in_their_environment() {
    let text = "\
kind: Deployment
spec:
  template:
    spec:
      containers:
      - name: operator
        image: r.example/operator:1
        env:
        - {name: RELATED_IMAGE_DB, value: \"r.example/db:1\"}
        - {name: RELATED_IMAGE_NONE, value: \"\"}
        - {name: RELATED_IMAGE_FROM, valueFrom: {fieldRef: {fieldPath: a}}}
        - {name: OTHER, value: quay.io/a/b:1}
";
    assert_eq!(
        places(&find(text)),
        [
            "7:16 r.example/operator:1 spec.template.spec.containers[0].image",
            "9:44 r.example/db:1 spec.template.spec.containers[0].env[0].value",
        ]
    );
}

#[test]
fn charts_that_others_install_are_named() {
    let text = "kind: HelmRelease\nmetadata: {name: web}\nspec: {values: {image: {repository: a}}}\n---\nkind: HelmChart\n";
    let found = find(text);
    assert_eq!(
        notes(&found),
        [
            "f.yaml:1:1: HelmRelease web installs a chart, which was not looked into",
            "f.yaml:5:1: HelmChart installs a chart, which was not looked into",
        ]
    );
    assert_eq!(places(&found), [""; 0]);
}

#[test]
fn an_image_that_istio_fills_in_is_none() {
    let text = "kind: Pod\nspec: {containers: [{name: istio-proxy, image: auto}, {name: a, image: auto}]}\n";
    let found = find(text);
    assert_eq!(references(&found), ["auto"]);
    assert_eq!(notes(&found), ["f.yaml:2:48: the image 'auto' is filled in by Istio's injection"]);
    let text = "kind: Pod\nmetadata: {annotations: {sidecar.istio.io/proxyImage: r.example/proxy:1}}\n";
    assert_eq!(
        places(&find(text)),
        ["2:55 r.example/proxy:1 metadata.annotations[\"sidecar.istio.io/proxyImage\"]"]
    );
}

#[test]
fn of_urls_the_image_is_what_follows_the_scheme() {
    let plugin = |url: &str| find(&format!("kind: WasmPlugin\nspec: {{url: '{url}'}}\n"));
    assert_eq!(places(&plugin("oci://r.example/a:1")), ["2:20 r.example/a:1 spec.url"]);
    assert_eq!(places(&plugin("r.example/a:1")), ["2:14 r.example/a:1 spec.url"]);
    for url in ["https://r.example/a.wasm", "file:///a.wasm"] {
        assert_eq!(places(&plugin(url)), [""; 0], "{url}");
    }
    let volume =
        |url: &str| find(&format!("kind: DataVolume\nspec: {{source: {{registry: {{url: '{url}'}}}}}}\n"));
    assert_eq!(references(&volume("docker://r.example/a:1")), ["r.example/a:1"]);
    assert_eq!(places(&volume("oci-archive:a.tar")), [""; 0]);
}

#[test]
fn parameters_are_no_references() {
    let text = "\
kind: WorkflowTemplate
spec:
  templates:
  - name: a
    container: {image: '{{inputs.parameters.image}}'}
  - {name: b, script: {image: r.example/b:1}}
---
kind: Task
spec: {steps: [{name: s, image: $(params.image)}]}
";
    let found = find(text);
    assert_eq!(references(&found), ["r.example/b:1"]);
    assert_eq!(
        problems(&found),
        [
            "f.yaml:5:25: the image is a parameter, and its value is known when it runs: '{{inputs.parameters.image}}'",
            "f.yaml:9:33: the image is a parameter, and its value is known when it runs: '$(params.image)'",
        ]
    );
}
