//! Images made of text, in memory. Shared with the tests of the crates that carry them.

use std::collections::BTreeMap;

use airlift_oci::layout::Root;
use airlift_oci::media_type::{DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
use airlift_oci::{
    Algorithm, Descriptor, Digest, Graph, GraphBuilder, GraphError, Limits, RawManifest, layout,
};

pub(crate) const LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";

/// Contents by digest, and the roots that lead to them.
#[derive(Clone, Default)]
pub(crate) struct Images {
    pub(crate) contents: BTreeMap<Digest, Vec<u8>>,
    pub(crate) roots: Vec<Root>,
}

/// A descriptor as JSON, with more members behind the three.
pub(crate) fn json(descriptor: &Descriptor, more: &str) -> String {
    let Descriptor { media_type, digest, size, .. } = descriptor;
    format!(r#"{{"mediaType":"{media_type}","digest":"{digest}","size":{size}{more}}}"#)
}

/// An index's child for linux on an architecture.
pub(crate) fn child_for(manifest: &Descriptor, architecture: &str) -> String {
    json(manifest, &format!(r#","platform":{{"os":"linux","architecture":"{architecture}"}}"#))
}

/// An index's child that is buildkit's attestation of another child.
pub(crate) fn attestation_child(attestation: &Descriptor, image: &Descriptor) -> String {
    let more = format!(
        r#","annotations":{{"vnd.docker.reference.type":"attestation-manifest","vnd.docker.reference.digest":"{}"}},"platform":{{"os":"unknown","architecture":"unknown"}}"#,
        image.digest
    );
    json(attestation, &more)
}

/// The digest of content that is nowhere.
pub(crate) fn made_up(number: u64) -> Digest {
    Digest::sha256(&number.to_le_bytes())
}

/// An image manifest's text, with a line break that no tool may lose.
pub(crate) fn manifest_json(media_type: &str, config: &Descriptor, layers: &[Descriptor]) -> String {
    let layers: Vec<_> = layers.iter().map(|layer| json(layer, "")).collect();
    format!(
        "{{\n  \"schemaVersion\": 2, \"mediaType\": \"{media_type}\",\n  \"config\": {},\n  \"layers\": [{}]\n}}\n",
        json(config, ""),
        layers.join(", ")
    )
}

/// An index's text.
pub(crate) fn index_json(children: &[String]) -> String {
    format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[ {} ]}}"#, children.join(" ,"))
}

impl Images {
    /// Files content under a digest.
    pub(crate) fn keep(&mut self, algorithm: Algorithm, media_type: &str, content: &[u8]) -> Descriptor {
        let digest = Digest::of(algorithm, content);
        self.contents.insert(digest, content.to_vec());
        Descriptor::new(media_type, digest, content.len() as u64)
    }

    pub(crate) fn blob(&mut self, media_type: &str, content: &[u8]) -> Descriptor {
        self.keep(Algorithm::Sha256, media_type, content)
    }

    /// A manifest for a config that says no more than its platform.
    pub(crate) fn image(&mut self, architecture: &str, layers: &[Descriptor]) -> Descriptor {
        let config = format!(r#"{{"architecture":"{architecture}","os":"linux"}}"#);
        let config = self.blob(OCI_CONFIG, config.as_bytes());
        self.blob(OCI_MANIFEST, manifest_json(OCI_MANIFEST, &config, layers).as_bytes())
    }

    pub(crate) fn index(&mut self, children: &[String]) -> Descriptor {
        self.blob(OCI_INDEX, index_json(children).as_bytes())
    }

    pub(crate) fn root(&mut self, descriptor: &Descriptor, reference: &str) {
        self.roots.push(Root::new(descriptor.clone(), Some(reference.to_owned())));
    }

    /// An image for amd64 and arm64 without layers; with its two manifests.
    pub(crate) fn two_platforms() -> (Self, [Descriptor; 2]) {
        let mut images = Images::default();
        let manifests = ["amd64", "arm64"].map(|name| images.image(name, &[]));
        let index = images.index(&[child_for(&manifests[0], "amd64"), child_for(&manifests[1], "arm64")]);
        images.root(&index, "registry.example.com/app:1");
        (images, manifests)
    }

    /// Two images that share a layer: a two-platform index with an attestation, and a Docker manifest with an
    /// empty layer and one that goes by a sha512 digest.
    pub(crate) fn sample() -> Self {
        let mut images = Images::default();
        let shared = images.blob(LAYER, b"a layer that both images have");
        let own = images.blob(LAYER, &[7; 700]);
        let amd64 = images.image("amd64", &[shared.clone(), own]);
        let arm64 = images.image("arm64", std::slice::from_ref(&shared));
        let statement = images.blob("application/vnd.in-toto+json", br#"{"predicateType":"x"}"#);
        let attestation = images.image("unknown", &[statement]);
        let children =
            [child_for(&amd64, "amd64"), child_for(&arm64, "arm64"), attestation_child(&attestation, &amd64)];
        let index = images.index(&children);
        let empty = images.blob(LAYER, b"");
        let wide = images.keep(Algorithm::Sha512, LAYER, b"filed under sha512");
        let config = images.blob(DOCKER_CONFIG, br#"{"architecture":"amd64","os":"linux","x":1}"#);
        let text = manifest_json(DOCKER_MANIFEST, &config, &[shared, empty, wide]);
        let docker = images.blob(DOCKER_MANIFEST, text.as_bytes());
        images.root(&index, "registry.example.com/app:1");
        images.root(&docker, "docker.io/library/tool:2");
        images
    }

    /// Walks the graph; what isn't there counts as not to be had.
    pub(crate) fn try_graph(&self, limits: Limits) -> Result<Graph, GraphError> {
        let mut roots = self.roots.clone();
        layout::canonical_order(&mut roots);
        let mut builder = GraphBuilder::new(roots, limits)?;
        while !builder.wanted().is_empty() {
            let answer = |descriptor: Descriptor| {
                let bytes = self.contents.get(&descriptor.digest)?.clone();
                Some(RawManifest::prove(bytes.into(), &descriptor).unwrap())
            };
            let answers =
                builder.wanted().iter().map(|wanted| answer(builder.descriptor_of(wanted))).collect();
            builder.supply(answers)?;
        }
        builder.finish()
    }

    /// What `index.json` says, as another tool would write it: bare tags.
    pub(crate) fn foreign_index(&self) -> String {
        let children: Vec<_> = self
            .roots
            .iter()
            .map(|root| {
                let name = root.reference.as_deref().unwrap_or_default();
                let more = format!(r#","annotations":{{"org.opencontainers.image.ref.name":"{name}"}}"#);
                json(&root.descriptor, &more)
            })
            .collect();
        format!(r#"{{"schemaVersion":2,"manifests":[{}]}}"#, children.join(","))
    }
}

/// Numbers that look random and are the same each time.
pub(crate) struct Dice(pub(crate) u64);

impl Dice {
    pub(crate) fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit.max(1) as u64) as usize
    }
}
