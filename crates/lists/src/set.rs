//! Which kind of list a file is.

/// The kinds of files that name images.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SetKind {
    /// One reference a line.
    Plain,
    /// An images file: YAML with groups.
    Images,
    /// A lock.
    Lock,
}

impl SetKind {
    /// The kind, by the file's name; where the name says nothing, a JSON document is a lock, and everything
    /// else a plain list.
    pub fn of(file: &str, bytes: &[u8]) -> Self {
        let extension = file.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes).trim_ascii_start();
        match extension.as_deref() {
            Some("yaml" | "yml") => SetKind::Images,
            Some("lock") => SetKind::Lock,
            // No reference starts with a brace.
            _ if text.starts_with(b"{") => SetKind::Lock,
            _ => SetKind::Plain,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_decides_and_then_the_content() {
        for (file, content, kind) in [
            ("images.yaml", "{", SetKind::Images),
            ("a/IMAGES.YML", "", SetKind::Images),
            ("images.lock", "nginx", SetKind::Lock),
            ("images.txt", "nginx", SetKind::Plain),
            ("images", "# {", SetKind::Plain),
            ("-", "\u{feff} \r\n{\"schema\"", SetKind::Lock),
            ("a.yaml/list", "nginx", SetKind::Plain),
        ] {
            assert_eq!(SetKind::of(file, content.as_bytes()), kind, "{file}");
        }
    }
}
