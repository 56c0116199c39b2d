//! A single volume, checked without the others.

use std::io;
use std::path::Path;
use std::sync::Arc;

use airlift_disk::{Links, open_regular};
use airlift_oci::Digest;

use crate::content::section::Section;
use crate::error::OpenError;
use crate::findings::{Finding, Rule};
use crate::volumes::read::read_manifest;
use crate::volumes::set::{Volume, VolumeSet};

/// A volume that can be compared with the manifest.
#[derive(Debug)]
pub struct OpenedVolume {
    /// What the manifest says of all volumes; `None` if it is damaged.
    pub set: Option<VolumeSet>,
    /// What it says of this one; `None` if it doesn't list it.
    pub volume: Option<Volume>,
    /// The file's bytes; `None` if it isn't there.
    pub content: Option<Section>,
    /// What is wrong before any content is read.
    pub findings: Vec<Finding>,
}

/// Opens the volume called `name` beside its manifest.
///
/// # Errors
/// If the manifest, or the volume if it is there, can't be read.
pub fn open_volume(manifest: &Path, name: &str) -> Result<OpenedVolume, OpenError> {
    let set = match read_manifest(manifest)? {
        Ok(set) => set,
        Err(finding) => {
            return Ok(OpenedVolume { set: None, volume: None, content: None, findings: vec![finding] });
        }
    };
    let mut opened =
        OpenedVolume { volume: set.volume(name).cloned(), set: None, content: None, findings: Vec::new() };
    let path = manifest.with_file_name(name);
    let read = |source| OpenError::Read { path: path.clone(), source };
    match open_regular(&path, Links::Follow) {
        Ok(file) => {
            let size = file.metadata().map_err(read)?.len();
            opened.content = Some(Section::new(Arc::new(file), 0, size));
            opened.findings.extend(wrong_size(&opened, &set, size));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && opened.volume.is_some() => {
            let label = opened.volume.as_ref().map(|volume| set.label(volume)).unwrap_or_default();
            opened.findings.push(Finding::new(Rule::VolumeMissing, format!("{name} is missing: {label}")));
        }
        Err(error) => return Err(read(error)),
    }
    if opened.volume.is_none() {
        let known = set.volumes.last().map(|last| last.name.as_str()).unwrap_or_default();
        let message = format!("{name} is no volume of this set, whose last one is {known}");
        opened.findings.push(Finding::new(Rule::VolumeMissing, message));
    }
    opened.set = Some(set);
    Ok(opened)
}

fn wrong_size(opened: &OpenedVolume, set: &VolumeSet, size: u64) -> Option<Finding> {
    let volume = opened.volume.as_ref().filter(|volume| volume.size != size)?;
    let message = format!("{} has {size} bytes, but {} has {}", volume.name, set.label(volume), volume.size);
    Some(Finding::new(Rule::VolumeSize, message))
}

/// What is wrong with a volume whose content has the digest `found`; `None` if nothing is.
pub fn wrong_content(set: &VolumeSet, volume: &Volume, found: &Digest) -> Option<Finding> {
    if *found == volume.sha256.0 {
        return None;
    }
    let (name, label) = (&volume.name, set.label(volume));
    Some(match set.volume_with(found) {
        Some(other) => {
            let message = format!("{name} holds volume {}: it should hold {label}", other.number);
            Finding::new(Rule::VolumeSwapped, message)
        }
        None => {
            let message = format!(
                "{name} ({label}) was altered, or is of another set: its digest is {found}, not {}",
                volume.sha256.0
            );
            Finding::new(Rule::VolumeDigest, message)
        }
    })
}
