//! However a reference is spelt, its digest is put behind it, and goes again.

use airlift_workloads::{Change, DigestChange, EditError};

use crate::{changed, expanded, old_digest, pin, places, unpin};

/// A pod with an image that is spelt like this.
fn pod(image: &str) -> String {
    format!(
        "# ä\nkind: Pod\nspec:\n  containers:\n  - name: a  # nginx:1.27\n    image:{image}\n    args: [ 'nginx:1.27' ]"
    )
}

#[test]
fn nothing_but_the_value_changes() {
    for (image, pinned) in [
        (" nginx:1.27", " nginx:1.27@@"),
        (" nginx", " nginx@@"),
        ("   nginx:1.27   # ä ", "   nginx:1.27@@   # ä "),
        (" \"nginx:1.27\"", " \"nginx:1.27@@\""),
        (" ' nginx:1.27 ' # a", " ' nginx:1.27@@ ' # a"),
        (" &a !!str nginx:1.27", " &a !!str nginx:1.27@@"),
        (" |\n      nginx:1.27\n", " |\n      nginx:1.27@@\n"),
        (" >-\n\n      nginx:1.27\n\n", " >-\n\n      nginx:1.27@@\n\n"),
        ("\n      nginx:1.27", "\n      nginx:1.27@@"),
        (" \"nginx\\x3a1.27\"", " \"nginx\\x3a1.27@@\""),
        (" \"r.example\\/nginx:\\\n      1.27\"", " \"r.example\\/nginx:\\\n      1.27@@\""),
    ] {
        for (file, expected) in [(pod(image), pod(pinned)), (crlf(&pod(image)), crlf(&pod(pinned)))] {
            let result = changed("f.yaml", &file, &pin()).unwrap();
            assert_eq!(result, expanded(&expected), "{image}");
            assert_eq!(changed("f.yaml", &result, &pin()).unwrap(), result, "{image}: twice");
            if image != " nginx" {
                assert_eq!(changed("f.yaml", &result, &unpin()).unwrap(), file, "{image}: and back");
            }
        }
    }
}

fn crlf(text: &str) -> String {
    format!("\u{feff}{}\r\n", text.replace('\n', "\r\n"))
}

#[test]
fn an_old_digest_is_replaced() {
    let old = pod(&format!(" 'nginx:1.27@{}'", old_digest()));
    assert_eq!(changed("f.yaml", &old, &pin()).unwrap(), expanded(&pod(" 'nginx:1.27@@'")));
}

#[test]
fn what_stands_in_pieces_gets_no_new_name() {
    let renamed = Change { repository: Some("r.example/m/nginx".to_owned()), digest: DigestChange::Keep };
    let name = |image: &str| changed("f.yaml", &pod(image), &renamed);
    assert_eq!(name(" nginx:1.27").unwrap(), pod(" r.example/m/nginx:1.27"));
    assert_eq!(name(" \"nginx:1.27\"").unwrap(), pod(" \"r.example/m/nginx:1.27\""));
    assert_eq!(name(" \"nginx\\x3a1.27\"").unwrap_err(), EditError::Spelling);
    assert_eq!(name(" \"ngi\\\n      nx:1.27\"").unwrap_err(), EditError::Spelling);
}

#[test]
fn an_anchor_is_pinned_once() {
    let text = "a: &i nginx:1.27\nkind: Pod\nspec: {containers: [{image: *i}, {image: *i}]}\n---\nkind: Pod\nspec: {containers: [{image: nginx:1}]}\n";
    assert_eq!(places("f.yaml", text).len(), 2);
    let expected = text.replace("nginx:1.27", "nginx:1.27@@").replace("nginx:1}", "nginx:1@@}");
    assert_eq!(changed("f.yaml", text, &pin()).unwrap(), expanded(&expected));
}

#[test]
fn json_stays_json() {
    let text = "{\"kind\":\"Pod\",\"spec\":{\"containers\":[{\"image\":\"a\\/b:1\"},{\"image\":\"c\"}]}}";
    let result = changed("f.json", text, &pin()).unwrap();
    assert_eq!(result, expanded(&text.replace("b:1", "b:1@@").replace("\"c\"", "\"c@@\"")));
    serde_json::from_str::<serde_json::Value>(&result).unwrap();
}

#[test]
fn compose_and_urls_are_pinned() {
    let text = "services:\n  web: {image: nginx:1.27}\n  more:\n    volumes: [{type: image, source: a:1}]\n";
    let expected = text.replace("1.27", "1.27@@").replace("a:1", "a:1@@");
    assert_eq!(changed("compose.yaml", text, &pin()).unwrap(), expanded(&expected));
    let text = "kind: WasmPlugin\nspec: {url: 'oci://r.example/w:1'}\n";
    assert_eq!(changed("f.yaml", text, &pin()).unwrap(), expanded(&text.replace("w:1", "w:1@@")));
}
