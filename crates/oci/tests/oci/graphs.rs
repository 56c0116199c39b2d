//! Walks end, whatever the manifests say, and don't cost more than the bytes that were paid for them.

use std::time::Duration;

use airlift_oci::graph::{Graph, GraphBuilder, GraphError, leaves};
use airlift_oci::layout::{Root, encode_index, parse_index};
use airlift_oci::media_type::{DOCKER_SCHEMA1, OCI_INDEX, OCI_MANIFEST};
use airlift_oci::selection::Selection;
use airlift_oci::{Carried, Descriptor, Digest, Limits, RawManifest, contents};
use rustix::time::{ClockId, clock_gettime};

use crate::images::{Images, LAYER, child_for, index_json, json, made_up, manifest_json};

fn walked(images: &Images) -> Result<Graph, GraphError> {
    images.try_graph(Limits::default())
}

#[test]
fn manifests_come_level_by_level_and_blobs_by_first_use() {
    let images = Images::sample();
    let graph = walked(&images).unwrap();
    let paths: Vec<String> =
        (0..graph.manifests.len()).map(|at| graph.path_of_manifest(at).join(" ")).collect();
    assert_eq!(
        paths,
        [
            "tool:2",
            "registry.example.com/app:1",
            "registry.example.com/app:1 linux/amd64",
            "registry.example.com/app:1 linux/arm64",
            "registry.example.com/app:1 attestation of linux/amd64",
        ]
    );
    let blobs: Vec<String> = graph.blobs().map(|blob| graph.path_of_blob(&blob).join(" ")).collect();
    assert_eq!(
        blobs,
        [
            "tool:2 config",
            "tool:2 layer 1",
            "tool:2 layer 2",
            "tool:2 layer 3",
            "registry.example.com/app:1 linux/amd64 config",
            "registry.example.com/app:1 linux/amd64 layer 2",
            "registry.example.com/app:1 linux/arm64 config",
            "registry.example.com/app:1 attestation of linux/amd64 config",
            "registry.example.com/app:1 attestation of linux/amd64 layer 1",
        ]
    );
}

fn nested(levels: usize) -> Images {
    let mut images = Images::default();
    let mut inner = images.image("amd64", &[]);
    for _ in 0..levels {
        inner = images.index(&[json(&inner, "")]);
    }
    images.root(&inner, "registry.example.com/deep:1");
    images
}

#[test]
fn nesting_has_a_limit() {
    assert_eq!(walked(&nested(8)).unwrap().manifests.len(), 9);
    let error = walked(&nested(9)).unwrap_err();
    assert!(matches!(error, GraphError::Depth { limit: 8, .. }), "{error}");
    assert!(error.to_string().starts_with("registry.example.com/deep:1 → index 1 → "), "{error}");
}

#[test]
fn manifests_and_entries_have_limits() {
    let mut images = Images::default();
    let children: Vec<_> =
        (0..4_096).map(|number| json(&Descriptor::new(OCI_MANIFEST, made_up(number), 10), "")).collect();
    let index = images.index(&children[..4_095]);
    images.root(&index, "registry.example.com/wide:1");
    assert_eq!(walked(&images).unwrap().manifests.len(), 4_096);
    let index = images.index(&children);
    images.roots.clear();
    images.root(&index, "registry.example.com/wide:1");
    assert!(matches!(walked(&images), Err(GraphError::Manifests { limit: 4_096, .. })));
    let few = Limits { entries: 100, ..Limits::default() };
    assert!(matches!(images.try_graph(few), Err(GraphError::Entries { limit: 100 })));

    let mut images = Images::default();
    let layers: Vec<_> = (0..200).map(|number| Descriptor::new(LAYER, made_up(number), 1)).collect();
    let image = images.image("amd64", &layers);
    images.root(&image, "registry.example.com/layers:1");
    assert!(matches!(images.try_graph(few), Err(GraphError::Entries { limit: 100 })));
}

#[test]
fn the_number_of_images_has_a_limit() {
    let root = |number| Root::new(Descriptor::new(OCI_MANIFEST, made_up(number), 5), None);
    let builder = |count, images| {
        GraphBuilder::new((0..count).map(root).collect(), Limits { images, ..Limits::default() })
    };
    assert!(builder(20_000, 20_000).is_ok());
    let refused = builder(20_001, Limits::default().images);
    assert!(matches!(refused, Err(GraphError::Images { count: 20_001, limit: 20_000 })));
}

