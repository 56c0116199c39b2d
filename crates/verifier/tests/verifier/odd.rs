//! What is odd and not damaged: bundles that were packed again, unknown types, marks that other
//! tools leave out.

use std::fs;
use std::path::Path;
use std::process::Command;

use airlift_oci::layout::Root;
use airlift_oci::media_type::{OCI_INDEX, OCI_MANIFEST};
use airlift_oci::{Descriptor, Limits};
use airlift_verifier::{AdmitError, State, VerifiedBundle};

use crate::images::{Images, json};
use crate::tar_file::Tar;
use crate::{report, rules};

fn tar(arguments: &[&str], folder: &Path) {
    assert!(Command::new("tar").args(arguments).current_dir(folder).status().unwrap().success());
}

/// One cause, one finding, whichever way it was packed; content that was damaged as well is found as ever.
#[test]
fn our_own_bundle_packed_again_is_one_finding() {
    let folder = tempfile::tempdir().unwrap();
    let (original, again) = (folder.path().join("b.tar"), folder.path().join("again.tar"));
    let plan = Images::sample().write(&original, |_| ());
    fs::create_dir(folder.path().join("x")).unwrap();
    tar(&["-xf", "b.tar", "-C", "x"], folder.path());
    let files: Vec<String> = plan.entries().map(|entry| entry.path().to_string()).collect();
    let in_order: Vec<&str> = files.iter().map(String::as_str).collect();
    for (form, names) in [
        ("--format=gnu", vec!["."]),
        ("--format=posix", vec!["."]),
        ("--format=gnu", in_order.clone()),
        ("--format=posix", in_order),
    ] {
        tar(&[&[form, "-cf", "again.tar", "-C", "x"][..], &names].concat(), folder.path());
        let found = report(&again);
        assert_eq!(rules(&found), ["tar-repacked"], "{form} {names:?}: {:?}", found.findings);
        assert_eq!((found.state, found.id), (State::PackedAgain, Some(plan.id())));
        assert!(found.images.iter().all(|image| image.ok));
        let refused = VerifiedBundle::admit(&again, Limits::default()).unwrap_err();
        assert!(matches!(refused, AdmitError::Refused { .. }), "{refused}");
        assert!(refused.to_string().contains("is not the original"), "{refused}");

        let mut damaged = fs::read(&again).unwrap();
        let at = damaged.windows(9).position(|window| window == b"a layer t").unwrap();
        damaged[at] ^= 1;
        fs::write(&again, damaged).unwrap();
        let found = report(&again);
        assert_eq!(rules(&found), ["tar-repacked", "blob-digest"], "{:?}", found.findings);
        assert_eq!(found.state, State::Damaged);
    }
    // The way out that the finding names: the folder is a layout like any other.
    assert!(report(&folder.path().join("x")).ok);
}

#[test]
fn where_all_is_shifted_the_first_place_is_named_once() {
    let images = Images::sample();
    let plan = images.plan();
    let archive = images.archive();
    let first = plan.blobs().nth(1).unwrap();
    let at = first.header_offset as usize;
    let file = Tar([&archive[..at], &[0; 7], &archive[at..]].concat()).save();
    let found = report(file.path());
    let own: Vec<_> = found.findings.iter().filter(|one| !one.follows).collect();
    assert!(matches!(own[..], [one] if one.rule.id() == "tar-shifted"), "{own:?}");
    assert_eq!((own[0].offset, own[0].digest), (Some(first.header_offset), Some(first.digest)));
    assert_eq!(found.state, State::Damaged);
    // One header alone is no shift.
    let mut one = archive.clone();
    one[at] ^= 1;
    assert_eq!(rules(&report(Tar(one).save().path())), ["tar-header"]);
}

/// The sample as another tool's folder, with one more root.
fn folder_with(root: &Descriptor, name: &str, images: &mut Images) -> tempfile::TempDir {
    images.roots.push(Root::new(root.clone(), Some(name.to_owned())));
    let folder = tempfile::tempdir().unwrap();
    images.write_folder(folder.path());
    folder
}

