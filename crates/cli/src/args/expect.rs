//! The bundle id that is expected: as it was printed, in a file, or as hex digits alone.

use std::io::Read;
use std::path::{Path, PathBuf};

use airlift_oci::Digest;

use crate::failure::Failure;
use crate::usage_error::UsageError;

/// So much of a file is looked at. What `build` prints, as text or JSON, has the id near its beginning or is
/// short.
const MAX_FILE: u64 = 256 << 10;
/// The hex digits of a SHA-256.
const DIGITS: usize = 64;
/// So many hex digits are no file's name.
const FEWEST_DIGITS: usize = 32;

/// Reads `sha256:…`, the line `id sha256:…` that `build` prints, its hex digits alone, or the name of a file
/// that holds one of these.
pub(crate) fn expected(text: &str) -> Result<Digest, Failure> {
    if let Some(id) = id_in_line(text) {
        return Ok(id);
    }
    let path = Path::new(text);
    if path.exists() {
        return id_in_file(path);
    }
    Err(match is_like_id(text) {
        true => UsageError::ExpectedId(text.to_owned()).into(),
        false => UsageError::NoExpectedFile(path.to_owned()).into(),
    })
}

fn id_in_file(path: &Path) -> Result<Digest, Failure> {
    let mut start = Vec::new();
    std::fs::File::open(path)
        .and_then(|file| file.take(MAX_FILE).read_to_end(&mut start))
        .map_err(|source| Failure::File { doing: "read", path: path.to_owned(), source })?;
    let start = String::from_utf8_lossy(&start);
    start.lines().find_map(id_in_line).ok_or_else(|| UsageError::NoIdInFile(PathBuf::from(path)).into())
}

/// The id at the start of a line, or behind the word `id` there. JSON's marks are passed over.
fn id_in_line(line: &str) -> Option<Digest> {
    let mut words = line
        .split(|c: char| c.is_whitespace() || matches!(c, '"' | ',' | '{' | '}'))
        .filter(|w| !w.is_empty());
    let first = words.next()?;
    let word = match first.trim_end_matches(':') {
        "id" => words.find(|word| *word != ":")?,
        _ => first,
    };
    let hex = word.strip_prefix("sha256:").unwrap_or(word);
    let is_hex = hex.len() == DIGITS && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex.then(|| format!("sha256:{}", hex.to_ascii_lowercase()).parse().ok())?
}

/// Whether it was meant for an id, and not for a file.
fn is_like_id(text: &str) -> bool {
    let text = text.trim();
    let is_hex = text.len() >= FEWEST_DIGITS && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    is_hex || text.starts_with("sha256:") || text.starts_with("id ")
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn the_id_is_taken_as_it_was_printed() {
        let id = Digest::sha256(b"");
        for text in [
            HEX.to_owned(),
            HEX.to_uppercase(),
            format!("sha256:{HEX}"),
            format!("id sha256:{HEX}"),
            format!(" id: {HEX}\n"),
            format!("sha256:{HEX}  b.tar"),
            format!("  \"id\": \"sha256:{HEX}\","),
        ] {
            assert_eq!(id_in_line(&text), Some(id), "{text}");
        }
        for text in
            ["", "id", "sha256:", &HEX[1..], &format!("sha512:{HEX}"), &format!("digest sha256:{HEX}")]
        {
            assert_eq!(id_in_line(text), None, "{text}");
        }
    }

    #[test]
    fn a_missing_file_is_told_from_a_wrong_id() {
        let said = |text: &str| expected(text).unwrap_err().to_string();
        assert!(said("no-such-file").contains("there is no file no-such-file"));
        for text in [&HEX[1..], "sha256:abc", "id sha256:abc"] {
            assert!(said(text).contains("is no bundle id"), "{}", said(text));
        }
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("id");
        std::fs::write(&file, "hello\n").unwrap();
        assert!(said(file.to_str().unwrap()).contains("holds no bundle id"));
        std::fs::write(&file, format!("bundle  b.tar\nsize  7 B\nid sha256:{HEX}\n")).unwrap();
        assert_eq!(expected(file.to_str().unwrap()).unwrap(), Digest::sha256(b""));
    }
}
