//! Images of which only some platforms are carried, and registries that want all of an index's children.
//!
//! Most registries refuse an index unless each manifest that it names is there, and say so only when the
//! index comes, after the layers were sent. So before anything moves, a made-up index, never the real one,
//! shows whether this registry takes an index with absent children.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;

use airlift_oci::{Digest, Event, Observer, Platform, Remedy, Repository, Selector, media_type};
use airlift_registry::{Error, Transport};

use crate::plan::omitted::OmittedChild;

/// A registry that wants all children of an index, and the images that don't have them all.
#[derive(Debug)]
pub struct SparseRefusal {
    /// The registry.
    pub registry: String,
    /// The images, with what is left out of each.
    pub images: Vec<(String, Digest, Vec<OmittedChild>)>,
    /// Whether the registry is known to refuse.
    pub certainty: Certainty,
    /// What it answered.
    pub answer: Error,
}

/// What is known of a registry that didn't take the made-up index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Certainty {
    /// It refuses indexes with absent children.
    Refuses,
    /// Its answer doesn't show that.
    Inconclusive,
}

impl std::error::Error for SparseRefusal {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.answer)
    }
}

impl fmt::Display for SparseRefusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let registry = &self.registry;
        match self.certainty {
            Certainty::Inconclusive => write!(
                f,
                "whether registry {registry} takes an index with absent children could not be found out, and some are left out"
            )?,
            Certainty::Refuses => {
                write!(f, "registry {registry} requires every child of an index, and some are left out")?;
            }
        }
        for (position, (image, digest, omitted)) in self.images.iter().enumerate() {
            let names: Vec<String> =
                omitted.iter().map(|child| format!("{} ({}…)", child.label, child.digest.short())).collect();
            let separator = if position == 0 { "" } else { ";" };
            write!(f, "{separator} of {image} (index {digest}): {}", names.join(", "))?;
        }
        f.write_str("; nothing was uploaded")
    }
}

/// Whether a registry takes an index some of whose children are absent.
#[derive(Debug)]
pub(crate) enum ProbeOutcome {
    /// It takes it.
    Accepts,
    /// It refuses it; this is its answer.
    Refuses(Error),
    /// That could not be found out; this is why.
    Inconclusive(Error),
}

/// Finds out by a made-up index in a repository that an image will need. The index is deleted again, if the
/// registry allows that.
pub(crate) async fn probe(
    transport: &Transport,
    repository: &Repository,
    omitted: &[OmittedChild],
    observer: &Arc<dyn Observer>,
) -> ProbeOutcome {
    observer.notice(Event::Resolving { reference: format!("{repository} (does it take sparse indexes?)") });
    let refusal = match try_index(transport, repository, &made_up_index(omitted), observer).await {
        Ok(()) => return ProbeOutcome::Accepts,
        Err(error) => error,
    };
    if refusal.refusal().is_some_and(|answer| answer.has("MANIFEST_BLOB_UNKNOWN")) {
        return ProbeOutcome::Refuses(refusal);
    }
    if !matches!(refusal, Error::Refused(_) | Error::NotFound(_)) {
        return ProbeOutcome::Inconclusive(refusal);
    }
    // The reason may be the children, indexes as such, or this client: an index without children shows which.
    match try_index(transport, repository, &made_up_index(&[]), observer).await {
        Ok(()) => ProbeOutcome::Refuses(refusal),
        Err(_) => ProbeOutcome::Inconclusive(refusal),
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
        observer.notice(Event::Warning { message, remedy: Some(Remedy::SkipProbe) });
    }
    Ok(())
}

/// An index of children that exist nowhere, for the platforms that would be missing: some registries want
/// only certain platforms.
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
