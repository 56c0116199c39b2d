//! However a reference is spelt, its place is that of its text.

use airlift_workloads::{Style, Written};

use crate::{find, places, references};

/// The image of a pod, spelt like this behind `image:`, with the text of its bytes.
fn spelt(image: &str) -> (String, String) {
    let text = format!("kind: Pod\nspec:\n  containers:\n  - name: ä\n    image:{image}\n    args: [a]\n");
    let found = find(&text);
    let place = &found.places[0];
    let Written::Whole(value) = &place.written else { panic!("{place:?}") };
    assert_eq!((value.text.as_str(), value.position), (place.reference.as_str(), place.position));
    (places(&found)[0].rsplit_once(' ').unwrap().0.to_owned(), text[value.range.clone()].to_owned())
}

#[test]
fn the_place_is_that_of_the_text() {
    for (image, place, bytes) in [
        (" nginx:1.27", "5:12 nginx:1.27", "nginx:1.27"),
        ("  nginx:1.27  # ä", "5:13 nginx:1.27", "nginx:1.27"),
        (" \"nginx:1.27\"", "5:13 nginx:1.27", "nginx:1.27"),
        (" 'nginx:1.27'", "5:13 nginx:1.27", "nginx:1.27"),
        (" ' nginx:1.27 '", "5:14 nginx:1.27", "nginx:1.27"),
        (" &img nginx:1.27", "5:17 nginx:1.27", "nginx:1.27"),
        (" !!str nginx", "5:18 nginx", "nginx"),
        (" !!str 1234", "5:18 1234", "1234"),
        (" \"1234\"", "5:13 1234", "1234"),
        (" |\n      nginx:1.27", "6:7 nginx:1.27", "nginx:1.27"),
        (" |-\n      nginx:1.27", "6:7 nginx:1.27", "nginx:1.27"),
        (" >-\n      nginx:1.27\n", "6:7 nginx:1.27", "nginx:1.27"),
        (" >+2 # ä\n\n      nginx:1.27\n\n", "7:7 nginx:1.27", "nginx:1.27"),
        ("\n      nginx:1.27", "6:7 nginx:1.27", "nginx:1.27"),
        (" \"  nginx\\x3a1.27 \"", "5:15 nginx:1.27", "nginx\\x3a1.27"),
        (" \"nginx\\x3a1.27\"", "5:13 nginx:1.27", "nginx\\x3a1.27"),
        (" \"nginx:\\\n      1.27\"", "5:13 nginx:1.27", "nginx:\\\n      1.27"),
    ] {
        assert_eq!(spelt(image), (place.to_owned(), bytes.to_owned()), "{image}");
    }
}

#[test]
fn columns_are_characters() {
    let text = "{\"kind\": \"Pod\", \"ä\": \"öü\", \"spec\": {\"containers\": [{\"image\": \"nginx\"}]}}";
    assert_eq!(places(&find(text)), ["1:63 nginx spec.containers[0].image"]);
}

#[test]
fn carriage_returns_and_a_byte_order_mark_change_nothing() {
    let text = "\u{feff}kind: Pod\r\nspec:\r\n  containers:\r\n  - image: nginx:1.27\r\n  - image: 'redis'\r\n    name: >-\r\n      x\r\n";
    let found = find(text);
    assert_eq!(
        places(&found),
        ["4:12 nginx:1.27 spec.containers[0].image", "5:13 redis spec.containers[1].image"]
    );
    let Written::Whole(value) = &found.places[0].written else { panic!() };
    assert_eq!((&text[value.range.clone()], value.style), ("nginx:1.27", Style::Plain));
}

#[test]
fn an_aliased_value_is_one_place_at_its_anchor() {
    let text = "\
kind: Pod
spec:
  containers:
  - &first {name: a, image: &image nginx:1.27}
  - {name: b, image: *image}
  - *first
";
    let found = find(text);
    assert_eq!(places(&found), ["4:36 nginx:1.27 spec.containers[0].image"]);
}

#[test]
fn merged_mappings_count() {
    let text = "\
kind: List
items:
- kind: Pod
  spec:
    containers:
    - &base {name: a, image: 'nginx:1', tty: true}
    - <<: *base
      name: b
    - <<: [{image: 'redis:1'}, *base]
    - {<<: *base, image: 'own:1'}
";
    assert_eq!(references(&find(text)), ["nginx:1", "redis:1", "own:1"]);
}

#[test]
fn streams_have_many_documents() {
    let pod = |image: &str| format!("kind: Pod\nspec: {{containers: [{{image: '{image}'}}]}}\n");
    let text = format!("%YAML 1.2\n---\n{}...\n# c\n---\n{}--- # x\n\n---\n{}", pod("a"), pod("b"), pod("c"));
    assert_eq!(
        places(&find(&text)),
        [
            "4:30 a spec.containers[0].image",
            "9:30 b spec.containers[0].image",
            "14:30 c spec.containers[0].image"
        ]
    );
}

#[test]
fn json_is_read_however_it_is_written() {
    let object = serde_json::json!({"kind": "List", "items": [
        {"kind": "Pod", "metadata": {"name": "a"}, "spec": {"containers": [{"image": "r.example/a:1"}]}},
    ]});
    for text in [object.to_string(), serde_json::to_string_pretty(&object).unwrap()] {
        assert_eq!(references(&find(&text)), ["r.example/a:1"], "{text}");
        assert_eq!(references(&find(&text.replace('\n', "\n\t"))), ["r.example/a:1"], "{text}");
    }
    assert_eq!(
        references(&find("{\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"image\":\"r.example\\/a:1\"}]}}")),
        ["r.example/a:1"]
    );
}
