//! Pax extended headers of other tools' archives: read strictly, and only for a name or a large size.
//!
//! POSIX pax, "pax Extended Header": records `LENGTH KEY=VALUE\n`, where the length counts itself.

/// The parts of a pax header that change an entry's name or size.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Pax {
    pub(crate) path: Option<Vec<u8>>,
    pub(crate) size: Option<u64>,
}

/// Standard keywords that change neither name nor data.
const HARMLESS: [&str; 8] = ["atime", "ctime", "mtime", "uid", "gid", "uname", "gname", "comment"];

/// Reads all records of one header; the error says which one is refused.
pub(crate) fn parse(mut rest: &[u8]) -> Result<Pax, String> {
    let mut pax = Pax::default();
    let mut seen: Vec<&str> = Vec::new();
    while !rest.is_empty() {
        let (key, value, behind) = record(rest)?;
        if seen.contains(&key) {
            return Err(format!("pax record '{}' is there twice", key.escape_debug()));
        }
        seen.push(key);
        match key {
            "path" => pax.path = Some(value.to_vec()),
            "size" => pax.size = Some(decimal(value).ok_or("a pax size that is no number")?),
            _ if HARMLESS.contains(&key) => {}
            // Vendors' records have attributes of the file; but sparse maps change its data.
            _ if key.contains('.') && !key.starts_with("GNU.sparse") => {}
            _ => {
                return Err(format!("pax record '{}' can change what an entry means", key.escape_debug()));
            }
        }
        rest = behind;
    }
    Ok(pax)
}

fn record(rest: &[u8]) -> Result<(&str, &[u8], &[u8]), String> {
    let malformed = || "a malformed pax record".to_owned();
    let space = rest.iter().take(12).position(|byte| *byte == b' ').ok_or_else(malformed)?;
    let length = decimal(&rest[..space]).and_then(|n| usize::try_from(n).ok()).ok_or_else(malformed)?;
    if length <= space + 1 || length > rest.len() || rest[length - 1] != b'\n' {
        return Err(malformed());
    }
    let body = &rest[space + 1..length - 1];
    let equals = body.iter().position(|byte| *byte == b'=').ok_or_else(malformed)?;
    let key = std::str::from_utf8(&body[..equals]).map_err(|_| malformed())?;
    if key.is_empty() {
        return Err(malformed());
    }
    Ok((key, &body[equals + 1..], &rest[length..]))
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let plain = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    if !plain { None } else { std::str::from_utf8(digits).ok()?.parse().ok() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_names_and_sizes_and_passes_over_times() {
        let pax = parse(b"30 mtime=1700000000.123456789\n12 path=a/b\n11 size=42\n").unwrap();
        assert_eq!(pax, Pax { path: Some(b"a/b".to_vec()), size: Some(42) });
    }

    #[test]
    fn refuses_what_is_malformed_or_changes_meaning() {
        for bad in [
            &b"12 path=a/b"[..],
            b"99 path=a/b\n",
            b"0 path=a\n",
            b"x path=a\n",
            b"10 path=ab",
            b"7 path\n",
            b"6 =ab\n",
            b"12 size=-12\n",
            b"12 path=a/b\n12 path=a/c\n",
            b"22 GNU.sparse.major=1\n",
            b"14 linkpath=x\n",
            b"31 size=99999999999999999999999\n",
        ] {
            assert!(parse(bad).is_err(), "{:?}", String::from_utf8_lossy(bad));
        }
    }
}
