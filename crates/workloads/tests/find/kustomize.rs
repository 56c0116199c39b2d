//! Kustomizations put references together, and charts list them in a text.

use airlift_workloads::{FinderOptions, Written};

use crate::{find, find_in, notes, places, problems, references};

#[test]
fn an_entry_is_a_name_with_a_tag_or_a_digest() {
    let digest = format!("sha256:{}", "a".repeat(64));
    let text = format!(
        "\
apiVersion: kustomize.config.k8s.io/v1beta1
kind: Kustomization
images:
- name: nginx
  newTag: '1.27'
- {{name: app, newName: r.example/app, newTag: v2}}
- name: db
  digest: {digest}
- {{name: both, newTag: 1.10, digest: '{digest}'}}
- name: only
  newName: r.example/only
- newTag: v1
"
    );
    let found = find(&text);
    assert_eq!(
        references(&found),
        ["nginx:1.27", "r.example/app:v2", &format!("db@{digest}"), &format!("both:1.10@{digest}")]
    );
    let fields: Vec<&str> = found.places.iter().map(|place| place.field.as_str()).collect();
    assert_eq!(fields, ["images[0]", "images[1]", "images[2]", "images[3]"]);
    assert_eq!(found.places[1].position.to_string(), "6:24");
    let Written::InParts(parts) = &found.places[0].written else { panic!() };
    let tag = parts.tag.as_ref().unwrap();
    assert_eq!((&text[parts.name.range.clone()], &text[tag.range.clone()]), ("nginx", "1.27"));
    assert_eq!(parts.digest, None);
    assert_eq!(
        notes(&found),
        [
            "f.yaml:11:12: the entry for r.example/only has neither a tag nor a digest: these stand in the resources"
        ]
    );
    assert_eq!(problems(&found), ["f.yaml:12:3: the image is empty"]);
}

#[test]
fn a_kustomization_needs_no_kind() {
    let text = "resources: [a.yaml]\nimages: [{name: nginx, newTag: v1}]\n";
    for name in ["kustomization.yaml", "a/kustomization.yml", "Kustomization"] {
        let found = find_in(&FinderOptions::default(), name, text.as_bytes());
        assert_eq!(places(&found), ["2:17 nginx:v1 images[0]"], "{name}");
        assert_eq!(found.places[0].object.kind, "Kustomization");
    }
    assert_eq!(places(&find(text)), [""; 0]);
}

#[test]
fn a_kustomization_of_flux_has_them_under_its_spec() {
    let text = "apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\nmetadata: {name: a}\nspec: {images: [{name: nginx, newTag: v1}]}\n";
    assert_eq!(places(&find(text)), ["4:24 nginx:v1 spec.images[0]"]);
}

const CHART: &str = "\
apiVersion: v2
name: web
version: 1.0.0
annotations:
  artifacthub.io/images: |
    - name: web
      image: r.example/web:1
    - name: other
      image: 'r.example/other:1'
  images: >-
    - {name: x, image: r.example/x:1}
  category: web
";

#[test]
fn a_chart_lists_its_images_in_annotations() {
    let found = find_in(&FinderOptions::default(), "Chart.yaml", CHART.as_bytes());
    assert_eq!(
        places(&found),
        [
            "7:14 r.example/web:1 annotations[\"artifacthub.io/images\"][0].image",
            "9:15 r.example/other:1 annotations[\"artifacthub.io/images\"][1].image",
            "11:24 r.example/x:1 annotations[\"images\"][0].image",
        ]
    );
    assert_eq!((found.places[0].object.kind.as_str(), &found.places[0].written), ("Chart", &Written::Within));
    for other in ["images: nothing", "images: [a", "artifacthub.io/images: '- a'", "images: {a: b}"] {
        let text = format!("apiVersion: v2\nname: web\nannotations: {{{}}}\n", other.replace("[a", "'[a'"));
        assert_eq!(places(&find(&text)), [""; 0], "{text}");
    }
}
