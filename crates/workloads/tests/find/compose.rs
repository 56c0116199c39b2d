//! Services of Compose files.

use crate::{find, places, problems, references};

#[test]
fn services_have_images() {
    let text = "\
name: shop
x-base: &base
  image: r.example/base:1
services:
  web:
    image: nginx:1.27
    volumes:
    - ./a:/a
    - {type: image, source: 'r.example/data:1', target: /data}
    - {type: volume, source: data, target: /b}
  built: {build: .}
  one: {<<: *base}
  two: {<<: *base}
";
    let found = find(text);
    assert_eq!(
        places(&found),
        [
            "3:10 r.example/base:1 services.one.image",
            "6:12 nginx:1.27 services.web.image",
            "9:30 r.example/data:1 services.web.volumes[1].source",
        ]
    );
    let web = &found.places[1];
    let of = (web.object.kind.as_str(), web.object.name.as_deref(), web.container.as_deref());
    assert_eq!(of, ("Compose", Some("shop"), Some("web")));
}

#[test]
fn variables_are_no_references() {
    let found = find("services:\n  a: {image: 'r.example/a:${TAG:-1}'}\n  b: {image: b:1}\n");
    assert_eq!(references(&found), ["b:1"]);
    assert_eq!(problems(&found), ["f.yaml:2:15: a variable is left here: 'r.example/a:${TAG:-1}'"]);
}

#[test]
fn what_has_other_members_is_no_compose_file() {
    for text in [
        "replicaCount: 1\nservices: {web: {image: {repository: a}}}\n",
        "stages: [test]\nservices: [postgres:16]\n",
        "apiVersion: x/v1\nservices: {web: {image: a:1}}\n",
        "services: [postgres:16]\n",
        "services:\n",
    ] {
        let found = find(text);
        assert_eq!((references(&found), problems(&found)), (vec![], vec![]), "{text}");
    }
    let text = "version: '3'\ninclude: [a.yaml]\nx-y: 1\nservices: {web: {image: a:1}}\nnetworks: {n: {}}\nmodels: {m: {model: ai/m}}\n";
    assert_eq!(references(&find(text)), ["a:1"]);
}
