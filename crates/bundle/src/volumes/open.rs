//! Opens a set in place: what is missing, too short or in another's place is known before anything large is
//! read.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use airlift_disk::files::{Piece, Pieces, Purpose, identity, open_for_reading};
use airlift_disk::read::read_full_at;
use airlift_oci::Digest;

use crate::OpenError;
use crate::content::storage::Storage;
use crate::findings::{Finding, Rule};
use crate::volumes::manifest::{MAX_SIZE, START};
use crate::volumes::renamed::under_other_names;
use crate::volumes::{Volume, VolumeSet};

/// A set of volumes, as far as it can be read.
#[derive(Debug)]
pub struct Opened {
    /// What the manifest says; `None` where it is damaged.
    pub set: Option<VolumeSet>,
    /// The archive's bytes; `None` where some are missing or in another place.
    pub storage: Option<Storage>,
    /// What is wrong with the manifest or a volume as such.
    pub findings: Vec<Finding>,
}

/// Opens the set whose manifest is at `manifest`. Of each volume the presence, the size and the start are
/// looked at.
///
/// # Errors
/// If the manifest, or a volume that is there, can't be read.
pub fn open(manifest: &Path) -> Result<Opened, OpenError> {
    let set = match read_manifest(manifest)? {
        Ok(set) => set,
        Err(finding) => return Ok(Opened { set: None, storage: None, findings: vec![finding] }),
    };
    let (mut pieces, mut findings, mut unreadable) = (Vec::with_capacity(set.count()), Vec::new(), false);
    for volume in &set.volumes {
        let path = manifest.with_file_name(&volume.name);
        let looked =
            look(&path, volume, &set).map_err(|source| OpenError::Read { path: path.clone(), source });
        let Looked { identity, finding } = looked?;
        if let Some((finding, can_be_read)) = finding {
            unreadable |= !can_be_read;
            findings.push(finding);
        }
        pieces.push(Piece { path, start: set.start_of(volume), size: volume.size, identity });
    }
    if findings.iter().any(|finding| finding.rule == Rule::VolumeMissing) {
        name_renamed(manifest, &set, &mut findings);
    }
    let storage = (!unreadable).then(|| Storage::from(Arc::new(Pieces::new(pieces, Purpose::Read))));
    Ok(Opened { set: Some(set), storage, findings })
}

/// Adds to what is said of missing volumes under which names they are there.
fn name_renamed(manifest: &Path, set: &VolumeSet, findings: &mut [Finding]) {
    let renamed = under_other_names(manifest, set);
    for volume in &set.volumes {
        let missing = format!("{} is missing", volume.name);
        let finding = findings.iter_mut().find(|finding| finding.message.starts_with(&missing));
        if let (Some(name), Some(finding)) = (renamed.get(&volume.number), finding) {
            let name = airlift_oci::text::harmless(name);
            finding
                .message
                .push_str(&format!("; {name} has its size and begins as it does: rename that file"));
        }
    }
}

/// The manifest, or what is wrong with it.
///
/// # Errors
/// If it can't be read.
pub fn read_manifest(path: &Path) -> Result<Result<VolumeSet, Finding>, OpenError> {
    let read = |source| OpenError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = open_for_reading(path).map_err(read)?;
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(read)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let finding = |why: String| Finding::new(Rule::VolumeManifest, format!("{name} is damaged: {why}"));
    if bytes.len() as u64 > MAX_SIZE {
        return Ok(Err(finding(format!("it has more than {MAX_SIZE} bytes"))));
    }
    Ok(VolumeSet::parse(&bytes).map_err(|error| finding(error.to_string())))
}

/// What a look at a volume's beginning and end tells.
struct Looked {
    identity: Option<(u64, u64)>,
    /// With whether it can be read all the same.
    finding: Option<(Finding, bool)>,
}

fn look(path: &Path, volume: &Volume, set: &VolumeSet) -> io::Result<Looked> {
    let (name, place) = (&volume.name, set.place(volume));
    let file = match open_for_reading(path) {
        Ok(file) => file,
        Err(failure) if failure.kind() == io::ErrorKind::NotFound => {
            let finding = Finding::new(Rule::VolumeMissing, format!("{name} is missing: {place}"));
            return Ok(Looked { identity: None, finding: Some((finding, false)) });
        }
        Err(failure) => return Err(failure),
    };
    let metadata = file.metadata()?;
    let start = start_of(&file, metadata.len())?;
    let other = set.volumes.iter().find(|other| other.start.0 == start);
    let finding = if start != volume.start.0
        && let Some(other) = other
    {
        let message = format!("{name} holds volume {}: it should hold {place}", other.number);
        Some((Finding::new(Rule::VolumeSwapped, message), false))
    } else if metadata.len() != volume.size {
        let (is, should) = (metadata.len(), volume.size);
        let message = format!("{name} has {is} bytes, but {place} has {should}");
        Some((Finding::new(Rule::VolumeSize, message), false))
    } else if start != volume.start.0 {
        let message = format!("{name} doesn't start as {place} does: it was altered, or is of another set");
        Some((Finding::new(Rule::VolumeStart, message), true))
    } else {
        None
    };
    Ok(Looked { identity: Some(identity(&metadata)), finding })
}

/// The digest of a file's start.
pub(crate) fn start_of(file: &File, size: u64) -> io::Result<Digest> {
    let mut start = vec![0; size.min(START) as usize];
    let count = read_full_at(file, &mut start, 0)?;
    Ok(Digest::sha256(&start[..count]))
}
