//! Reads a manifest of volumes, and the start of a volume.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use airlift_disk::{Links, open_regular, read_full_at};
use airlift_oci::Digest;

use crate::error::OpenError;
use crate::findings::{Finding, Rule};
use crate::volumes::manifest::MAX_SIZE;
use crate::volumes::set::VolumeSet;

/// This many bytes at the start of a volume have a digest of their own. It shows a swapped volume without
/// reading all of it.
const START: u64 = 4_096;

/// The manifest, or the finding that it is damaged.
///
/// # Errors
/// If the system can't read it.
pub fn read_manifest(path: &Path) -> Result<Result<VolumeSet, Finding>, OpenError> {
    let read = |source| OpenError::Read { path: path.to_owned(), source };
    let mut bytes = Vec::new();
    let file = open_regular(path, Links::Follow).map_err(read)?;
    file.take(MAX_SIZE + 1).read_to_end(&mut bytes).map_err(read)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let finding = |why: String| Finding::new(Rule::VolumeManifest, format!("{name} is damaged: {why}"));
    if bytes.len() as u64 > MAX_SIZE {
        return Ok(Err(finding(format!("it has more than {MAX_SIZE} bytes"))));
    }
    Ok(VolumeSet::parse(&bytes).map_err(|error| finding(error.to_string())))
}

/// The digest of the start of a volume of `size` bytes.
pub(crate) fn start_digest(file: &File, size: u64) -> io::Result<Digest> {
    let mut start = vec![0; size.min(START) as usize];
    let count = read_full_at(file, &mut start, 0)?;
    Ok(Digest::sha256(&start[..count]))
}
