//! Documents that are made to cost much.

use crate::{find, guess, problems, references};

#[test]
fn aliases_of_aliases_cost_nothing() {
    let mut text = "a0: &a0 {image: 'a:1'}\n".to_owned();
    for level in 1..40 {
        let aliases = vec![format!("*a{}", level - 1); 20].join(", ");
        text.push_str(&format!("a{level}: &a{level} [{aliases}]\n"));
    }
    let pod = format!("kind: Pod\n{text}spec: {{containers: *a39}}\n");
    assert_eq!(references(&find(&pod)), [""; 0]);
    let workflow = text.replace("{image: 'a:1'}", "{inline: {container: {image: 'a:1'}}}");
    let workflow = format!("kind: Workflow\n{workflow}spec: {{templates: [{{steps: *a2}}]}}\n");
    assert_eq!(references(&find(&workflow)), ["a:1"]);
}

#[test]
fn long_lists_of_aliases_are_walked_once() {
    let aliases = |name: &str| vec![format!("*{name}"); 20_000].join(", ");
    let text = format!(
        "kind: Workflow\na: &a {{inline: {{container: {{image: 'a:1'}}}}}}\nb: &b [{}]\nspec: {{templates: [{{steps: [{}]}}]}}\n",
        aliases("a"),
        aliases("b")
    );
    assert_eq!(references(&find(&text)), ["a:1"]);
}

#[test]
fn an_alias_within_its_anchor_ends() {
    let text =
        "kind: Workflow\nspec: {templates: [&t {container: {image: 'a:1'}, steps: [[{inline: *t}]]}]}\n";
    assert_eq!(references(&find(text)), ["a:1"]);
    let text = "kind: Pod\nspec: {containers: &c [{<<: &m {<<: *m, image: 'a:1'}}]}\n";
    assert_eq!(references(&find(text)), ["a:1"]);
    let text = "kind: List\nitems: &l [{kind: List, items: *l}]\n";
    assert_eq!(references(&find(text)), [""; 0]);
}

#[test]
fn a_long_chain_of_aliases_ends() {
    let mut text = "kind: Workflow\nt0: &t0 {container: {image: 'a:1'}}\n".to_owned();
    for level in 1..20_000 {
        text.push_str(&format!("t{level}: &t{level} {{steps: [[{{inline: *t{}}}]]}}\n", level - 1));
    }
    text.push_str("spec: {templates: [*t19999]}\n");
    assert_eq!(problems(&find(&text)), [""; 0]);
}

#[test]
fn merges_of_merges_end() {
    let mut text = "kind: Pod\nm0: &m0 {image: 'a:1'}\n".to_owned();
    for level in 1..60 {
        let merged = vec![format!("*m{}", level - 1); 50].join(", ");
        text.push_str(&format!("m{level}: &m{level} {{<<: [{merged}]}}\n"));
    }
    text.push_str("spec: {containers: [*m59]}\n");
    assert_eq!(references(&find(&text)), ["a:1"]);
    let many = vec!["{a: 1}"; 300].join(", ");
    assert_eq!(
        problems(&find(&format!("a: {{<<: [{many}]}}\n"))),
        ["f.yaml:1:5: it merges more than 256 mappings into one"]
    );
}

#[test]
fn depth_has_a_limit() {
    for text in [
        "[".repeat(100_000),
        "{a: ".repeat(100_000),
        "- ".repeat(100_000),
        (0..5_000).map(|depth| format!("{}a:\n", " ".repeat(depth))).collect(),
        format!("kind: List\nitems: {}", "[{kind: List, items: ".repeat(100)),
    ] {
        assert_eq!(find(&text).problems.len(), 1);
    }
}

#[test]
fn a_hundred_thousand_documents_are_read() {
    let others = "---\nkind: ConfigMap\ndata: {a: b}\n".repeat(99);
    let text = format!("{others}---\nkind: Pod\nspec: {{containers: [{{image: 'a:1'}}]}}\n").repeat(1_000);
    let found = find(&text);
    assert_eq!((found.places.len(), found.places[999].position.line), (1_000, 300_000));
}

#[test]
fn large_json_and_long_texts_are_read() {
    let pod = "{\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"image\":\"a:1\",\"name\":\"c\"}]}}";
    let text = format!("{{\"kind\":\"List\",\"items\":[{}]}}", vec![pod; 5_000].join(","));
    assert_eq!(find(&text).places.len(), 5_000);
    let config = format!("kind: ConfigMap\ndata: {{a: \"{}\"}}\n", "quay.io/a/b:1 \\n".repeat(20_000));
    assert_eq!(guess(&config).places.len(), 20_000);
    let config = format!("kind: ConfigMap\ndata:\n  a: |\n{}", "    quay.io/a/b:1\n".repeat(20_000));
    assert_eq!(guess(&config).places.len(), 20_000);
}

#[test]
fn many_problems_in_one_line_cost_little() {
    let containers = vec!["{\"image\":\"A b\"}"; 20_000].join(",");
    let text = format!("{{\"kind\":\"Pod\",\"spec\":{{\"containers\":[{containers}]}}}}");
    let found = find(&text);
    assert_eq!((found.problems.len(), found.problems[0].line_text.as_str()), (20_000, ""));
    assert_eq!(find(&"---\n[\n".repeat(20_000)).problems.len(), 20_000);
}
