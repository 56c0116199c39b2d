//! The fields of a tar header block, read strictly.

use crate::findings::Rule;
use crate::tar::header::BLOCK;

/// The length of a header's name field.
pub(super) const NAME_FIELD: usize = 100;

/// The fields of one header block that matter.
pub(super) struct HeaderFields {
    /// The type: `0` for a regular file, `5` for a folder, and so on.
    pub(super) kind: u8,
    pub(super) size: u64,
    pub(super) name: Vec<u8>,
    /// The name that a link leads to.
    pub(super) target: Vec<u8>,
}

impl HeaderFields {
    /// Reads a header block; the error says what is wrong with it.
    pub(super) fn parse(block: &[u8; BLOCK as usize]) -> Result<Self, (Rule, String)> {
        let header = tar::Header::from_byte_slice(block);
        let fields = header.as_old();
        let sum: u64 = block
            .iter()
            .enumerate()
            .map(|(i, byte)| if (148..156).contains(&i) { 32 } else { u64::from(*byte) })
            .sum();
        if octal(&fields.cksum) != Some(sum) {
            return Err((
                Rule::TarChecksum,
                "a tar header whose checksum is wrong: it is damaged, or this is no tar archive".into(),
            ));
        }
        let is_ustar = &block[257..265] == b"ustar\x0000";
        if !is_ustar && &block[257..265] != b"ustar  \0" {
            return Err((Rule::TarFormat, "a tar header that is neither POSIX's nor GNU's".into()));
        }
        // star's variant has the same magic and a shorter prefix field.
        if is_ustar && &block[508..512] == b"tar\0" {
            return Err((Rule::TarFormat, "a tar header of star's own form".into()));
        }
        let kind = fields.linkflag[0];
        let size =
            number(&fields.size).ok_or((Rule::TarSize, "a tar header without a usable size".to_owned()))?;
        let mut name = text(&block[..NAME_FIELD])?.to_vec();
        // GNU keeps times where POSIX has the prefix.
        let prefix = if is_ustar { text(&block[345..500])? } else { b"" };
        if !prefix.is_empty() {
            name = [prefix, b"/", name.as_slice()].concat();
        }
        // Only links have one.
        let target = if kind == b'1' { text(&block[157..257])?.to_vec() } else { Vec::new() };
        Ok(HeaderFields { kind, size, name, target })
    }
}

/// A field of text, up to the first NUL. Only NULs may follow, else readers might disagree on the name.
fn text(field: &[u8]) -> Result<&[u8], (Rule, String)> {
    let end = field.iter().position(|byte| *byte == 0).unwrap_or(field.len());
    let (text, rest) = field.split_at(end);
    if rest.iter().all(|byte| *byte == 0) {
        Ok(text)
    } else {
        Err((Rule::TarPath, "a tar header with a NUL within a name".to_owned()))
    }
}

/// A numeric field: octal digits, or base-256 that is positive and fits.
fn number(field: &[u8]) -> Option<u64> {
    let value = match field.first()? {
        0x80 => {
            let (high, low) = field.split_at(field.len() - 8);
            let fits = high[1..].iter().all(|byte| *byte == 0);
            fits.then(|| low.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))?
        }
        first if first & 0x80 != 0 => return None,
        _ => octal(field)?,
    };
    (value <= i64::MAX as u64).then_some(value)
}

/// Octal digits, with spaces in front and a NUL or space behind.
fn octal(field: &[u8]) -> Option<u64> {
    let start = field.iter().position(|byte| *byte != b' ')?;
    let digits = field[start..].split(|byte| matches!(byte, 0 | b' ')).next()?;
    let rest = &field[start + digits.len()..];
    if !rest.iter().all(|byte| matches!(byte, 0 | b' ')) || !digits.iter().all(|d| (b'0'..=b'7').contains(d))
    {
        return None;
    }
    if digits.is_empty() {
        return None;
    }
    digits.iter().try_fold(0_u64, |value, digit| value.checked_mul(8)?.checked_add(u64::from(digit - b'0')))
}