#[test]
fn the_bytes_of_all_manifests_have_a_limit() {
    let root = |number| Root::new(Descriptor::new(OCI_MANIFEST, made_up(number), 4 << 20), None);
    let builder = |count| GraphBuilder::new((0..count).map(root).collect(), Limits::default());
    assert!(builder(16).is_ok());
    assert!(matches!(builder(17), Err(GraphError::Bytes { .. })));
    let huge = Root::new(Descriptor::new(OCI_MANIFEST, made_up(1), i64::MAX as u64), None);
    assert!(matches!(GraphBuilder::new(vec![huge], Limits::default()), Err(GraphError::Bytes { .. })));
}

#[test]
fn descriptors_of_one_digest_must_agree() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let other_size = Descriptor { size: image.size + 1, ..image.clone() };
    let other_type = Descriptor { media_type: OCI_INDEX.to_owned(), ..image.clone() };
    for (second, is_size) in [(other_size, true), (other_type, false)] {
        let index = images.index(&[json(&image, ""), json(&second, "")]);
        images.roots.clear();
        images.root(&index, "registry.example.com/odd:1");
        match walked(&images) {
            Err(GraphError::Sizes { .. }) => assert!(is_size),
            Err(GraphError::MediaTypes { .. }) => assert!(!is_size),
            other => panic!("{other:?}"),
        }
    }
    // The same for blobs, and for a layer that is a manifest as well.
    for (size, fits) in [(image.size, true), (image.size + 1, false)] {
        let layer = Descriptor::new(LAYER, image.digest, size);
        let outer = images.image("arm64", &[layer]);
        let index = images.index(&[json(&image, ""), json(&outer, "")]);
        images.roots.clear();
        images.root(&index, "registry.example.com/both:1");
        match walked(&images) {
            Ok(graph) => {
                assert!(fits);
                let manifests = graph.manifests.iter().map(|entry| entry.descriptor.digest);
                let digests: Vec<_> =
                    manifests.chain(graph.blobs().map(|blob| blob.descriptor.digest)).collect();
                let unique: std::collections::BTreeSet<_> = digests.iter().collect();
                assert_eq!(digests.len(), unique.len(), "a digest once, at its first place");
            }
            Err(GraphError::Sizes { .. }) => assert!(!fits),
            Err(other) => panic!("{other}"),
        }
    }
}

#[test]
fn children_must_be_of_a_known_kind() {
    for (media_type, name) in [("", "MediaType"), (DOCKER_SCHEMA1, "Schema1")] {
        let mut images = Images::default();
        let index = images.index(&[json(&Descriptor::new(media_type, made_up(1), 5), "")]);
        images.root(&index, "registry.example.com/odd:1");
        let error = walked(&images).unwrap_err();
        assert!(format!("{error:?}").starts_with(name), "{error:?}");
    }
    // Build caches list plain blobs; those are carried.
    let mut images = Images::default();
    let blob = images.blob("application/vnd.buildkit.cacheconfig.v0", b"{}");
    let index = images.index(&[json(&blob, "")]);
    images.root(&index, "registry.example.com/cache:1");
    let graph = walked(&images).unwrap();
    assert_eq!((graph.manifests.len(), graph.blob_count()), (1, 1));
    for media_type in ["", LAYER] {
        let root = Root::new(Descriptor::new(media_type, made_up(1), 5), None);
        assert!(matches!(
            GraphBuilder::new(vec![root], Limits::default()),
            Err(GraphError::MediaType { .. })
        ));
    }
}

/// A digest at several levels, and as its own parent's sibling, is visited once. (Nothing can list itself:
/// its digest would have to be known before its text.)
#[test]
fn a_digest_at_several_levels_is_visited_once() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let inner = images.index(&[json(&image, ""), json(&image, "")]);
    let outer = images.index(&[json(&inner, ""), json(&image, ""), json(&inner, "")]);
    images.root(&outer, "registry.example.com/app:1");
    images.root(&inner, "registry.example.com/app:inner");
    images.root(&image, "registry.example.com/app:image");
    let graph = walked(&images).unwrap();
    assert_eq!(graph.manifests.len(), 3);
    assert!(graph.manifests.iter().all(|entry| entry.level == 0), "roots come first");
    assert_eq!(graph.below(&outer.digest).len(), 3);
    assert_eq!(graph.upload_steps(&outer.digest).len(), 3);
}

