//! What can't be read is named with its place, and the rest is found.

use airlift_workloads::{FinderOptions, find::MOST_BYTES};

use crate::{find, find_in, problems, references};

const GOOD: &str = "---\nkind: Pod\nspec: {containers: [{image: good}]}\n";

/// What is wrong with a text, behind which a sound document is found.
fn wrong(text: &str) -> String {
    let found = find(&format!("{text}{GOOD}"));
    assert_eq!(references(&found), ["good"], "{text}");
    assert_eq!(found.problems.len(), 1, "{text}: {:?}", found.problems);
    problems(&found).remove(0)
}

#[test]
fn values_that_are_no_references_are_named() {
    let pod =
        |image: &str| wrong(&format!("kind: Pod\nspec:\n  containers:\n  - image:{image}\n    name: a\n"));
    for (image, expected) in [
        ("", "f.yaml:4:10: the image is empty"),
        (" ''", "f.yaml:4:13: the image is empty"),
        (" ' '", "f.yaml:4:14: the image is empty"),
        (" null", "f.yaml:4:12: the image is empty"),
        (" ~", "f.yaml:4:12: the image is empty"),
        (" 1.27", "f.yaml:4:12: an image is a text, and this is 1.27: quotes make it one"),
        (" true", "f.yaml:4:12: an image is a text, and this is true: quotes make it one"),
        (" [a]", "f.yaml:4:12: an image is a text, and this is a list"),
        (" {a: b}", "f.yaml:4:12: an image is a text, and this is a mapping"),
        (" '{{ .Values.image }}:1'", "f.yaml:4:13: a template is left here ({{ … }})"),
        (" ${IMAGE}", "f.yaml:4:12: a variable is left here: '${IMAGE}'"),
        (
            " $(IMAGE)",
            "f.yaml:4:12: the image is a parameter, and its value is known when it runs: '$(IMAGE)'",
        ),
        (" \"a\\e[2J\"", "f.yaml:4:13: 'a\\u{1b}[2J' is not an image reference"),
        (" \"nginx\\n\"", "f.yaml:4:13: 'nginx\\n' is not an image reference"),
        (" Nginx", "f.yaml:4:12: 'Nginx' is not an image reference"),
        (" nginx redis", "f.yaml:4:12: 'nginx redis' is not an image reference"),
        (" |\n      nginx\n      redis", "f.yaml:5:7: 'nginx\\nredis' is not an image reference"),
        (" >\n      nginx:\n      1.27", "f.yaml:5:7: 'nginx: 1.27' is not an image reference"),
        (" nginx@sha256:12", "f.yaml:4:12: 'nginx@sha256:12' is not an image reference"),
    ] {
        assert!(pod(image).starts_with(expected), "{image}: {}", pod(image));
    }
}

#[test]
fn a_template_is_known_for_one() {
    for text in [
        "kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}\n",
        "kind: Pod\nspec:\n  containers:\n  - image: {{ .Values.image }}:{{ .Values.tag }}\n",
        "{{- if .Values.on }}\nkind: Pod\n{{- end }}\n",
        "kind: Pod\nmetadata:\n  {{- toYaml .Values.meta | nindent 2 }}\nspec: {}\n",
    ] {
        let found = find(text);
        assert_eq!(found.problems.len(), 1, "{text}");
        assert!(problems(&found)[0].ends_with("a template is left here ({{ … }})"), "{:?}", problems(&found));
    }
}

#[test]
fn braces_in_quotes_make_no_template() {
    let found = find("kind: Workflow\nmetadata: {a: 1, a: 2}\nspec: {x: '{{workflow.name}}'}\n");
    assert_eq!(problems(&found), ["f.yaml:2:18: the key 'a' is there twice"]);
    let found = find("kind: Workflow\na: [\nb: \"{{workflow.name}}\"\n");
    assert!(problems(&found)[0].starts_with("f.yaml:2:4: it is not YAML"), "{:?}", problems(&found));
}

#[test]
fn broken_documents_are_named_and_the_others_read() {
    for (text, expected) in [
        ("a: [\n", "f.yaml:1:4: it is not YAML: "),
        ("a:\n\tb: 1\n", "f.yaml:2:2: it is not YAML: tabs disallowed"),
        ("a: *b\n", "f.yaml:1:4: it is not YAML: "),
        ("a: 1\nb: 2\na: 3\n", "f.yaml:3:1: the key 'a' is there twice"),
        (
            "kind: Pod\nspec: {containers: [{image: a, name: b, image: c}]}\n",
            "f.yaml:2:41: the key 'image' is there twice",
        ),
        ("{\"a\": 1, 'a': 2}\n", "f.yaml:1:10: the key 'a' is there twice"),
        ("a: \"\n", "f.yaml:1:4: it is not YAML: "),
        ("a: 1\n b: 2\n", "f.yaml:2:"),
    ] {
        assert!(wrong(text).starts_with(expected), "{text:?}: {}", wrong(text));
    }
    let many: String = (0..40).map(|number| format!("k{number}: 1\n")).collect();
    assert!(wrong(&format!("{many}k39: 2\n")).starts_with("f.yaml:41:1: the key 'k39' is there twice"));
    assert!(wrong(&format!("{many}k3: 2\n")).starts_with("f.yaml:41:1: the key 'k3' is there twice"));
    assert_eq!(references(&find(&format!("\"\": 1\n{many}{GOOD}"))), ["good"]);
}

#[test]
fn other_encodings_are_named() {
    for (bytes, expected) in [
        (&b"a: 1\nb: \xc3\xa4\xff\n"[..], "f.yaml:2:5: it is not UTF-8 text"),
        (b"\xff\xfea\0", "f.yaml:1:1: it is not UTF-8 text"),
    ] {
        let found = find_in(&FinderOptions::default(), "f.yaml", bytes);
        assert_eq!(problems(&found), [expected]);
    }
}

#[test]
fn problems_have_the_order_of_the_file() {
    let found = find("kind: Pod\nspec:\n  containers: [{image: A b}]\n  initContainers: [{image: C d}]\n");
    let lines: Vec<usize> = found.problems.iter().map(|problem| problem.position.line).collect();
    assert_eq!(lines, [3, 4]);
}

#[test]
fn a_problem_shows_its_line() {
    let found = find("kind: Pod\nspec: {containers: [{image: A b}]} # x\n");
    assert_eq!(
        found.problems[0].excerpt(),
        "2 | spec: {containers: [{image: A b}]} # x\n  |                             ^"
    );
}

#[test]
fn a_file_that_is_too_large_is_not_read() {
    let found = find_in(&FinderOptions::default(), "f.yaml", &vec![b'#'; MOST_BYTES + 1]);
    assert_eq!(problems(&found), [format!("f.yaml:1:1: it is larger than {MOST_BYTES} bytes")]);
}
