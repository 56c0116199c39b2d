//! Images of which only some platforms are carried, and registries that want all of an index's children.
//!
//! Most registries refuse an index unless each manifest that it names is there, and say so only when the
//! index comes, after the layers have gone. So before anything moves: if the omitted children are at the
//! target already, the index is complete there; else a made-up index, never the real one, finds out whether
//! this registry minds.

use std::collections::BTreeSet;
use std::sync::Arc;

use airlift_oci::graph::{Leaf, leaves};
use airlift_oci::{Digest, Event, Graph, Observer, Platform, Remedy, Repository, Root, Selector, media_type};
use airlift_registry::{Error, Settles, Transport};
use futures::{StreamExt, TryStreamExt};

use crate::plan::PlannedImage;
use crate::survey::has_manifest;

/// A child of an index that the bundle doesn't carry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OmittedChild {
    /// The manifest.
    pub digest: Digest,
    /// What people call it: its platform, "attestation of linux/arm64", "manifest 3".
    pub label: String,
    /// What the index says of its platform, the "unknown" of attestations included.
    pub platform: Option<Platform>,
}

/// Which way an image goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Route {
    /// As it is, the index included.
    Whole,
    /// Only the chosen platforms' manifests, each under a tag of its own.
    Children,
}

/// What the bundle leaves out of an image.
pub(crate) fn omitted_of(graph: &Graph, root: &Root) -> Vec<OmittedChild> {
    let left_out = leaves(graph, root).into_iter().filter(|leaf| !graph.carries(&leaf.digest));
    let child = |leaf: Leaf| {
        let entry = graph.find(&leaf.digest);
        let label = match (&leaf.platform, entry) {
            (Some(platform), _) => platform.shown(),
            (None, Some(entry)) => entry.label.clone(),
            (None, None) => format!("{}…", leaf.digest.short()),
        };
        let own = entry.and_then(|entry| entry.descriptor.platform.clone());
        OmittedChild { digest: leaf.digest, label, platform: leaf.platform.or(own) }
    };
    left_out.map(child).collect()
}

/// Whether all omitted children of an image are in the target repository already: then the index is complete
/// there.
pub(crate) async fn are_there(
    transport: &Transport,
    repository: &Repository,
    omitted: &[OmittedChild],
    jobs: usize,
) -> Result<bool, Error> {
    let look = |child: &OmittedChild| has_manifest(transport, repository, child.digest, Settles::Yes);
    let looks: Vec<_> = omitted.iter().map(look).collect();
    let found: Vec<bool> = futures::stream::iter(looks).buffered(jobs).try_collect().await?;
    Ok(found.into_iter().all(|is_there| is_there))
}

/// What a registry makes of an index some of whose children are absent.
#[derive(Debug)]
pub(crate) enum Verdict {
    /// It takes it.
    Accepts,
    /// It refuses it; this is its answer.
    Refuses(Error),
    /// It could not be found out; this is why.
    Inconclusive(Error),
}

/// Finds out by a made-up index, in the repository of the first image that needs it. What the probe leaves
/// behind is deleted, as far as the registry lets us.
pub(crate) async fn probe(
    transport: &Transport,
    image: &PlannedImage,
    omitted: &[OmittedChild],
    observer: &Arc<dyn Observer>,
) -> Verdict {
    let repository = image.target.repository();
    observer.notice(Event::Resolving { reference: format!("{repository} (does it take sparse indexes?)") });
    let refusal = match try_index(transport, repository, &made_up_index(omitted), observer).await {
        Ok(()) => return Verdict::Accepts,
        Err(error) => error,
    };
    if refusal.refusal().is_some_and(|answer| answer.has("MANIFEST_BLOB_UNKNOWN")) {
        return Verdict::Refuses(refusal);
    }
    if !matches!(refusal, Error::Refused(_) | Error::NotFound(_)) {
        return Verdict::Inconclusive(refusal);
    }
    // It may be the children, or indexes as such, or we: an index without children tells.
    match try_index(transport, repository, &made_up_index(&[]), observer).await {
        Ok(()) => Verdict::Refuses(refusal),
        Err(_) => Verdict::Inconclusive(refusal),
    }
}

async fn try_index(
    transport: &Transport,
    repository: &Repository,
    index: &str,
    observer: &Arc<dyn Observer>,
) -> Result<(), Error> {
    let selector = Selector::Digest(Digest::sha256(index.as_bytes()));
    let bytes = index.to_owned().into();
    transport.put_manifest(repository, &selector, media_type::OCI_INDEX, bytes).await?;
    if let Err(error) = transport.delete_manifest(repository, &selector).await {
        let message = format!(
            "the index that was made up to ask {repository} could not be deleted again: {error}; it is untagged and harmless"
        );
        observer.notice(Event::AvoidableWarning { message, remedy: Remedy::SkipProbe });
    }
    Ok(())
}

/// An index that nobody has: children that don't exist, for the platforms that would be missing, because some
/// registries only mind certain platforms.
fn made_up_index(omitted: &[OmittedChild]) -> String {
    let platforms: BTreeSet<Platform> = omitted
        .iter()
        .map(|child| {
            child.platform.clone().unwrap_or_else(|| Platform {
                os: "linux".to_owned(),
                architecture: "amd64".to_owned(),
                ..Platform::default()
            })
        })
        .collect();
    let children: Vec<serde_json::Value> = platforms
        .iter()
        .map(|platform| {
            let digest =
                Digest::sha256(format!("no such manifest: airlift asks about {platform}").as_bytes());
            let mut described = serde_json::json!({"architecture": platform.architecture, "os": platform.os});
            if let Some(variant) = &platform.variant {
                described["variant"] = variant.as_str().into();
            }
            if let Some(version) = &platform.os_version {
                described["os.version"] = version.as_str().into();
            }
            serde_json::json!({
                "mediaType": media_type::OCI_MANIFEST, "digest": digest, "size": 528, "platform": described,
            })
        })
        .collect();
    let note = "made up by airlift to ask whether sparse indexes are accepted; safe to delete";
    let index = serde_json::json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": children,
        "annotations": {"io.airlift.probe": note},
    });
    index.to_string()
}
