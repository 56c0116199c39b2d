use airlift_oci::{Platform, Referrers};
use serde_json::Value;

use super::document::{DEFAULTS, DOCUMENT};
use super::entries::{ENTRY, SELECTOR};
use super::*;
use crate::choice::Choice;
use crate::entry::{Entry, Wanted};
use crate::position::ListErrors;

fn parse(text: &str) -> Result<ImagesFile, ListErrors> {
    ImagesFile::parse("images.yaml", text.as_bytes(), &Choice::default())
}

fn errors(text: &str) -> Vec<String> {
    let errors = parse(text).unwrap_err();
    errors.iter().map(|error| error.to_string().trim_start_matches("images.yaml:").to_owned()).collect()
}

/// The only error.
fn error(text: &str) -> String {
    let all = errors(text);
    assert_eq!(all.len(), 1, "{all:#?}");
    all[0].clone()
}

/// An entry in one line.
fn shown(entry: &Entry) -> String {
    let name = match &entry.wanted {
        Wanted::Image(reference) => reference.to_string(),
        Wanted::Tags(query) => format!("{} ({})", query.repository, query.selector),
        Wanted::Locked(_) => panic!("no lock"),
    };
    let platforms: Vec<String> = entry.choice.platforms.iter().map(ToString::to_string).collect();
    let referrers = entry.choice.referrers.map(|referrers| format!("{referrers:?}")).unwrap_or_default();
    let groups: Vec<&str> = entry.groups.iter().map(String::as_str).collect();
    format!("{} {name} [{}] {referrers} {}", entry.position, platforms.join(" "), groups.join(" "))
}

/// The file with these entries as its only group, which start in line 4.
fn with_entries(entries: &str) -> String {
    format!("version: 1\ngroups:\n  base:\n{entries}\n")
}

const FULL: &str = r#"# What the plant needs.
version: 1
defaults: {platforms: [linux/amd64, linux/arm64], referrers: all}
mirrors: {docker.io: registry.corp/dockerhub}
groups:
  base:
    - nginx:1.27
    - {ref: quay.io/cephcsi/cephcsi:v3.5.1, platforms: [linux/amd64]}
    - {repo: registry.k8s.io/pause, tags: {semver: ">=3.8 <4", newest: 2}}
    - oci-archive:ours.tar
  monitoring:
    - ref: grafana/grafana
      platforms: all
      referrers: none
    - repo: prom/prometheus
      tags: [v2.53.0, 1.10, "1.20"]
    - repo: quay.io/x/y
      tags: {regex: '^v1\.2[0-9]\.', except: '-rc'}
  empty:
"#;

#[test]
fn a_whole_file_is_read() {
    let file = parse(FULL).unwrap();
    assert_eq!(file.groups.iter().collect::<Vec<_>>(), ["base", "empty", "monitoring"]);
    assert_eq!(file.mirrors.len(), 1);
    let both = "[linux/amd64 linux/arm64] All";
    assert_eq!(
        file.entries.iter().map(shown).collect::<Vec<_>>(),
        [
            format!("7:7 docker.io/library/nginx:1.27 {both} base"),
            "8:13 quay.io/cephcsi/cephcsi:v3.5.1 [linux/amd64] All base".to_owned(),
            format!("9:7 registry.k8s.io/pause (semver >=3.8 <4, newest 2) {both} base"),
            format!("10:7 oci-archive:ours.tar {both} base"),
            "12:12 docker.io/grafana/grafana:latest [] None monitoring".to_owned(),
            format!("16:14 docker.io/prom/prometheus:v2.53.0 {both} monitoring"),
            format!("16:23 docker.io/prom/prometheus:1.10 {both} monitoring"),
            format!("16:29 docker.io/prom/prometheus:1.20 {both} monitoring"),
            format!(r"17:7 quay.io/x/y (regex '^v1\.2[0-9]\.', except '-rc') {both} monitoring"),
        ]
    );
    let of_base = file.entries.iter().filter(|entry| entry.is_in(&["base".to_owned()])).count();
    assert_eq!((of_base, file.entries.iter().filter(|entry| entry.is_in(&[])).count()), (4, 9));
}

#[test]
fn what_is_given_goes_between_the_defaults_and_the_entries() {
    let amd: Platform = "linux/s390x".parse().unwrap();
    let given = Choice { platforms: vec![amd], referrers: Some(Referrers::None) };
    let file = ImagesFile::parse("f.yaml", FULL.as_bytes(), &given).unwrap();
    let all: Vec<String> = file.entries.iter().map(shown).collect();
    assert!(all[0].ends_with("[linux/s390x] None base"), "{all:?}");
    assert!(all[1].ends_with("[linux/amd64] None base") && all[4].ends_with("[] None monitoring"), "{all:?}");
}

