//! The documentation has the table of the built-in rules.

use std::path::Path;

use airlift_workloads::rules::{BUILT_IN, Shape};

const START: &str =
    "<!-- built-in rules: UPDATE_DOCS=1 cargo test -p airlift-workloads --test find documentation -->\n";
const END: &str = "<!-- end of the built-in rules -->\n";

fn table() -> String {
    let mut text =
        "| product | kinds | path | what is there | where the types are |\n|---|---|---|---|---|\n"
            .to_owned();
    for rule in BUILT_IN {
        let path = if rule.path.is_empty() { "(the object)".to_owned() } else { format!("`{}`", rule.path) };
        text.push_str(&format!(
            "| {} | {} | {path} | {} | {} |\n",
            rule.product,
            rule.kinds.join(", "),
            rule.shape,
            rule.source
        ));
    }
    text.push_str("\n| what | the images in it |\n|---|---|\n");
    let mut shapes: Vec<Shape> = Vec::new();
    for rule in BUILT_IN {
        add(&mut shapes, rule.shape);
    }
    for shape in shapes {
        let paths: Vec<String> =
            shape.paths().iter().map(|(path, inner)| format!("`{path}` ({inner})")).collect();
        text.push_str(&format!("| {shape} | {} |\n", paths.join(", ")));
    }
    text
}

/// A shape and those that it is made of, each once.
fn add(shapes: &mut Vec<Shape>, shape: Shape) {
    if !shape.paths().is_empty() && !shapes.contains(&shape) {
        shapes.push(shape);
        shape.paths().iter().for_each(|(_, inner)| add(shapes, *inner));
    }
}

#[test]
fn the_table_of_the_documentation_is_that_of_the_code() {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/kubernetes.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let (before, rest) = text.split_once(START).unwrap();
    let (_, behind) = rest.split_once(END).unwrap();
    let fresh = format!("{before}{START}{}{END}{behind}", table());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&page, &fresh).unwrap();
    }
    let found = std::fs::read_to_string(&page).unwrap();
    assert!(found == fresh, "the table is stale: UPDATE_DOCS=1 writes it anew");
}
