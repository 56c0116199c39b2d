//! The rows of the table.

use airlift_oci::{Algorithm, media_type};
use airlift_server::samples::{self, Child, Content, Image, ImageSpec, IndexSpec, Layer, Sample};
use airlift_testkit::http::Endpoint;
use serde_json::{Value, json};

use crate::made::{self, descriptor, descriptor_with, tag_of};

/// Something to carry.
pub(super) struct Kind {
    /// What the table calls it.
    pub(super) name: &'static str,
    pub(super) repository: String,
    pub(super) tag: String,
    /// What stands behind the repository's name: `:1`, `@sha256:…`.
    pub(super) reference: String,
    /// More arguments of the build.
    pub(super) options: Vec<&'static str>,
    samples: Vec<Sample>,
    /// Manifests that must be at the target, by tag or digest.
    pub(super) arrives: Vec<(String, Content)>,
    /// Blobs that must be there.
    pub(super) blobs: Vec<Content>,
    /// What is at the target beforehand.
    beforehand: Option<Sample>,
}

impl Kind {
    /// All of a sample, under its tag.
    fn of(name: &'static str, sample: Sample) -> Self {
        let mut arrives: Vec<(String, Content)> =
            sample.manifests.iter().map(|content| (content.digest.to_string(), content.clone())).collect();
        arrives.push((sample.tag.clone(), sample.root.clone()));
        Kind {
            name,
            repository: sample.repository.clone(),
            tag: sample.tag.clone(),
            reference: format!(":{}", sample.tag),
            options: Vec::new(),
            blobs: sample.blobs.clone(),
            samples: vec![sample],
            arrives,
            beforehand: None,
        }
    }

    /// linux/amd64 of an image of two platforms.
    fn partial(name: &'static str, repository: &str) -> Self {
        let sample = made::two_platforms(repository, 20);
        let (chosen, index) = (sample.manifests[0].clone(), sample.root.clone());
        let blobs = sample.blobs[..2].to_vec();
        let arrives = vec![(chosen.digest.to_string(), chosen), ("1".to_owned(), index)];
        Kind { options: vec!["--platform", "linux/amd64"], arrives, blobs, ..Kind::of(name, sample) }
    }

    /// The same with something that comes along.
    fn with(mut self, image: Image, tag: Option<String>) -> Self {
        let manifest = image.manifest.clone();
        self.arrives.push((manifest.digest.to_string(), manifest.clone()));
        self.arrives.extend(tag.clone().map(|tag| (tag, manifest.clone())));
        let tag = tag.unwrap_or_else(|| format!("kept-{}", manifest.digest.short()));
        self.blobs.extend(image.blobs.iter().cloned());
        self.samples.push(Sample::of_image(&self.repository, &tag, image));
        self
    }

    /// Puts into the target what is there beforehand.
    pub(super) fn prepare(&self, target: &Endpoint) {
        target.push(self.beforehand.as_slice());
    }

    /// Puts it into the source.
    pub(super) fn seed(&self, source: &Endpoint) {
        source.push(&self.samples);
    }
}

/// All rows, each in a repository of its own.
pub(super) fn kinds() -> Vec<Kind> {
    let carried = samples::all();
    let renamed = |position: usize, repository: &str| Sample {
        repository: repository.to_owned(),
        ..carried[position].clone()
    };
    let mut kinds = vec![
        Kind::of("image index, attestations", renamed(0, "matrix/full")),
        Kind::partial("partial index (`--platform`)", "matrix/partial"),
        completed(),
        Kind::of("index within an index", renamed(2, "matrix/nested")),
        Kind::of("Docker manifest list", renamed(1, "matrix/docker")),
        Kind::of("single manifest", renamed(3, "matrix/single")),
        by_digest(),
        Kind::of("artifact, empty config", renamed(4, "matrix/artifact")),
        helm(),
        layers("unknown layer types", "matrix/unknown", "application/vnd.example.thing.v3+whatever"),
        layers("zstd layers", "matrix/zstd", "application/vnd.oci.image.layer.v1.tar+zstd"),
    ];
    kinds.extend([referrers(), cosign(), foreign(), sha512_blobs(), sha512()]);
    kinds
}

