//! The plan of a push as a whole.

use airlift_oci::graph::Attachments;
use airlift_oci::{Digest, Graph, Reference, Root, contents};

use crate::options::{Options, Partial};
use crate::plan::attachments::plan_attached;
use crate::plan::destination::Destination;
use crate::plan::error::PlanError;
use crate::plan::manifest_tree::{ContentsFinder, ManifestTree};
use crate::plan::omitted::omitted_of;
use crate::plan::planned_image::{PlannedImage, WithoutIndex};
use crate::plan::platform_manifests::without_index;
use crate::plan::target_names::names_at_target;
use crate::source::ContentSource;

/// What goes where.
#[derive(Clone, Debug)]
pub struct PushPlan {
    pub(crate) destination: Destination,
    pub(crate) images: Vec<PlannedImage>,
}

impl PushPlan {
    /// Plans a push of `source`.
    ///
    /// # Errors
    /// If an image has no possible name at the target, two images get the same name, or a pattern or rule
    /// fits no image.
    pub fn new(
        source: &dyn ContentSource,
        destination: &Destination,
        options: &Options,
    ) -> Result<Self, PlanError> {
        let graph = source.graph();
        let attachments = Attachments::new(graph);
        let named = names_at_target(&attachments.images(), &graph.roots, destination, options)?;
        let mut planner =
            Planner { source, options, attachments: &attachments, contents: ContentsFinder::new(graph) };
        let images = named.into_iter().map(|named| planner.image(named.root, named.target)).collect();
        Ok(PushPlan { destination: destination.clone(), images })
    }

    /// The images, in the bundle's order.
    pub fn images(&self) -> &[PlannedImage] {
        &self.images
    }

    /// The target.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }
}

/// Plans one image after the other.
struct Planner<'a> {
    source: &'a dyn ContentSource,
    options: &'a Options,
    attachments: &'a Attachments<'a>,
    contents: ContentsFinder<'a>,
}

impl Planner<'_> {
    fn image(&mut self, root: &Root, target: Reference) -> PlannedImage {
        let (graph, digest) = (self.source.graph(), root.descriptor.digest);
        let platforms = self.source.platforms(root);
        let omitted = omitted_of(graph, root);
        let tree = ManifestTree {
            digest,
            repository: target.repository().clone(),
            selector: target.selector(),
            name: root.reference.clone().unwrap_or_else(|| root.name()),
            contents: self.contents.of(&digest),
        };
        let may_lose_its_index = self.options.partial == Partial::Children && !omitted.is_empty();
        let attached = self.attachments.to(root);
        PlannedImage {
            source: tree.name.clone(),
            digest,
            media_type: root.descriptor.media_type.clone(),
            platforms: platforms.carried,
            omitted_platforms: platforms.omitted,
            size: contents::size_of(graph, root),
            omitted,
            attached: plan_attached(graph, root, attached, target.repository(), &mut self.contents),
            subject: subject_of(graph, digest),
            without_index: match may_lose_its_index {
                true => without_index(self.source, root, (&target, &tree.name), &mut self.contents),
                false => WithoutIndex::default(),
            },
            target,
            tree,
        }
    }
}

