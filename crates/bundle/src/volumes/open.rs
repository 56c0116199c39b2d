//! Opens a set in place. It finds volumes that are missing, too short or in another's place before anything
//! large is read.

use std::io;
use std::path::Path;
use std::sync::Arc;

use airlift_disk::{Access, FilePart, FileSequence, Links, identity, open_regular};

use crate::content::storage::Storage;
use crate::error::OpenError;
use crate::findings::{Finding, Rule};
use crate::volumes::read::{read_manifest, start_digest};
use crate::volumes::renamed::renamed_volumes;
use crate::volumes::set::{Volume, VolumeSet};

/// A set of volumes, as far as it can be read.
#[derive(Debug)]
pub struct OpenedSet {
    /// What the manifest says; `None` if it is damaged.
    pub set: Option<VolumeSet>,
    /// The archive's bytes; `None` if some are missing or in another place.
    pub storage: Option<Storage>,
    /// What is wrong with the manifest and with volumes as such.
    pub findings: Vec<Finding>,
}

/// Opens the set whose manifest is at `manifest`. It checks presence, size and start of each volume.
///
/// # Errors
/// If the manifest, or a volume that is there, can't be read.
pub fn open_set(manifest: &Path) -> Result<OpenedSet, OpenError> {
    let set = match read_manifest(manifest)? {
        Ok(set) => set,
        Err(finding) => return Ok(OpenedSet { set: None, storage: None, findings: vec![finding] }),
    };
    let (mut pieces, mut findings, mut readable) = (Vec::with_capacity(set.count()), Vec::new(), true);
    for volume in &set.volumes {
        let path = manifest.with_file_name(&volume.name);
        let read = |source| OpenError::Read { path: path.clone(), source };
        let VolumeFile { identity, finding } = check(&path, volume, &set).map_err(read)?;
        // A volume that only starts otherwise is read: its digest says what is wrong.
        readable &= finding.as_ref().is_none_or(|finding| finding.rule == Rule::VolumeStart);
        findings.extend(finding.map(|finding| (volume, finding)));
        pieces.push(FilePart { path, start: set.offset_of(volume), size: volume.size, identity });
    }
    add_other_names(manifest, &set, &mut findings);
    let findings = findings.into_iter().map(|(_, finding)| finding).collect();
    let storage = readable.then(|| Storage::from(Arc::new(FileSequence::new(pieces, Access::Read))));
    Ok(OpenedSet { set: Some(set), storage, findings })
}

/// Adds to the findings about missing volumes the names under which these are there.
fn add_other_names(manifest: &Path, set: &VolumeSet, findings: &mut [(&Volume, Finding)]) {
    let mut missing =
        findings.iter_mut().filter(|(_, finding)| finding.rule == Rule::VolumeMissing).peekable();
    if missing.peek().is_none() {
        return;
    }
    let renamed = renamed_volumes(manifest, set);
    for (volume, finding) in missing {
        if let Some(name) = renamed.get(&volume.number) {
            let name = airlift_oci::text::harmless(name);
            let hint = format!("; {name} has its size and begins as it does: rename that file");
            finding.message.push_str(&hint);
        }
    }
}

/// What the file of a volume looks like from outside.
struct VolumeFile {
    /// Device and inode; `None` if there is no file.
    identity: Option<(u64, u64)>,
    finding: Option<Finding>,
}

fn check(path: &Path, volume: &Volume, set: &VolumeSet) -> io::Result<VolumeFile> {
    let (name, label) = (&volume.name, set.label(volume));
    let file = match open_regular(path, Links::Follow) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let finding = Finding::new(Rule::VolumeMissing, format!("{name} is missing: {label}"));
            return Ok(VolumeFile { identity: None, finding: Some(finding) });
        }
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    let start = start_digest(&file, metadata.len())?;
    let other = set.volumes.iter().find(|other| other.start.0 == start);
    let finding = if start != volume.start.0
        && let Some(other) = other
    {
        let message = format!("{name} holds volume {}: it should hold {label}", other.number);
        Some(Finding::new(Rule::VolumeSwapped, message))
    } else if metadata.len() != volume.size {
        let (is, should) = (metadata.len(), volume.size);
        let message = format!("{name} has {is} bytes, but {label} has {should}");
        Some(Finding::new(Rule::VolumeSize, message))
    } else if start != volume.start.0 {
        let message = format!("{name} doesn't start as {label} does: it was altered, or is of another set");
        Some(Finding::new(Rule::VolumeStart, message))
    } else {
        None
    };
    Ok(VolumeFile { identity: Some(identity(&metadata)), finding })
}
