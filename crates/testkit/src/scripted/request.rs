//! A request as a script sees it.

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Request {
    /// The method.
    pub method: String,
    /// The path with its query.
    pub target: String,
    /// Names, lower-case, and values, in their order.
    pub headers: Vec<(String, String)>,
    /// The body without its framing. Empty in rules that are asked [before
    /// it](crate::scripted::Script::rule_before_body).
    pub body: Vec<u8>,
    /// How many requests of this method and target came before it.
    pub nth: usize,
    /// How many requests of any kind came before it.
    pub number: usize,
    /// Which connection it came on, from 0.
    pub connection: usize,
}

impl Request {
    /// The first header of that name (in any case).
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(candidate, _)| candidate.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    /// The target without its query.
    pub fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }

    /// Whether it is a GET of a blob.
    pub fn is_blob(&self) -> bool {
        self.method == "GET" && self.path().contains("/blobs/")
    }

    /// Whether it is a GET of a manifest or index.
    pub fn is_manifest(&self) -> bool {
        self.method == "GET" && self.path().contains("/manifests/")
    }

    /// The first byte that a `Range: bytes=FIRST-` asks for.
    pub fn range_start(&self) -> Option<u64> {
        self.range().map(|(first, _)| first)
    }

    /// The first and the last byte of `Range: bytes=FIRST-[LAST]`.
    pub(super) fn range(&self) -> Option<(u64, u64)> {
        let (first, last) = self.header("range")?.strip_prefix("bytes=")?.split_once('-')?;
        let last = if last.is_empty() { u64::MAX } else { last.parse().ok()? };
        Some((first.parse().ok()?, last))
    }
}
