//! What both registries hold in the end: manifests byte for byte, blobs by digest.

use airlift_oci::{Digest, Reference, Repository, Selector};
use airlift_packager::Packing;
use airlift_registry::{Access, HeadTrust};
use airlift_server::Server;
use airlift_server::samples::Sample;

use super::transfer::Transfer;
use crate::failure::Failure;
use crate::output::Compared;
use crate::ui::kinds;
use crate::usage_error::UsageError;

/// Compares all samples at both ends.
pub(crate) async fn images(
    transfer: &Transfer,
    packing: &Packing,
    samples: &[Sample],
) -> Result<Vec<Compared>, Failure> {
    let mut images = Vec::with_capacity(samples.len());
    for sample in samples {
        images.push(image(transfer, packing, sample).await?);
    }
    Ok(images)
}

async fn image(transfer: &Transfer, packing: &Packing, sample: &Sample) -> Result<Compared, Failure> {
    let (here, there) = (reference(transfer.source(), sample)?, reference(transfer.target(), sample)?);
    let planned = packing.images().iter().find(|image| image.reference == here.to_string());
    let both = BothRegistries { transfer, source: here.repository(), target: there.repository() };
    let (source, target) = both.manifest(&here.selector()).await?;
    let mut same = source.is_some() && source == target;
    for manifest in &sample.manifests {
        let (source, target) = both.manifest(&Selector::Digest(manifest.digest)).await?;
        // The sample itself is the third witness.
        same &= source == target && source.is_some_and(|bytes| bytes == manifest.bytes);
    }
    for blob in &sample.blobs {
        same &= both.blob(&blob.digest, blob.bytes.len() as u64).await?;
    }
    let algorithm = sample.root.digest.algorithm();
    let is_artifact = packing
        .plan()
        .graph()
        .manifest(&sample.root.digest)
        .is_some_and(|entry| entry.raw.as_ref().is_some_and(|raw| raw.artifact_type().is_some()));
    Ok(Compared {
        image: format!("{}:{}", sample.repository, sample.tag),
        kind: if is_artifact { "artifact".to_owned() } else { kinds::of_media_type(&sample.root.media_type) },
        platforms: planned.map(|image| image.platforms.clone()).unwrap_or_default(),
        source: source.map_or(sample.root.digest, |bytes| Digest::of(algorithm, &bytes)),
        target: target.map(|bytes| Digest::of(algorithm, &bytes)),
        manifests: sample.manifests.len(),
        blobs: sample.blobs.len(),
        same,
    })
}

fn reference(server: &Server, sample: &Sample) -> Result<Reference, Failure> {
    let text = format!("{}/{}:{}", server.address(), sample.repository, sample.tag);
    Ok(text.parse().map_err(UsageError::reference)?)
}

/// The two places of an image.
struct BothRegistries<'a> {
    transfer: &'a Transfer,
    source: &'a Repository,
    target: &'a Repository,
}

type ManifestBytes = Option<Vec<u8>>;

impl BothRegistries<'_> {
    /// A manifest's bytes at the source and at the target.
    async fn manifest(&self, selector: &Selector) -> Result<(ManifestBytes, ManifestBytes), Failure> {
        Ok((self.get(self.source, selector).await?, self.get(self.target, selector).await?))
    }

    async fn get(&self, repository: &Repository, selector: &Selector) -> Result<ManifestBytes, Failure> {
        let answer = self.transfer.transport().get_manifest(repository, selector, Access::Pull).await;
        let fetched = answer.map_err(|source| {
            let what = Reference::to_string(&at(repository, selector));
            Failure::ReadBack { what, source }
        })?;
        Ok(fetched.map(|manifest| manifest.bytes.to_vec()))
    }

    /// Whether a blob is at both ends, with that size.
    async fn blob(&self, digest: &Digest, size: u64) -> Result<bool, Failure> {
        for repository in [self.source, self.target] {
            let (transport, blob) = (self.transfer.transport(), (*digest, size));
            let found = transport.look_up_blob(repository, blob, Access::Pull, HeadTrust::IfFound).await;
            let found = found
                .map_err(|source| Failure::ReadBack { what: format!("{repository}@{digest}"), source })?;
            if found.there().is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }
}

fn at(repository: &Repository, selector: &Selector) -> Reference {
    match selector {
        Selector::Tag(tag) => Reference::tagged(repository.clone(), tag.clone()),
        Selector::Digest(digest) => Reference::pinned(repository.clone(), *digest),
    }
}
