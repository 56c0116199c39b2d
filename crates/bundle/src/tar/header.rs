//! Writes the tar header of an entry: `encode`. There is one right form for each entry, so that readers can
//! check every byte of it.
//!
//! POSIX pax, "ustar Interchange Format": regular files, mode 0644, no owner, time zero. A size of 8 GiB and
//! more is written in base-256 in the header itself, so that there is one size field and two parsers can't
//! disagree. Only a name that doesn't fit (sha512 digests) has a pax record.

use airlift_oci::{Algorithm, Digest};

use crate::tar::path::EntryPath;

/// Tar's unit: headers are one block, data is padded to blocks.
pub const BLOCK: u64 = 512;

/// The longest name without a pax record, in bytes.
const NAME_FIELD: usize = 100;

/// `size` rounded up to whole blocks. `size` is at most `i64::MAX`.
pub fn padded(size: u64) -> u64 {
    size.div_ceil(BLOCK) * BLOCK
}

/// How many bytes `encode` makes for a blob: they precede the entry's data.
pub fn encoded_size_of_blob(digest: &Digest) -> u64 {
    // Of the other digests, the names are too long for a header.
    if digest.algorithm() == Algorithm::Sha256 {
        return BLOCK;
    }
    match pax_record(&EntryPath::of_blob(digest)) {
        None => BLOCK,
        Some(record) => BLOCK + padded(record.len() as u64) + BLOCK,
    }
}

/// The tar header of an entry: all bytes that precede its data. For a long name, that includes a pax record.
pub(crate) fn encode(path: &EntryPath, size: u64) -> Vec<u8> {
    let name = path.as_str().as_bytes();
    let Some(record) = pax_record(path) else {
        return block(name, tar::EntryType::Regular, size).to_vec();
    };
    let mut header = Vec::with_capacity(3 * BLOCK as usize);
    header.extend_from_slice(&block(b"pax-path", tar::EntryType::XHeader, record.len() as u64));
    header.extend_from_slice(record.as_bytes());
    header.resize((BLOCK + padded(record.len() as u64)) as usize, 0);
    header.extend_from_slice(&block(&name[..NAME_FIELD], tar::EntryType::Regular, size));
    header
}

/// The pax record for a name that is too long for the header; `None` for other names.
fn pax_record(path: &EntryPath) -> Option<String> {
    let name = path.as_str();
    if name.len() <= NAME_FIELD {
        return None;
    }
    let rest = format!(" path={name}\n");
    // The length in front counts its own digits.
    let mut length = rest.len() + 1;
    while length != rest.len() + length.to_string().len() {
        length = rest.len() + length.to_string().len();
    }
    Some(format!("{length}{rest}"))
}

/// One header block.
fn block(name: &[u8], kind: tar::EntryType, size: u64) -> [u8; BLOCK as usize] {
    let mut header = tar::Header::new_ustar();
    header.set_entry_type(kind);
    header.set_mode(0o644);
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(size);
    let field = &mut header.as_old_mut().name;
    let length = name.len().min(field.len());
    field[..length].copy_from_slice(&name[..length]);
    header.set_cksum();
    *header.as_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tar_crate_reads_what_is_written() {
        for (algorithm, size) in [
            (Algorithm::Sha256, 0),
            (Algorithm::Sha256, 8 << 30),
            (Algorithm::Sha512, 5),
            (Algorithm::Sha512, 1 << 40),
        ] {
            let digest = Digest::of(algorithm, b"x");
            let path = EntryPath::of_blob(&digest);
            let header = encode(&path, size);
            assert_eq!(header.len() as u64, encoded_size_of_blob(&digest));
            let mut archive = tar::Archive::new(header.as_slice());
            let entry = archive.entries().unwrap().next().unwrap().unwrap();
            assert_eq!(entry.path_bytes().as_ref(), path.as_str().as_bytes());
            assert_eq!(entry.size(), size);
            assert_eq!(entry.header().mode().unwrap(), 0o644);
        }
    }

    #[test]
    fn pax_records_count_their_own_length() {
        let path = EntryPath::of_blob(&Digest::of(Algorithm::Sha512, b"x"));
        let record = pax_record(&path).unwrap();
        assert_eq!(record.len().to_string(), record.split(' ').next().unwrap());
    }
}