/// Descriptors may claim anything; a walk over descriptors that name their own parent ends all the same.
#[test]
fn a_claimed_cycle_ends() {
    let parent = made_up(1);
    let text = index_json(&[json(&Descriptor::new(OCI_INDEX, parent, 10), "")]);
    let digest = Digest::sha256(text.as_bytes());
    let raw = RawManifest::received(text.into(), digest, None).unwrap();
    let root = Root::new(Descriptor::new(OCI_INDEX, parent, 10), None);
    let mut builder = GraphBuilder::new(vec![root], Limits::default()).unwrap();
    // Whoever drives the walk has to prove answers; even one that doesn't is not led in circles.
    builder.supply(vec![Some(raw)]).unwrap();
    assert!(builder.wanted().is_empty());
    let graph = builder.finish().unwrap();
    assert_eq!(graph.below(&parent).len(), 1);
    assert_eq!(graph.upload_steps(&parent).len(), 1);
}

/// Bounds the time that this thread computes: how busy the machine is does not count.
fn quickly<T>(what: &str, work: impl FnOnce() -> T) -> T {
    let computed = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let start = computed();
    let result = work();
    let took = computed() - start;
    // Generous: what is held here took minutes, or all memory, before it was bounded.
    assert!(took < Duration::from_secs(30), "{what} took {took:?}");
    result
}

/// Four megabytes of children that name one manifest with as many platforms: one walk, not forty thousand.
#[test]
fn an_index_that_is_reached_in_many_ways_is_gone_through_a_few_times() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let wide = images.index(&vec![json(&image, ""); 15_000]);
    let ways: Vec<_> = (0..15_000).map(|number| child_for(&wide, &format!("a{number}"))).collect();
    let outer = images.index(&ways);
    images.root(&outer, "registry.example.com/wide:1");
    let graph = quickly("the walk", || walked(&images).unwrap());
    assert_eq!(graph.manifests.len(), 3);
    let selection = Selection::new(["linux/a9999".parse().unwrap()]);
    let root = Root { selection: Some(selection), ..graph.roots[0].clone() };
    let found = quickly("looking for leaves", || leaves(&graph, &root));
    assert_eq!((found.len(), found[0].carried), (1, Carried::Yes), "the one way that was chosen counts");
}

#[test]
fn roots_that_share_a_huge_index_are_refused() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let wide = images.index(&vec![json(&image, ""); 15_000]);
    for number in 0..1_400 {
        images.root(&wide, &format!("registry.example.com/app:{number}"));
    }
    assert!(matches!(quickly("the walk", || walked(&images)), Err(GraphError::Work { .. })));
    images.roots.truncate(100);
    assert!(walked(&images).is_ok());
}

#[test]
fn labels_of_attestations_cost_no_search_each() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let more = format!(
        r#","annotations":{{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"{}"}}"#,
        made_up(7)
    );
    let index = images.index(&vec![json(&image, &more); 10_000]);
    images.root(&index, "registry.example.com/app:1");
    quickly("the walk", || walked(&images).unwrap());
}

/// Names are repeated in every message below them, so a name of megabytes would be gigabytes of messages.
#[test]
fn names_are_shortened() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    let long = "x".repeat(1 << 20);
    let index = images.index(&[child_for(&image, &format!("{long}\\u001b"))]);
    images.root(&index, &format!("registry.example.com/{long}\u{7}:1"));
    let graph = walked(&images).unwrap();
    let path = graph.path_of_manifest(1).concat();
    assert!(path.len() < 1_000, "{}", path.len());
    assert!(!path.chars().any(char::is_control));
}

#[test]
fn artifacts_without_an_image_config_are_walked() {
    let mut images = Images::default();
    let config = images.blob("application/vnd.oci.empty.v1+json", b"{}");
    let chart = images.blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", b"chart");
    let manifest = images.blob(OCI_MANIFEST, manifest_json(OCI_MANIFEST, &config, &[chart]).as_bytes());
    images.root(&manifest, "registry.example.com/chart:1");
    let graph = walked(&images).unwrap();
    assert_eq!(graph.blob_count(), 2);
    assert_eq!(contents::platforms_of(&graph, &graph.roots[0], |_| None).carried, [""; 0]);
}