#[test]
fn other_spellings_of_manifest_types_are_errors_that_say_so() {
    let spellings = ["; charset=utf-8", ";x=y", "UPPER"];
    for spelling in spellings {
        let spelled = |known: &str| match spelling {
            "UPPER" => known.to_uppercase(),
            end => format!("{known}{end}"),
        };
        let mut images = Images::default();
        let image = images.image("amd64", &[]);
        let child = Descriptor { media_type: spelled(OCI_MANIFEST), ..image.clone() };
        let index = images.index(&[json(&child, "")]);
        let below = report(folder_with(&index, "app:1", &mut images).path());
        let mut images = Images::sample();
        let index = Descriptor { media_type: spelled(OCI_INDEX), ..images.roots[0].descriptor.clone() };
        let root = report(folder_with(&index, "app:2", &mut images).path());
        for (found, known) in [(below, OCI_MANIFEST), (root, OCI_INDEX)] {
            assert_eq!((found.ok, found.findings[0].rule.id()), (false, "graph"), "{spelling}");
            let message = &found.findings[0].message;
            assert!(message.contains(&format!("another spelling of {known}")), "{message}");
        }
    }
}

#[test]
fn a_root_of_an_unknown_type_is_no_image() {
    let mut images = Images::sample();
    let other = images.blob("application/xml", b"<x/>");
    let folder = folder_with(&other, "notes", &mut images);
    let found = report(folder.path());
    assert_eq!(rules(&found), ["manifest-unknown"]);
    assert!(found.ok && found.findings[0].message.contains("content of an unknown type ('application/xml')"));
    assert_eq!(found.images.len(), 2, "it is none of them");
    assert_eq!((found.unknown.len(), found.unknown[0].digest), (1, other.digest));
    assert_eq!(VerifiedBundle::admit(folder.path(), Limits::default()).unwrap().graph().roots.len(), 2);
    // What it is called is held against it.
    let path = folder.path().join(format!("blobs/sha256/{}", other.digest.hex()));
    for (content, rule) in
        [(Some(&b"<y/>"[..]), "blob-digest"), (Some(b"<x>"), "blob-size"), (None, "blob-missing")]
    {
        match content {
            Some(content) => fs::write(&path, content).unwrap(),
            None => fs::remove_file(&path).unwrap(),
        }
        let found = report(folder.path());
        assert!(!found.ok && rules(&found).contains(&rule), "{:?}", found.findings);
    }
    // Bytes that read as a manifest are mentioned, whether it is a root or an entry of an index.
    let mut images = Images::sample();
    let disguised = Descriptor { media_type: "application/x.own".into(), ..images.image("amd64", &[]) };
    let index = images.index(&[json(&disguised, "")]);
    images.root(&index, "app:3");
    let found = report(folder_with(&disguised, "disguised", &mut images).path());
    assert_eq!(rules(&found), ["manifest-unknown"; 2], "{:?}", found.findings);
    assert!(found.findings.iter().all(|one| one.message.contains("reads as an image manifest")));
}

/// hauler's archives are like that. What is missing because the archive is damaged is another matter.
#[test]
fn a_layout_without_its_mark_is_a_warning() {
    let images = Images::sample();
    let files = images.foreign_files();
    let tar = files[1..].iter().filter(|(name, _)| name.len() < 100);
    let tar = tar.fold(Tar::default(), |tar, (name, content)| tar.file(name, content));
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    images.root(&image, "app:1");
    let small = images.foreign_files()[1..]
        .iter()
        .fold(Tar::default(), |tar, (name, content)| tar.file(name, content));
    let found = report(small.clone().end().save().path());
    assert_eq!(rules(&found), ["layout-missing"]);
    assert!(found.ok && found.findings[0].message.contains("hauler"), "{:?}", found.findings);
    assert!(!report(small.save().path()).ok, "cut off");
    assert!(!report(tar.end().save().path()).ok, "a blob is missing as well");
}

#[test]
fn odd_forms_are_warnings() {
    for (more, said) in [
        (r#""schemaVersion":3,"#, "its schemaVersion is 3"),
        (r#""annotations":{"a":1},"#, "annotations whose values are no strings"),
    ] {
        let mut images = Images::default();
        let config =
            images.blob(airlift_oci::media_type::OCI_CONFIG, br#"{"os":"linux","architecture":"amd64"}"#);
        let text = format!(r#"{{{more}"config":{},"layers":[]}}"#, json(&config, ""));
        let image = images.blob(OCI_MANIFEST, text.as_bytes());
        let found = report(folder_with(&image, "app:1", &mut images).path());
        assert_eq!(rules(&found), ["manifest-form"]);
        assert!(found.ok && found.findings[0].message.contains(said), "{:?}", found.findings);
        assert_eq!(found.findings[0].path, ["app:1"]);
    }
}
