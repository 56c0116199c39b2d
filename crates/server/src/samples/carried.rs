//! The samples that the demo carries from one registry to the other.

use bytes::Bytes;

use super::image::{Child, Flavour, Image, ImageSpec, IndexSpec, Layer, image, index};
use super::json::Layout;
use super::sample::Sample;

/// What the demo carries: less than a mebibyte in all.
///
/// 1. `team/web:1.27`: an index of two platforms that share a layer, written as no serialiser would, with
///    BuildKit's attestations;
/// 2. `library/legacy:2`: Docker's manifest list and manifests;
/// 3. `team/nested:1`: an index within an index;
/// 4. `team/single:1`: one manifest, no index;
/// 5. `charts/app:0.1.0`: an artifact with the empty config, inline.
pub fn all() -> Vec<Sample> {
    vec![web(), legacy(), nested(), single(), chart()]
}

fn files(seed: u64, kibibytes: usize) -> Layer {
    Layer::Files { seed, size: kibibytes << 10 }
}

fn plain(platform: &str, layers: Vec<Layer>) -> Image {
    image(&ImageSpec { platform: platform.to_owned(), layers, ..ImageSpec::default() })
}

fn web() -> Sample {
    let base = files(1, 128);
    let odd = |platform: &str, layer| {
        let layers = vec![base.clone(), layer];
        image(&ImageSpec {
            platform: platform.to_owned(),
            layers,
            layout: Layout::Odd,
            ..ImageSpec::default()
        })
    };
    let images = [odd("linux/amd64", files(2, 96)), odd("linux/arm64", files(3, 80))];
    let attestations = images.each_ref().map(attestation);
    let mut children: Vec<Child> = images.iter().map(Child::from).collect();
    children.extend(images.iter().zip(&attestations).map(|(subject, attestation)| Child {
        annotations: vec![
            ("vnd.docker.reference.type".to_owned(), "attestation-manifest".to_owned()),
            ("vnd.docker.reference.digest".to_owned(), subject.manifest.digest.to_string()),
        ],
        ..Child::from(attestation)
    }));
    let root = index(&IndexSpec {
        children,
        layout: Layout::Odd,
        annotations: vec![("org.opencontainers.image.version".to_owned(), "1.27".to_owned())],
        unknown: vec![("x-note".to_owned(), "no specification knows this member".to_owned())],
        ..IndexSpec::default()
    });
    let images = images.into_iter().chain(attestations).collect();
    Sample::of_index("team/web", "1.27", root, Vec::new(), images)
        .about("OCI index, two platforms, attestations, odd white space")
}

/// What BuildKit puts beside an image: a manifest for no platform, with an in-toto statement as its layer.
fn attestation(subject: &Image) -> Image {
    let statement = format!(
        concat!(
            r#"{{"_type":"https://in-toto.io/Statement/v0.1","predicateType":"{}","#,
            r#""subject":[{{"name":"pkg:docker/team/web@1.27","digest":{{"sha256":"{}"}}}}],"#,
            r#""predicate":{{"builder":{{"id":""}},"buildType":"https://mobyproject.org/buildkit@v1"}}}}"#
        ),
        PROVENANCE,
        subject.manifest.digest.hex()
    );
    let layer = Layer::Raw {
        media_type: "application/vnd.in-toto+json".to_owned(),
        bytes: Bytes::from(statement),
        annotations: vec![("in-toto.io/predicate-type".to_owned(), PROVENANCE.to_owned())],
    };
    plain("unknown/unknown", vec![layer])
}

const PROVENANCE: &str = "https://slsa.dev/provenance/v0.2";

fn legacy() -> Sample {
    let docker = |platform: &str, layers| {
        let platform = platform.to_owned();
        image(&ImageSpec { platform, layers, flavour: Flavour::Docker, ..ImageSpec::default() })
    };
    let images = vec![
        docker("linux/amd64", vec![files(4, 64)]),
        docker("linux/arm/v7", vec![files(5, 48), files(6, 8)]),
    ];
    let children = images.iter().map(Child::from).collect();
    let root = index(&IndexSpec { children, flavour: Flavour::Docker, ..IndexSpec::default() });
    Sample::of_index("library/legacy", "2", root, Vec::new(), images)
        .about("Docker manifest list, two platforms")
}

fn nested() -> Sample {
    let images = vec![
        plain("linux/amd64", vec![files(7, 32)]),
        plain("linux/arm64", vec![files(8, 32)]),
        plain("linux/s390x", vec![files(9, 32)]),
    ];
    let children = images[..2].iter().map(Child::from).collect();
    let inner = index(&IndexSpec { children, ..IndexSpec::default() });
    let children = vec![Child::from(&inner), Child::from(&images[2])];
    let root = index(&IndexSpec { children, ..IndexSpec::default() });
    Sample::of_index("team/nested", "1", root, vec![inner], images).about("OCI index within an index")
}

fn single() -> Sample {
    let image = plain("linux/amd64", vec![files(1, 128), files(10, 24)]);
    Sample::of_image("team/single", "1", image).about("one OCI manifest, no index")
}

fn chart() -> Sample {
    let layer = Layer::Raw {
        media_type: "application/vnd.cncf.helm.chart.content.v1.tar+gzip".to_owned(),
        bytes: Bytes::from(super::archive::gzip(&super::archive::tar(11, 4 << 10))),
        annotations: Vec::new(),
    };
    let artifact = image(&ImageSpec {
        layers: vec![layer],
        artifact_type: Some("application/vnd.airlift.sample.chart.v1".to_owned()),
        annotations: vec![("org.opencontainers.image.title".to_owned(), "app".to_owned())],
        ..ImageSpec::default()
    });
    Sample::of_image("charts/app", "0.1.0", artifact).about("artifact with the empty config")
}