#[test]
fn other_line_ends_and_anchors_are_fine() {
    let crlf = format!("\u{feff}{}", FULL.replace('\n', "\r\n"));
    let all = |file: ImagesFile| file.entries.iter().map(shown).collect::<Vec<_>>();
    assert_eq!(all(parse(&crlf).unwrap()), all(parse(FULL).unwrap()));
    let text = "version: 1\ngroups:\n  a: &a\n    - nginx\n    - {ref: redis, platforms: &p [linux/amd64]}\n  b: *a\n  c:\n    - {ref: mysql, platforms: *p}\n";
    assert_eq!(
        all(parse(text).unwrap()).iter().map(|line| line.split_once(' ').unwrap().1).collect::<Vec<_>>(),
        [
            "docker.io/library/nginx:latest []  a",
            "docker.io/library/redis:latest [linux/amd64]  a",
            "docker.io/library/nginx:latest []  b",
            "docker.io/library/redis:latest [linux/amd64]  b",
            "docker.io/library/mysql:latest [linux/amd64]  c",
        ]
    );
}

/// Parts of files that are wrong, with the error. All but the last are wrong for the schema, too.
const WRONG: [(&str, &str); 33] = [
    ("", "1:1: it is empty"),
    ("groups: {}", "1:1: 'version: 1' is missing"),
    ("version: 2\nfoo: 1", "1:10: version 2 is newer than version 1"),
    ("version: one\ngroups: {}", "1:10: 'one' is no version"),
    ("version: 0\ngroups: {}", "1:10: '0' is no version"),
    ("- nginx", "1:1: an images file has 'version: 1' and 'groups'; a list of references alone"),
    ("nginx", "1:1: an images file has 'version: 1' and 'groups'"),
    ("version: 1", "1:1: an images file needs 'groups'"),
    ("version: 1\ngroups: [nginx]", "2:9: groups is a mapping, and this is a list"),
    ("version: 1\ngroups: {a: nginx}", "2:13: the group 'a' is a list of images, and this is a text"),
    ("version: 1\ngroups: {}\nimages: []", "3:1: an images file has no key 'images': is groups meant?"),
    ("version: 1\ngroups: {}\ndefault: {}", "3:1: an images file has no key 'default': is defaults meant?"),
    ("version: 1\ngroups: {}\nzzz: 1", "3:1: an images file has no key 'zzz', only version, defaults"),
    (
        "version: 1\ngroups: {}\ndefaults: {platfroms: []}",
        "3:12: defaults has no key 'platfroms': is platforms meant?",
    ),
    (
        "version: 1\ngroups: {}\ndefaults: {platforms: []}",
        "3:23: platforms is empty: name some, or write all",
    ),
    (
        "version: 1\ngroups: {}\ndefaults: {referrers: some}",
        "3:23: referrers is all or none, and this is 'some'",
    ),
    ("version: 1\ngroups: {}\ndefaults: [a]", "3:11: defaults is a mapping"),
    ("version: 1\ngroups: {}\nmirrors: {docker.io: }", "3:20: a mirror is a text, and this is nothing"),
    ("version: 1\ngroups: {a: [{image: nginx}]}", "2:15: an entry has no key 'image': is ref meant?"),
    (
        "version: 1\ngroups: {a: [{ref: nginx, tags: [a]}]}",
        "2:14: an entry has either 'ref', or 'repo' and 'tags'",
    ),
    ("version: 1\ngroups: {a: [{repo: nginx}]}", "2:21: 'repo' needs 'tags' beside it"),
    ("version: 1\ngroups: {a: [{tags: [a]}]}", "2:21: 'tags' needs 'repo' beside it"),
    ("version: 1\ngroups: {a: [{platforms: all}]}", "2:14: an entry needs 'ref'"),
    (
        "version: 1\ngroups:\n  a:\n    - nginx: 1.10\n",
        "4:7: a space behind the colon makes this a mapping: is nginx:1.10 meant?",
    ),
    ("version: 1\ngroups: {a: [[nginx]]}", "2:14: an entry is a reference or a mapping, and this is a list"),
    ("version: 1\ngroups: {a: [~]}", "2:14: an entry is a reference or a mapping, and this is nothing"),
    (
        "version: 1\ngroups: {a: [{repo: a, tags: {newest: x}}]}",
        "2:39: newest is a number of tags, and this is 'x'",
    ),
    ("version: 1\ngroups: {a: [{repo: a, tags: {newest: 0}}]}", "2:39: newest is a number from 1 to 1000"),
    (
        "version: 1\ngroups: {a: [{repo: a, tags: {senver: '1'}}]}",
        "2:31: a tag selector has no key 'senver': is semver meant?",
    ),
    (
        "version: 1\ngroups: {a: [{repo: a, tags: {semver: '*', prerelease: 2}}]}",
        "2:56: prerelease is true or false",
    ),
    ("version: 1\ngroups: {a: [{repo: a, tags: [[b]]}]}", "2:31: a tag is a text, and this is a list"),
    (
        "version: 1\ngroups: {a: [{ref: nginx, platforms: {a: b}}]}",
        "2:38: platforms is a list, and this is a mapping",
    ),
    ("version: 1\ngroups: {}\nmirrors: [a]", "3:10: mirrors is a mapping, and this is a list"),
];

#[test]
fn wrong_parts_are_named() {
    for (text, expected) in WRONG {
        let found = error(text);
        assert!(found.starts_with(expected), "{text}\n{found}");
    }
}

