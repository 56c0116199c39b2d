//! One volume by itself: all that can be said of it without the others.

use std::io;
use std::path::Path;
use std::sync::Arc;

use airlift_disk::files::open_for_reading;
use airlift_oci::Digest;

use crate::OpenError;
use crate::content::section::Section;
use crate::findings::{Finding, Rule};
use crate::volumes::open::read_manifest;
use crate::volumes::{Volume, VolumeSet};

/// A volume, to be held against the manifest.
#[derive(Debug)]
pub struct One {
    /// What the manifest says of all volumes; `None` where it is damaged.
    pub set: Option<VolumeSet>,
    /// What it says of this one; `None` where it doesn't know it.
    pub volume: Option<Volume>,
    /// The file's bytes; `None` where it isn't there.
    pub content: Option<Section>,
    /// What is wrong before any content was read.
    pub findings: Vec<Finding>,
}

/// Opens the volume called `name` beside its manifest.
///
/// # Errors
/// If the manifest, or the volume if it is there, can't be read.
pub fn open_one(manifest: &Path, name: &str) -> Result<One, OpenError> {
    let set = match read_manifest(manifest)? {
        Ok(set) => set,
        Err(finding) => return Ok(One { set: None, volume: None, content: None, findings: vec![finding] }),
    };
    let mut one = One { volume: set.volume(name).cloned(), set: None, content: None, findings: Vec::new() };
    let path = manifest.with_file_name(name);
    let read = |source| OpenError::Read { path: path.clone(), source };
    match open_for_reading(&path) {
        Ok(file) => {
            let size = file.metadata().map_err(read)?.len();
            one.content = Some(Section::new(Arc::new(file), 0, size));
            one.findings.extend(wrong_size(&one, &set, size));
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound && one.volume.is_some() => {
            let place = one.volume.as_ref().map(|volume| set.place(volume)).unwrap_or_default();
            one.findings.push(Finding::new(Rule::VolumeMissing, format!("{name} is missing: {place}")));
        }
        Err(error) => return Err(read(error)),
    }
    if one.volume.is_none() {
        let known = set.volumes.last().map(|last| last.name.as_str()).unwrap_or_default();
        let message = format!("{name} is no volume of this set, whose last one is {known}");
        one.findings.push(Finding::new(Rule::VolumeMissing, message));
    }
    one.set = Some(set);
    Ok(one)
}

fn wrong_size(one: &One, set: &VolumeSet, size: u64) -> Option<Finding> {
    let volume = one.volume.as_ref().filter(|volume| volume.size != size)?;
    let message = format!("{} has {size} bytes, but {} has {}", volume.name, set.place(volume), volume.size);
    Some(Finding::new(Rule::VolumeSize, message))
}

/// What is wrong with a volume whose content has the digest `found`; `None` if nothing is.
pub fn altered(set: &VolumeSet, volume: &Volume, found: &Digest) -> Option<Finding> {
    if *found == volume.sha256.0 {
        return None;
    }
    let (name, place) = (&volume.name, set.place(volume));
    Some(match set.volume_with(found) {
        Some(other) => {
            let message = format!("{name} holds volume {}: it should hold {place}", other.number);
            Finding::new(Rule::VolumeSwapped, message)
        }
        None => {
            let message = format!(
                "{name} ({place}) was altered, or is of another set: its digest is {found}, not {}",
                volume.sha256.0
            );
            Finding::new(Rule::VolumeDigest, message)
        }
    })
}
