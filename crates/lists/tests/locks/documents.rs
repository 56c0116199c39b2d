//! What is written: the same bytes for the same lock, and few lines for one change.

use airlift_lists::lock::{FetchedFrom, Lock, LockedImage, PastDigest};
use airlift_oci::Referrers;
use airlift_oci::reference::LayoutForm;

use super::{digest, image, lock, named, time};

/// An image with every member that there is.
fn full() -> LockedImage {
    let mut image = image("nginx:1.27", "new");
    image.choice.platforms = vec!["linux/amd64".parse().unwrap()];
    image.choice.referrers = Some(Referrers::None);
    image.groups = ["base", "web"].map(str::to_owned).into();
    image.selectors = ["regex ^1".to_owned(), "semver >=1.20, newest 2".to_owned()].into();
    image.from = Some("registry.corp/dockerhub/library/nginx".parse().unwrap());
    image.history = vec![
        PastDigest { digest: digest("old"), resolved: time(0) },
        PastDigest { digest: digest("older"), resolved: time(0) },
    ];
    image
}

#[test]
fn the_document_is_as_scripts_know_it() {
    let text = lock(vec![full()]).to_json().unwrap();
    let (old, older, new) = (digest("old"), digest("older"), digest("new"));
    let (amd64, arm64) = (digest("new linux/amd64"), digest("new linux/arm64"));
    let wanted = format!(
        r#"{{
  "schema": "airlift.lock/v1",
  "images": [
    {{
      "reference": "docker.io/library/nginx:1.27",
      "digest": "{new}",
      "mediaType": "application/vnd.oci.image.index.v1+json",
      "size": 300,
      "platforms": [
        {{
          "platform": "linux/amd64",
          "digest": "{amd64}",
          "size": 100
        }},
        {{
          "platform": "linux/arm64",
          "digest": "{arm64}",
          "size": 200
        }}
      ],
      "choose": {{
        "platforms": [
          "linux/amd64"
        ],
        "referrers": "none"
      }},
      "groups": [
        "base",
        "web"
      ],
      "selector": "regex ^1\nsemver >=1.20, newest 2",
      "resolved": "2026-05-04T10:00:00Z",
      "from": "registry.corp/dockerhub/library/nginx",
      "history": [
        {{
          "digest": "{old}",
          "resolved": "2026-05-04T10:00:00Z"
        }},
        {{
          "digest": "{older}",
          "resolved": "2026-05-04T10:00:00Z"
        }}
      ]
    }}
  ]
}}
"#
    );
    assert_eq!(text, wanted);
    assert_eq!(Lock::parse("images.lock", text.as_bytes()).unwrap(), lock(vec![full()]));
}

#[test]
fn what_is_written_does_not_depend_on_the_order_of_images() {
    let images = [image("nginx:1.27", "a"), image("quay.io/a/b:1", "b"), image("alpine:3", "c"), full()];
    let [nginx, quay, alpine, _] = images.clone();
    let text = lock(vec![quay.clone(), nginx.clone(), alpine.clone()]).to_json().unwrap();
    assert_eq!(text, lock(vec![alpine, quay, nginx]).to_json().unwrap());
    let again = Lock::parse("images.lock", text.as_bytes()).unwrap().to_json().unwrap();
    assert_eq!(text, again);
    assert!(text.find("alpine").unwrap() < text.find("nginx").unwrap());
}

#[test]
fn a_moved_tag_is_a_few_lines_of_a_diff() {
    let before: Vec<LockedImage> = (0..50).map(|n| image(&format!("team/app:{n:02}"), "old")).collect();
    let mut after = before.clone();
    after[20] = image("team/app:20", "new");
    after[20].resolved = time(60);
    let [before, after] = [before, after].map(|images| lock(images).to_json().unwrap());
    let changed = before.lines().zip(after.lines()).filter(|(old, new)| old != new).count();
    assert_eq!(before.lines().count(), after.lines().count());
    // Its digest, those of its two platforms, and the time.
    assert_eq!(changed, 4);
}

#[test]
fn one_reference_has_one_digest() {
    let error = Lock::new(vec![image("nginx:1.27", "a"), image("nginx:1.27", "b")]).unwrap_err();
    assert!(error.to_string().starts_with("docker.io/library/nginx:1.27 stands for two digests"), "{error}");
    assert_eq!(lock(vec![image("nginx:1.27", "a"), image("nginx:1.27", "a")]).images().len(), 1);
}

#[test]
fn images_are_found_by_reference() {
    let lock = lock((0..30).map(|n| image(&format!("team/app:{n}"), &n.to_string())).collect());
    for n in 0..30 {
        assert_eq!(lock.find(&named(&format!("team/app:{n}"))).unwrap().digest, digest(&n.to_string()));
    }
    assert_eq!(lock.find(&named("team/app:31")), None);
}

#[test]
fn places_have_a_text() {
    for text in ["oci-archive:a b.tar", "oci:/srv/layout", "registry.corp:5000/hub/library/nginx"] {
        assert_eq!(text.parse::<FetchedFrom>().unwrap().to_string(), text);
    }
    let layout = FetchedFrom::Layout { form: LayoutForm::Archive, path: "a b.tar".to_owned() };
    assert_eq!("oci-archive:a b.tar".parse(), Ok(layout));
    assert!("oci-archive:".parse::<FetchedFrom>().is_err());
    assert!("registry.corp/a:1".parse::<FetchedFrom>().is_err());
}

#[test]
fn images_without_a_full_name_are_named_by_their_place() {
    let mut unnamed = image("nginx:1.27", "a");
    for place in
        ["oci-archive:a b.tar:1", "oci:/srv/layout:sha256:ab", "oci-archive:x.tar=registry.example/app:2"]
    {
        unnamed.reference = place.parse().unwrap();
        let known = lock(vec![unnamed.clone(), image("alpine:3", "b")]);
        let text = known.to_json().unwrap();
        assert!(text.contains(&format!("\"reference\": \"{place}\"")), "{text}");
        assert_eq!(Lock::parse("images.lock", text.as_bytes()).unwrap(), known);
    }
}

#[test]
fn nothing_in_a_lock_has_an_effect_on_a_terminal() {
    let mut odd = image("nginx:1.27", "a");
    odd.groups = ["\u{1b}[2Jbase\u{202e}".to_owned()].into();
    odd.platforms[0].platform = "linux/\u{9b}31m".to_owned();
    let text = lock(vec![odd]).to_json().unwrap();
    assert!(text.chars().all(|c| c == '\n' || !c.is_control()) && text.contains("\\u001b[2Jbase\\u202e"));
}