/// Each attached to the one before: as many steps as links, and a subject before what speaks of it.
#[test]
fn a_long_chain_of_attachments_is_followed_once() {
    let mut images = Images::default();
    let image = images.image("amd64", &[]);
    images.root(&image, "registry.example.com/app:1");
    let mut subject = image.digest;
    let mut chain = Vec::new();
    for number in 0..19_999 {
        let attached = Descriptor::new(OCI_MANIFEST, made_up(number), 5);
        images.root(&attached, &format!("registry.example.com/app:{number}"));
        images.roots.last_mut().unwrap().subject = Some(subject);
        subject = attached.digest;
        chain.push(subject);
    }
    let graph = walked(&images).unwrap();
    let root = graph.roots.iter().find(|root| root.descriptor.digest == image.digest).unwrap();
    let found = quickly("following the chain", || airlift_oci::graph::attached_to(&graph, root));
    assert_eq!(found.iter().map(|root| root.descriptor.digest).collect::<Vec<_>>(), chain);
}

/// `index.json` may claim any subject, so also that an image is attached to what is attached to it.
#[test]
fn subjects_that_lead_in_a_circle_are_followed_once() {
    let mut images = Images::default();
    let attached = ["amd64", "arm64", "s390x"].map(|name| images.image(name, &[]));
    for (number, descriptor) in attached.iter().enumerate() {
        images.root(descriptor, &format!("registry.example.com/app:{number}"));
        images.roots[number].subject = Some(attached[(number + 2) % 3].digest);
    }
    let graph = walked(&images).unwrap();
    let root = graph.roots.iter().find(|root| root.descriptor.digest == attached[0].digest).unwrap();
    let found: Vec<_> = airlift_oci::graph::attached_to(&graph, root)
        .into_iter()
        .map(|root| root.descriptor.digest)
        .collect();
    assert_eq!(found, [attached[1].digest, attached[2].digest, attached[0].digest]);
    // Its own subject.
    images.roots.truncate(1);
    images.roots[0].subject = Some(attached[0].digest);
    let graph = walked(&images).unwrap();
    assert_eq!(airlift_oci::graph::attached_to(&graph, &graph.roots[0]).len(), 1);
}

fn missing(graph: &Graph) -> Vec<Digest> {
    let missing = graph.absent().iter().filter(|entry| entry.carried == Carried::Missing);
    missing.map(|entry| entry.descriptor.digest).collect()
}

/// `io.airlift.absent`: what is left out on purpose is known by its descriptor alone; what was chosen can't
/// be left out.
#[test]
fn manifests_that_are_absent_on_purpose_are_told_from_missing_ones() {
    let (images, [amd64, arm64]) = Images::two_platforms();
    let lacking = |chosen: &[&str], absent: &[Digest]| {
        let mut images = images.clone();
        let root = &mut images.roots[0];
        root.selection = (!chosen.is_empty())
            .then(|| Selection::new(chosen.iter().map(|platform| platform.parse().unwrap())));
        root.absent = absent.to_vec();
        root.absent.sort();
        let graph = walked(&images).unwrap();
        for digest in absent {
            assert!(graph.manifest(digest).is_none() && !graph.carries(digest));
            assert!(graph.find(digest).is_some_and(|entry| entry.raw.is_none() && entry.carried.is_absent()));
        }
        assert!(graph.is_complete());
        missing(&graph)
    };
    assert_eq!(lacking(&["linux/amd64"], &[arm64.digest]), []);
    assert_eq!(lacking(&["linux/amd64"], &[amd64.digest]), [amd64.digest]);
    assert_eq!(lacking(&[], &[arm64.digest]), [arm64.digest]);
    assert_eq!(lacking(&["linux/amd64"], &[amd64.digest, arm64.digest]), [amd64.digest]);

    // Another root that names it and doesn't say that it is absent needs it.
    let mut two = images.clone();
    two.root(&images.roots[0].descriptor, "registry.example.com/app:2");
    for root in &mut two.roots {
        root.selection = Some(Selection::new(["linux/amd64".parse().unwrap()]));
    }
    two.roots[0].absent = vec![arm64.digest];
    let graph = walked(&two).unwrap();
    assert_eq!(missing(&graph).len(), 1);
    // Written and read, it is the same; a root that names none has no such member.
    let written = encode_index(&two.roots).unwrap();
    let text = String::from_utf8(written.clone()).unwrap();
    assert_eq!(text.matches("io.airlift.absent").count(), 1, "{text}");
    assert_eq!(parse_index(&written).unwrap(), two.roots);
}
