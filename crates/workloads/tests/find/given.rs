//! Rules that are given, and texts that look like references.

use airlift_workloads::{FinderOptions, Rule, Written};

use crate::{find, find_in, guess, places, problems, references};

fn by(rule: &str, text: &str) -> Vec<String> {
    let rules = vec![rule.parse::<Rule>().unwrap()];
    let found = find_in(&FinderOptions { rules, ..FinderOptions::default() }, "f.yaml", text.as_bytes());
    places(&found)
}

#[test]
fn a_rule_leads_to_images_in_any_form() {
    for (rule, spec, expected) in [
        ("Mine:spec.image", "{image: a:1}", "2:15 a:1 spec.image"),
        ("Mine:spec.images[*]", "{images: ['a:1']}", "2:18 a:1 spec.images[0]"),
        ("Mine:spec.images", "{images: ['a:1']}", "2:18 a:1 spec.images[0]"),
        ("Mine:spec.images[*].name", "{images: [{name: a:1}]}", "2:24 a:1 spec.images[0].name"),
        ("Mine:spec.sidecar", "{sidecar: {image: a:1}}", "2:25 a:1 spec.sidecar.image"),
        ("Mine:spec.sidecars", "{sidecars: [{image: a:1}]}", "2:27 a:1 spec.sidecars[0].image"),
        ("Mine:spec.pod", "{pod: {containers: [{image: a:1}]}}", "2:35 a:1 spec.pod.containers[0].image"),
        ("Mine:spec.*.image", "{x: {image: a:1}, y: 1}", "2:19 a:1 spec.x.image"),
        ("Mine:spec['a.b'].c", "{a.b: {c: a:1}}", "2:17 a:1 spec[\"a.b\"].c"),
    ] {
        let text = format!("kind: Mine\nspec: {spec}\n");
        assert_eq!(by(rule, &text), [expected], "{rule}");
        assert_eq!(places(&find(&text)), [""; 0]);
    }
}

#[test]
fn a_rule_adds_to_the_built_in_ones() {
    let text =
        "kind: Pod\nmetadata: {annotations: {x: 'r.example/x:1'}}\nspec: {containers: [{image: a:1}]}\n";
    assert_eq!(
        by("Pod:metadata.annotations.x", text),
        ["2:30 r.example/x:1 metadata.annotations.x", "3:29 a:1 spec.containers[0].image"]
    );
    assert_eq!(by("Pod:spec.containers[*].image", text), ["3:29 a:1 spec.containers[0].image"]);
    assert_eq!(by("Other:spec.image", text).len(), 1);
}

#[test]
fn guesses_need_a_registry_and_a_tag() {
    let text = "\
kind: Deployment
spec:
  template:
    spec:
      containers:
      - image: a:1
        command: [run, quay.io/a/whole:1]
        args:
        - --solver-image=quay.io/a/solver:1
        - \"--quoted=\\\"quay.io/a/escaped:1\\\"\"
        - --url=https://quay.io/a/b:1
        env:
        - {name: X, value: 'ghcr.io/a/x:1'}
        - {name: Y, value: nginx:1}
---
kind: ConfigMap
data:
  f.yaml: |
    # quay.io/a/comment:1
    image: \"quay.io/a/inner:1\"
";
    assert_eq!(references(&find(text)), ["a:1"]);
    let found = guess(text);
    assert_eq!(
        places(&found),
        [
            "6:16 a:1 spec.template.spec.containers[0].image",
            "7:24 quay.io/a/whole:1 spec.template.spec.containers[0].command[1]",
            "9:26 quay.io/a/solver:1 spec.template.spec.containers[0].args[0]",
            "10:11 quay.io/a/escaped:1 spec.template.spec.containers[0].args[1]",
            "13:29 ghcr.io/a/x:1 spec.template.spec.containers[0].env[0].value",
            "19:7 quay.io/a/comment:1 data[\"f.yaml\"]",
            "20:13 quay.io/a/inner:1 data[\"f.yaml\"]",
        ]
    );
    assert!(matches!(found.places[1].written, Written::Whole(_)));
    assert_eq!(found.places[2].written, Written::Within);
    assert_eq!(problems(&found), [""; 0]);
}
