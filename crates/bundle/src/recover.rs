//! Recovers the plan of an archive from its beginning. Even an unfinished archive has all that the plan is
//! made of: `index.json` and the manifests come before the first blob.

use std::io;

use airlift_disk::ReadAt;
use airlift_oci::graph::{GraphBuilder, Limits};
use airlift_oci::manifest::MAX_MANIFEST;
use airlift_oci::{Descriptor, Digest, RawManifest, layout};

use crate::plan::Plan;
use crate::tar::header;
use crate::tar::header::BLOCK;
use crate::tar::path::EntryPath;

/// Where the manifests are in an archive of ours: one behind the other, from the end of `index.json` on.
#[derive(Clone, Debug)]
pub struct ManifestOffsets {
    at: u64,
}

impl ManifestOffsets {
    /// The offsets in an archive whose `index.json` has this many bytes.
    pub fn after_index(index_size: u64) -> Self {
        // oci-layout and index.json, each with a header of one block; oci-layout itself is less than a block.
        ManifestOffsets { at: 3 * BLOCK + header::padded(index_size) }
    }

    /// Where the data of the next manifest starts; `None` if no file could be so long.
    pub fn next(&mut self, descriptor: &Descriptor) -> Option<u64> {
        let data = self.at.checked_add(header::encoded_size_of_blob(&descriptor.digest))?;
        self.at = data.checked_add(descriptor.size.checked_next_multiple_of(BLOCK)?)?;
        Some(data)
    }
}

/// The plan of the archive that `file` is, or is to become; `None` if it doesn't start like one of ours, or
/// some manifests are missing. `index.json` and the manifests are proven by their digests; the blobs are not
/// looked at.
///
/// # Errors
/// If the file can't be read.
pub fn recover_plan(file: &impl ReadAt, limits: Limits) -> io::Result<Option<Plan>> {
    let Some(index) = index_of(file)? else { return Ok(None) };
    let Ok(roots) = layout::parse_index(&index) else { return Ok(None) };
    let Ok(mut builder) = GraphBuilder::new(roots, limits) else { return Ok(None) };
    let mut offsets = ManifestOffsets::after_index(index.len() as u64);
    while !builder.wanted().is_empty() {
        let mut answers = Vec::with_capacity(builder.wanted().len());
        for wanted in builder.wanted() {
            match manifest_at(file, &builder.descriptor_of(wanted), &mut offsets)? {
                Some(raw) => answers.push(Some(raw)),
                None => return Ok(None),
            }
        }
        if builder.supply(answers).is_err() {
            return Ok(None);
        }
    }
    Ok(builder.finish().ok().and_then(|graph| Plan::with_index(graph, index).ok()))
}

/// `index.json`, if the file starts with the two entries with which every archive of ours starts.
fn index_of(file: &impl ReadAt) -> io::Result<Option<Vec<u8>>> {
    let layout_size = layout::encode_layout(&Digest::sha256(b"")).len() as u64;
    let mut start = vec![0; 3 * BLOCK as usize];
    if file.read_full_at(&mut start, 0)? < start.len() {
        return Ok(None);
    }
    let block = |number: usize| &start[number * BLOCK as usize..(number + 1) * BLOCK as usize];
    if block(0) != header::encode(&EntryPath::top(layout::LAYOUT_FILE), layout_size) {
        return Ok(None);
    }
    let size = tar::Header::from_byte_slice(block(2)).size().ok().filter(|size| *size <= layout::MAX_INDEX);
    let Some(size) =
        size.filter(|size| block(2) == header::encode(&EntryPath::top(layout::INDEX_FILE), *size))
    else {
        return Ok(None);
    };
    let Some(index) = read(file, 3 * BLOCK, size)? else { return Ok(None) };
    let id = Digest::sha256(&index);
    Ok((block(1)[..layout_size as usize] == layout::encode_layout(&id)).then_some(index))
}

fn manifest_at(
    file: &impl ReadAt,
    descriptor: &Descriptor,
    offsets: &mut ManifestOffsets,
) -> io::Result<Option<RawManifest>> {
    let Some(offset) = offsets.next(descriptor).filter(|_| descriptor.size <= MAX_MANIFEST) else {
        return Ok(None);
    };
    let bytes = read(file, offset, descriptor.size)?;
    Ok(bytes.and_then(|bytes| RawManifest::prove(bytes.into(), descriptor).ok()))
}

/// `size` bytes, which the caller has limited; `None` if the file ends before.
fn read(file: &impl ReadAt, offset: u64, size: u64) -> io::Result<Option<Vec<u8>>> {
    let mut bytes = vec![0; size as usize];
    let count = file.read_full_at(&mut bytes, offset)?;
    Ok((count == bytes.len()).then_some(bytes))
}