/// The subject of an image that goes by itself.
fn subject_of(graph: &Graph, digest: Digest) -> Option<Digest> {
    let raw = graph.manifest(&digest)?.raw.as_ref()?;
    raw.subject().map(|subject| subject.digest)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use airlift_oci::media_type::{OCI_CONFIG, OCI_INDEX, OCI_MANIFEST};
    use airlift_oci::{Descriptor, GraphBuilder, Limits, RawManifest, Selection};

    use super::*;
    use crate::plan::manifest_tree::PlannedManifest;
    use crate::plan::planned_image::ImageForm;
    use crate::source::made::MadeSource;

    fn blob(media_type: &str, content: &str) -> Descriptor {
        Descriptor::new(media_type, Digest::sha256(content.as_bytes()), content.len() as u64)
    }

    fn named(descriptor: &Descriptor) -> serde_json::Value {
        let Descriptor { media_type, digest, size, .. } = descriptor;
        serde_json::json!({"mediaType": media_type, "digest": digest, "size": size})
    }

    fn manifest(json: serde_json::Value) -> RawManifest {
        let bytes = bytes::Bytes::from(json.to_string());
        let media_type = json["mediaType"].as_str().unwrap();
        let descriptor = Descriptor::new(media_type, Digest::sha256(&bytes), bytes.len() as u64);
        RawManifest::prove(bytes, &descriptor).unwrap()
    }

    fn image(config: &str, layers: &[&str]) -> RawManifest {
        let layers = layers.iter().map(|layer| named(&blob("application/x-layer", layer)));
        let layers: Vec<_> = layers.collect();
        manifest(serde_json::json!({
            "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": named(&blob(OCI_CONFIG, config)), "layers": layers,
        }))
    }

    /// An image for two platforms under two tags, and a signature of its first platform.
    struct TwoPlatforms {
        index: RawManifest,
        amd64: RawManifest,
        arm64: RawManifest,
        signature: RawManifest,
    }

    impl TwoPlatforms {
        fn new() -> Self {
            let (amd64, arm64) = (image("amd64", &["shared", "one"]), image("arm64", &["shared"]));
            let child = |raw: &RawManifest, architecture: &str| {
                let mut child = named(&raw.descriptor());
                child["platform"] = serde_json::json!({"os": "linux", "architecture": architecture});
                child
            };
            let index = manifest(serde_json::json!({
                "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [child(&amd64, "amd64"), child(&arm64, "arm64")],
            }));
            let signature = manifest(serde_json::json!({
                "schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": named(&blob("application/x-signature", "{}")),
                "layers": [], "subject": named(&amd64.descriptor()),
            }));
            TwoPlatforms { index, amd64, arm64, signature }
        }

        fn plan(&self, selection: Option<Selection>, partial: Partial) -> (PushPlan, Graph) {
            let tagged = |tag: &str| Root {
                selection: selection.clone(),
                ..Root::new(self.index.descriptor(), Some(format!("r.example/app:{tag}")))
            };
            let subject = Some(self.amd64.digest());
            let signature = Root { subject, ..Root::new(self.signature.descriptor(), None) };
            let roots = vec![tagged("1"), tagged("latest"), signature];
            let mut builder = GraphBuilder::new(roots, Limits::default()).unwrap();
            while !builder.wanted().is_empty() {
                let all = [&self.index, &self.amd64, &self.arm64, &self.signature];
                let find = |digest: Digest| all.into_iter().find(|raw| raw.digest() == digest).cloned();
                let answers = builder.wanted().iter().map(|entry| find(entry.descriptor.digest)).collect();
                builder.supply(answers).unwrap();
            }
            let source = MadeSource { graph: builder.finish().unwrap() };
            let options = Options { partial, ..Options::default() };
            let plan = PushPlan::new(&source, &"target.example".parse().unwrap(), &options).unwrap();
            (plan, source.graph)
        }
    }

    #[test]
    fn an_image_is_planned_with_its_manifests_blobs_and_attachments() {
        let made = TwoPlatforms::new();
        let (index, amd64, arm64) = (made.index.digest(), made.amd64.digest(), made.arm64.digest());
        let (plan, graph) = made.plan(None, Partial::Index);
        let [first, second] = plan.images() else { panic!("{} images", plan.images().len()) };
        let contents = &first.tree.contents;
        assert!(contents.digests().eq([index, amd64, arm64]));
        let digests_of =
            |step: &Vec<Arc<PlannedManifest>>| step.iter().map(|manifest| manifest.digest).collect();
        let steps: Vec<Vec<Digest>> = contents.upload_steps.iter().map(digests_of).collect();
        assert_eq!(steps, [vec![amd64, arm64], vec![index]]);
        let labels: Vec<String> = contents.blobs().map(|blob| first.tree.label_of(&blob)).collect();
        let expected = ["amd64 config", "amd64 layer 1", "amd64 layer 2", "arm64 config"];
        assert_eq!(labels, expected.map(|place| format!("r.example/app:1 linux/{place}")));
        assert_eq!(contents.bytes(), 5 + 6 + 3 + 5);
        assert!(Arc::ptr_eq(contents, &second.tree.contents));
        let [attached] = &first.attached[..] else { panic!("{:?}", first.attached) };
        assert_eq!(attached.target, format!("target.example/app@{}", made.signature.digest()));
        assert_eq!(first.attached_to(&[arm64], &graph).len(), 0);
        assert_eq!(first.attached_to(&[amd64], &graph).len(), 1);
        assert_eq!(first.other_tagged(ImageForm::Whole).count(), 0);
    }

    #[test]
    fn platforms_of_a_partial_image_get_tags_of_their_own() {
        let made = TwoPlatforms::new();
        let selection = Some(Selection::new(["linux/amd64".parse().unwrap()]));
        let (whole, _) = made.plan(selection.clone(), Partial::Index);
        assert_eq!(whole.images()[0].without_index.platforms.len(), 0);
        let (plan, _) = made.plan(selection, Partial::Children);
        let image = &plan.images()[0];
        assert!(image.tree.contents.digests().eq([made.index.digest(), made.amd64.digest()]));
        assert_eq!(image.omitted.len(), 1);
        let tags: Vec<String> =
            image.other_tagged(ImageForm::WithoutIndex).map(ManifestTree::target).collect();
        assert_eq!(tags, ["target.example/app:1-linux-amd64"]);
    }
}
