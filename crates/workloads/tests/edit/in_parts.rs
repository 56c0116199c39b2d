//! Kustomizations and Helm values.

use airlift_workloads::{Change, DigestChange, EditError};

use crate::{changed, digest, expanded, old_digest, pin, places, unpin};

fn rename() -> Change {
    Change { repository: Some("r.example/m/nginx".to_owned()), digest: DigestChange::Set(digest()) }
}

#[test]
fn a_kustomization_gets_a_line_or_another_digest() {
    let old = old_digest();
    let replaced = format!("images:\n- name: a\n  digest: {old}  # mine\n  newName: b\n");
    for (text, pinned) in [
        (
            "images:\n- name: nginx\n  newTag: '1.27'  # ours\n# end\n",
            "images:\n- name: nginx\n  newTag: '1.27'  # ours\n  digest: ##\n# end\n",
        ),
        ("images:\n  - newTag: v1\n    name: a", "images:\n  - newTag: v1\n    name: a\n    digest: ##"),
        (
            "images:\r\n- name: a\r\n  newTag: v1\r\n",
            "images:\r\n- name: a\r\n  newTag: v1\r\n  digest: ##\r\n",
        ),
        (
            "images: [{name: a, newTag: v1}, {name: b, newTag: v1 }]\n",
            "images: [{name: a, newTag: v1, digest: ##}, {name: b, newTag: v1, digest: ## }]\n",
        ),
        (
            "{\"images\": [{\"name\": \"a\", \"newTag\": \"v1\"}]}",
            "{\"images\": [{\"name\": \"a\", \"newTag\": \"v1\", \"digest\": \"##\"}]}",
        ),
        (&replaced, "images:\n- name: a\n  digest: ##  # mine\n  newName: b\n"),
    ] {
        let result = changed("kustomization.yaml", text, &pin()).unwrap();
        assert_eq!(result, expanded(pinned));
        assert_eq!(changed("kustomization.yaml", &result, &pin()).unwrap(), result, "twice");
    }
    for text in
        ["images:\n- name: a\n  newTag: |-\n    v1\n", "images:\n- name: a\n  digest:\n  newTag: v1\n"]
    {
        assert_eq!(changed("kustomization.yaml", text, &pin()).unwrap_err(), EditError::NoRoom);
    }
}

#[test]
fn the_line_of_a_kustomization_goes_again() {
    for text in [
        "images:\n- name: a\n  newTag: v1\n- name: b\n  newTag: v1\n",
        "images:\n- name: a\n  newTag: v1",
        "images:\r\n- name: a\r\n  newTag: v1\r\n",
    ] {
        let pinned = changed("kustomization.yaml", text, &pin()).unwrap();
        assert_eq!(changed("kustomization.yaml", &pinned, &unpin()).unwrap(), text);
    }
    let text = format!("images:\n- digest: {}\n  name: a\n  newTag: v1\n", digest());
    assert_eq!(changed("kustomization.yaml", &text, &unpin()).unwrap_err(), EditError::DigestInLine);
}

#[test]
fn a_new_name_of_a_kustomization_leaves_the_name_that_it_is_about() {
    for (text, renamed) in [
        (
            "images:\n- name: nginx\n  newTag: v1\n",
            "images:\n- name: nginx\n  newTag: v1\n  newName: r.example/m/nginx\n  digest: ##\n",
        ),
        (
            "images:\n- name: x\n  newTag: v1\n  newName: nginx\n",
            "images:\n- name: x\n  newTag: v1\n  newName: r.example/m/nginx\n  digest: ##\n",
        ),
    ] {
        let result = changed("kustomization.yaml", text, &rename()).unwrap();
        assert_eq!(result, expanded(renamed));
        assert_eq!(changed("kustomization.yaml", &result, &rename()).unwrap(), result, "twice");
    }
}

#[test]
fn helm_values_get_their_digest_where_it_stands_or_behind_the_tag() {
    for (text, pinned) in [
        ("image:\n  repository: nginx\n  tag: 1.27\n", "image:\n  repository: nginx\n  tag: 1.27@##\n"),
        (
            "image:\n  repository: nginx\n  tag: \"1.27\"\n  digest: \"\"\n",
            "image:\n  repository: nginx\n  tag: \"1.27\"\n  digest: \"##\"\n",
        ),
        ("a:\n- image: nginx:1.27 # a\n", "a:\n- image: nginx:1.27@@ # a\n"),
        (
            "image: {registry: quay.io, repository: a/b, tag: v1}\n",
            "image: {registry: quay.io, repository: a/b, tag: v1@##}\n",
        ),
    ] {
        let result = changed("values.yaml", text, &pin()).unwrap();
        assert_eq!(result, expanded(pinned));
        assert_eq!(changed("values.yaml", &result, &pin()).unwrap(), result, "twice");
        assert_eq!(changed("values.yaml", &result, &unpin()).unwrap(), text, "and back");
    }
    let text = "image: {registry: docker.io, repository: library/nginx, tag: v1}\n";
    let renamed =
        text.replace("docker.io", "r.example").replace("library/nginx", "m/nginx").replace("v1", "v1@##");
    assert_eq!(changed("values.yaml", text, &rename()).unwrap(), expanded(&renamed));
}

#[test]
fn values_that_charts_write_in_another_way_are_none() {
    for text in [
        "repository: a\ntag: 1.10\n",
        "repository: a\ntag: 1e3\n",
        "repository: a\n",
        "image: nginx\n",
        "repository: a\ntag: 12345678\n",
    ] {
        assert_eq!(places("values.yaml", text), [], "{text}");
    }
}

#[test]
fn a_tag_that_two_images_share_is_refused_unless_both_become_the_same() {
    let text = "t: &t v1\na: {repository: a, tag: *t}\nb: {repository: b, tag: *t}\n";
    let mut edits = airlift_workloads::FileEdits::default();
    let places = places("values.yaml", text);
    edits.add(text, &places[0], &pin()).unwrap();
    edits.add(text, &places[1], &pin()).unwrap();
    assert_eq!(edits.apply(text).unwrap(), expanded(&text.replace("v1", "v1@##")));
    let other = Change { repository: None, digest: DigestChange::Set(old_digest()) };
    assert_eq!(edits.add(text, &places[1], &other).unwrap_err(), EditError::Shared);
}