fn completed() -> Kind {
    let partial = Kind::partial("partial index, the rest is there", "matrix/completed");
    let whole = Sample { tag: "before".to_owned(), ..partial.samples[0].clone() };
    Kind { beforehand: Some(whole), ..partial }
}

fn by_digest() -> Kind {
    let kind = Kind::of("digest without a tag", made::two_platforms("matrix/digest", 30));
    let root = kind.samples[0].root.clone();
    let tag = format!("airlift-{}", root.digest.short());
    let mut arrives = kind.arrives.clone();
    arrives.pop();
    arrives.push((tag.clone(), root.clone()));
    Kind { reference: format!("@{}", root.digest), tag, arrives, ..kind }
}

fn helm() -> Kind {
    let config =
        made::blob("application/vnd.cncf.helm.config.v1+json", r#"{"name":"app","version":"0.1.0"}"#);
    let chart = made::blob("application/vnd.cncf.helm.chart.content.v1.tar+gzip", "a chart");
    Kind::of("Helm chart", image_of("matrix/helm", config, vec![(chart, json!({}))]))
}

fn image_of(repository: &str, config: Content, layers: Vec<(Content, Value)>) -> Sample {
    let described: Vec<Value> = layers.iter().map(|(layer, more)| descriptor_with(layer, more)).collect();
    let manifest = made::document(&json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(&config), "layers": described,
    }));
    let blobs = std::iter::once(config).chain(layers.into_iter().map(|(layer, _)| layer)).collect();
    Sample::of_image(repository, "1", Image { manifest, blobs, platform: "linux/amd64".to_owned() })
}

fn layers(name: &'static str, repository: &str, media_type: &str) -> Kind {
    let layer = |text: &str| Layer::Raw {
        media_type: media_type.to_owned(),
        bytes: format!("{text} of {media_type}").into(),
        annotations: Vec::new(),
    };
    let image =
        samples::image(&ImageSpec { layers: vec![layer("one"), layer("two")], ..ImageSpec::default() });
    Kind::of(name, Sample::of_image(repository, "1", image))
}

fn referrers() -> Kind {
    let kind = Kind::of("image with referrers", made::two_platforms("matrix/referrers", 40));
    let sbom = made::referrer(&kind.samples[0].root, "application/spdx+json", "an sbom");
    let signature = made::referrer(&sbom.manifest, "application/vnd.example.signature", "a signature of it");
    kind.with(sbom, None).with(signature, None)
}

fn cosign() -> Kind {
    let kind = Kind::of("image with cosign's tags", made::two_platforms("matrix/cosign", 50));
    let tag = tag_of(&kind.samples[0].root.digest, ".sig");
    kind.with(made::signature("a signature"), Some(tag))
}

fn foreign() -> Kind {
    let image = made::image("linux/amd64", 60);
    let layer = image.blobs[1].clone();
    let urls = json!({"urls": ["https://example.com/layer"]});
    Kind::of("layer with `urls`", image_of("matrix/foreign", image.blobs[0].clone(), vec![(layer, urls)]))
}

fn sha512_blobs() -> Kind {
    let config = made::image("linux/amd64", 70).blobs[0].clone();
    let layer =
        Content::new(Algorithm::Sha512, "application/vnd.oci.image.layer.v1.tar", "a layer by sha512");
    Kind::of("sha512 layer", image_of("matrix/sha512-layer", config, vec![(layer, json!({}))]))
}

fn sha512() -> Kind {
    let spec = ImageSpec {
        layers: vec![Layer::Files { seed: 80, size: 512 }],
        algorithm: Algorithm::Sha512,
        ..ImageSpec::default()
    };
    let images = vec![samples::image(&spec)];
    let children = images.iter().map(Child::from).collect();
    let root =
        samples::index(&IndexSpec { children, algorithm: Some(Algorithm::Sha512), ..IndexSpec::default() });
    let digest = root.digest;
    let sample = Sample::of_index("matrix/sha512", "1", root, Vec::new(), images);
    Kind { reference: format!(":1@{digest}"), ..Kind::of("sha512 throughout", sample) }
}
