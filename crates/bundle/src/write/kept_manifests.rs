//! Manifests that a run fetched before a limit ended it, kept beside the output for the next run.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use airlift_oci::{Digest, layout};
use bytes::Bytes;

use crate::plan::TAIL;
use crate::tar::header;
use crate::tar::header::BLOCK;
use crate::tar::path::EntryPath;
use crate::write::unfinished_names::{is_ours, is_there, manifests_path};

/// Keeps manifests for the next run, in a file beside the `.part` of `output`: a plain layout without
/// `index.json`. Replaces the file of an earlier run, whose manifests therefore have to be among these.
///
/// # Errors
/// If the file can't be written.
pub fn keep_manifests<'a>(
    output: &Path,
    manifests: impl Iterator<Item = (&'a Digest, &'a Bytes)>,
) -> io::Result<PathBuf> {
    let path = manifests_path(output);
    if is_there(&path) && !is_ours(&path) {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{} is there and is none of ours", path.display()),
        ));
    }
    let mut out = BufWriter::new(File::create(&path)?);
    write_entry(&mut out, &EntryPath::top(layout::LAYOUT_FILE), &layout::encode_plain_layout())?;
    for (digest, bytes) in manifests {
        write_entry(&mut out, &EntryPath::of_blob(digest), bytes)?;
    }
    out.write_all(&[0; TAIL as usize])?;
    out.flush()?;
    Ok(path)
}

fn write_entry(out: &mut impl Write, path: &EntryPath, data: &[u8]) -> io::Result<()> {
    out.write_all(&header::encode(path, data.len() as u64))?;
    out.write_all(data)?;
    let padding = header::padded(data.len() as u64) - data.len() as u64;
    out.write_all(&[0; BLOCK as usize][..padding as usize])
}
