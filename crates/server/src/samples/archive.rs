//! Layers as runtimes unpack them: a ustar archive in a gzip stream of stored blocks.
//!
//! Stored, because a compressor's output changes with its version, and a layer's digest with it.

/// The most bytes in one stored block.
const BLOCK: usize = 65_535;

/// The tar of a folder `srv/` and a file in it, of `size` bytes that look random and follow from `seed`.
pub(super) fn tar(seed: u64, size: usize) -> Vec<u8> {
    let mut archive = Vec::with_capacity(size + 4 * 512);
    archive.extend_from_slice(&header("srv/", 0, EntryKind::Folder));
    archive.extend_from_slice(&header(&format!("srv/{seed:016x}.bin"), size, EntryKind::File));
    archive.extend(noise(seed).flat_map(u64::to_le_bytes).take(size));
    archive.resize(archive.len().next_multiple_of(512) + 1024, 0);
    archive
}

/// What a tar entry is.
#[derive(Clone, Copy)]
enum EntryKind {
    File,
    Folder,
}

/// POSIX.1-1988 ustar; everything that could differ between machines is zero.
fn header(path: &str, size: usize, entry: EntryKind) -> [u8; 512] {
    let (mode, kind) = match entry {
        EntryKind::File => ("0000644\0", b'0'),
        EntryKind::Folder => ("0000755\0", b'5'),
    };
    let mut header = [0; 512];
    let mut put = |at: usize, text: &str| header[at..at + text.len()].copy_from_slice(text.as_bytes());
    put(0, path);
    put(100, mode);
    put(108, "0000000\0");
    put(116, "0000000\0");
    put(124, &format!("{size:011o}\0"));
    put(136, "00000000000\0");
    put(148, "        ");
    put(257, "ustar\x0000");
    header[156] = kind;
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    header
}

/// SplitMix64: a few operations, no dependency, no pattern that a compressor would find.
fn noise(seed: u64) -> impl Iterator<Item = u64> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut word = state;
        word = (word ^ (word >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        word ^ (word >> 31)
    })
}

/// `content` as a gzip stream (RFC 1952) of stored blocks (RFC 1951, section 3.2.4), without name or time.
pub(super) fn gzip(content: &[u8]) -> Vec<u8> {
    let mut out = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 0xff];
    let mut rest = content;
    loop {
        let (block, after) = rest.split_at(rest.len().min(BLOCK));
        let length = u16::try_from(block.len()).unwrap_or(u16::MAX);
        out.push(u8::from(after.is_empty()));
        out.extend_from_slice(&length.to_le_bytes());
        out.extend_from_slice(&(!length).to_le_bytes());
        out.extend_from_slice(block);
        rest = after;
        if rest.is_empty() {
            break;
        }
    }
    out.extend_from_slice(&crc32(content).to_le_bytes());
    // The size modulo 2^32, as the format has it.
    out.extend_from_slice(&(content.len() as u32).to_le_bytes());
    out
}

fn crc32(content: &[u8]) -> u32 {
    const TABLE: [u32; 256] = {
        let mut table = [0; 256];
        let mut index = 0;
        while index < 256 {
            let mut value = index as u32;
            let mut bit = 0;
            while bit < 8 {
                value = if value & 1 == 1 { 0xedb8_8320 ^ (value >> 1) } else { value >> 1 };
                bit += 1;
            }
            table[index] = value;
            index += 1;
        }
        table
    };
    !content.iter().fold(!0, |crc, byte| TABLE[((crc ^ u32::from(*byte)) & 0xff) as usize] ^ (crc >> 8))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn crc_of_the_check_value() {
        assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    }

    #[test]
    fn real_tools_read_it() {
        let folder = tempfile::tempdir().unwrap();
        for size in [0, 1, 512, BLOCK * 2, 200_000] {
            let path = folder.path().join(format!("{size}.tar.gz"));
            std::fs::write(&path, gzip(&tar(7, size))).unwrap();
            let listed = std::process::Command::new("tar").arg("-tvzf").arg(&path).output().unwrap();
            assert!(listed.status.success() && listed.stderr.is_empty(), "{listed:?}");
            let text = String::from_utf8(listed.stdout).unwrap();
            assert!(
                text.contains(&format!("{size} 1970-01-01")) && text.contains("srv/0000000000000007.bin"),
                "{text}"
            );
        }
    }
}