#[test]
fn wrong_texts_are_named() {
    for (entries, expected) in [
        ("    - Not A Reference", "4:7: 'Not A Reference' is not an image reference"),
        ("    - {ref: ''}", "4:13: a reference is empty"),
        ("    - {repo: 'nginx:1', tags: [a]}", "4:14: 'nginx:1' is not an image reference"),
        ("    - {repo: 'oci:dir', tags: [a]}", "4:14: an image layout stands under 'ref'"),
        ("    - {repo: nginx, tags: ['a b']}", "4:28: 'a b' is not an image reference"),
        (
            "    - {repo: nginx, tags: {semver: '1.2'}}",
            "4:36: '1.2' means different things to different tools",
        ),
        ("    - {repo: nginx, tags: {regex: '('}}", "4:35: it is not a regular expression: unclosed group"),
        ("    - {repo: nginx, tags: {except: a}}", "4:27: it says nothing about the tags"),
        ("    - {ref: nginx, platforms: [linux]}", "4:32: 'linux' is not a platform"),
        ("    - {ref: nginx, platforms: [all, linux/amd64]}", "4:32: 'all' is not a platform"),
        ("    - docker-archive:a.tar", "4:7: 'docker-archive:a.tar' is not something that Airlift can read"),
    ] {
        let found = error(&with_entries(entries));
        assert!(found.starts_with(expected), "{entries}\n{found}");
    }
    let found = error("version: 1\ngroups: {'a,b': []}");
    assert!(found.starts_with("2:10: a group's name is made of letters"), "{found}");
    let found = errors(
        "version: 1\nmirrors: {docker.io: 'a b', quay.io: r.example, 'quay.io/': s.example}\ngroups: {}",
    );
    assert!(
        found[0].starts_with("2:11: ") && found[1].starts_with("2:49: quay.io has a mirror"),
        "{found:?}"
    );
}

#[test]
fn all_errors_are_named_in_one_run() {
    let text = "version: 1\nfoo: 1\ndefaults: {platforms: [x]}\ngroups:\n  a:\n    - A\n    - {ref: B, platfrom: c}\n    - nginx\n  b: 1\n";
    let starts: Vec<String> =
        errors(text).iter().map(|line| line.split(": ").next().unwrap().to_owned()).collect();
    assert_eq!(starts, ["2:1", "3:24", "6:7", "7:13", "7:16", "9:6"]);
    assert_eq!(parse(text).unwrap_err().to_string(), "images.yaml has 6 errors");
}

#[test]
fn errors_show_their_line() {
    let errors = parse(&with_entries("    - {ref: nginx, platfroms: [linux/amd64]}")).unwrap_err();
    assert_eq!(
        errors.iter().next().unwrap().excerpt(),
        "4 |     - {ref: nginx, platfroms: [linux/amd64]}\n  |                    ^"
    );
}

#[test]
fn ten_thousand_entries_are_quick() {
    let entries = "    - {ref: r.example/team/app:1, platforms: [linux/amd64]}\n".repeat(10_000);
    assert_eq!(parse(&with_entries(&entries)).unwrap().entries.len(), 10_000);
}

fn validator() -> jsonschema::Validator {
    jsonschema::validator_for(&serde_json::to_value(schema()).unwrap()).unwrap()
}

/// The document as editors see it.
fn as_json(text: &str) -> Value {
    serde_saphyr::from_str(text).unwrap()
}

#[test]
fn the_schema_takes_what_is_read() {
    let validator = validator();
    for text in
        [FULL, "version: 1\ngroups: {}", &with_entries("    - {repo: a, tags: 1.10, platforms: linux/amd64}")]
    {
        let errors: Vec<String> =
            validator.iter_errors(&as_json(text)).map(|error| error.to_string()).collect();
        assert!(errors.is_empty() && parse(text).is_ok(), "{errors:#?}\n{text}");
    }
}

#[test]
fn the_schema_refuses_what_has_another_structure() {
    let validator = validator();
    for (text, _) in WRONG {
        assert!(!validator.is_valid(&as_json(text)), "{text}");
    }
}

#[test]
fn the_schema_has_the_same_keys() {
    let schema = serde_json::to_value(schema()).unwrap();
    let keys = |of: &Value| -> Vec<String> {
        of["properties"].as_object().unwrap().keys().map(ToString::to_string).collect()
    };
    let sorted = |known: &[&str]| {
        let mut known: Vec<String> = known.iter().map(ToString::to_string).collect();
        known.sort();
        known
    };
    let of = |name: &str| {
        let mut keys = keys(&schema["$defs"][name]);
        keys.sort();
        keys
    };
    let mut top = keys(&schema);
    top.sort();
    assert_eq!(top, sorted(DOCUMENT.known));
    assert_eq!(of("DefaultsDocument"), sorted(DEFAULTS.known));
    assert_eq!(of("SelectorDocument"), sorted(SELECTOR.known));
    let mut entry = of("ImageEntry");
    entry.extend(of("TagsEntry"));
    entry.sort();
    entry.dedup();
    assert_eq!(entry, sorted(ENTRY.known));
}
