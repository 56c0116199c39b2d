//! Content digests: parsed once, compared as bytes, never handled as strings.
//!
//! Grammar and registered algorithms: OCI image-spec 1.1, `descriptor.md`, section "Digests".

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::Digest as _;

use crate::multi_buffer::{LANES, LaneState, MultiBuffer};

/// The longest digest in bytes (SHA-512).
const MAX_BYTES: usize = 64;

/// A digest algorithm that Airlift can compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Algorithm {
    /// SHA-256, which nearly all tools use.
    Sha256,
    /// SHA-384: read where others wrote it.
    Sha384,
    /// SHA-512.
    Sha512,
}

impl Algorithm {
    /// The name as it stands before the colon, and as the folder below `blobs/`.
    pub const fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// The digest's length in bytes; its hex form is twice as long.
    pub const fn byte_len(self) -> usize {
        match self {
            Algorithm::Sha256 => 32,
            Algorithm::Sha384 => 48,
            Algorithm::Sha512 => 64,
        }
    }

    /// The algorithm of that name, exactly as the specification spells it.
    pub fn from_name(name: &str) -> Option<Self> {
        match name {
            "sha256" => Some(Algorithm::Sha256),
            "sha384" => Some(Algorithm::Sha384),
            "sha512" => Some(Algorithm::Sha512),
            _ => None,
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a text is not a digest that Airlift accepts.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DigestError {
    /// No `algorithm:hex` at all.
    #[error("'{}' is not a digest (algorithm:hex, such as sha256:…)", .0.escape_debug())]
    Malformed(String),
    /// Well-formed, but of an algorithm that can't be computed here.
    #[error("digest algorithm '{}' is not supported (sha256, sha384 and sha512 are)", .0.escape_debug())]
    Unsupported(String),
    /// The hex part has the wrong length or digits other than 0-9 and a-f.
    #[error("'{}' is not a {algorithm} digest: it takes {} lower-case hex digits", .text.escape_debug(), .algorithm.byte_len() * 2)]
    Hex {
        /// The algorithm that the text names.
        algorithm: Algorithm,
        /// The whole text.
        text: String,
    },
}

/// An algorithm and the bytes that it gave.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest {
    algorithm: Algorithm,
    /// The first `algorithm.byte_len()` bytes count, the rest is zero.
    bytes: [u8; MAX_BYTES],
}

impl Digest {
    /// The digest of `content` by `algorithm`.
    pub fn of(algorithm: Algorithm, content: &[u8]) -> Self {
        let mut hasher = Hasher::new(algorithm);
        hasher.update(content);
        hasher.finish()
    }

    /// The SHA-256 of `content`.
    pub fn sha256(content: &[u8]) -> Self {
        Self::of(Algorithm::Sha256, content)
    }

    /// The algorithm that made it.
    pub fn algorithm(&self) -> Algorithm {
        self.algorithm
    }

    /// The digest with these bytes.
    pub(crate) fn from_sha256(sha256: [u8; 32]) -> Self {
        let mut bytes = [0; MAX_BYTES];
        bytes[..32].copy_from_slice(&sha256);
        Digest { algorithm: Algorithm::Sha256, bytes }
    }

    /// The digest's own bytes, if it is a SHA-256.
    pub(crate) fn sha256_bytes(&self) -> Option<[u8; 32]> {
        (self.algorithm == Algorithm::Sha256).then(|| self.bytes.first_chunk().copied())?
    }

    /// The digest's own bytes (32, 48 or 64).
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.algorithm.byte_len()]
    }

    /// The part after the colon: lower-case hex.
    pub fn hex(&self) -> String {
        let mut hex = String::with_capacity(self.algorithm.byte_len() * 2);
        for byte in self.as_bytes() {
            for nibble in [byte >> 4, byte & 15] {
                hex.push(char::from_digit(u32::from(nibble), 16).unwrap_or('0'));
            }
        }
        hex
    }

    /// The first 12 hex digits, for people.
    pub fn short(&self) -> String {
        let mut hex = self.hex();
        hex.truncate(12);
        hex
    }

    /// Whether `content` has this digest.
    pub fn matches(&self, content: &[u8]) -> bool {
        Self::of(self.algorithm, content) == *self
    }
}

impl FromStr for Digest {
    type Err = DigestError;

    fn from_str(text: &str) -> Result<Self, DigestError> {
        let (name, hex) = text.split_once(':').ok_or_else(|| DigestError::Malformed(text.to_owned()))?;
        let well_formed = !name.is_empty()
            && !hex.is_empty()
            && name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b"+._-".contains(&b))
            && hex.bytes().all(|b| b.is_ascii_alphanumeric() || b"=_-".contains(&b));
        if !well_formed {
            return Err(DigestError::Malformed(text.to_owned()));
        }
        let algorithm =
            Algorithm::from_name(name).ok_or_else(|| DigestError::Unsupported(name.to_owned()))?;
        let bad_hex = || DigestError::Hex { algorithm, text: text.to_owned() };
        if hex.len() != algorithm.byte_len() * 2 {
            return Err(bad_hex());
        }
        let mut bytes = [0; MAX_BYTES];
        for (byte, pair) in bytes.iter_mut().zip(hex.as_bytes().chunks_exact(2)) {
            let high = nibble(pair[0]).ok_or_else(bad_hex)?;
            let low = nibble(pair[1]).ok_or_else(bad_hex)?;
            *byte = high << 4 | low;
        }
        Ok(Digest { algorithm, bytes })
    }
}

fn nibble(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm, self.hex())
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Digest {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Digest {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl schemars::JsonSchema for Digest {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Digest".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "type": "string",
            "description": "A content digest, algorithm:hex",
            "pattern": "^(sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$"
        })
    }
}

/// A digest in the making: feed it pieces of any size, best 256 KiB (they stay in the L2 cache).
#[derive(Clone)]
pub struct Hasher(State);

#[derive(Clone)]
enum State {
    Sha256(sha2::Sha256),
    Sha384(sha2::Sha384),
    Sha512(sha2::Sha512),
    /// SHA-256 of a message that can be hashed beside others.
    Lane(LaneState),
}

impl fmt::Debug for Hasher {
    /// The state of an unfinished hash is of no use in a message.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str("Hasher")
    }
}

impl Hasher {
    /// A hasher that has seen nothing yet.
    pub fn new(algorithm: Algorithm) -> Self {
        Hasher(match algorithm {
            Algorithm::Sha256 => State::Sha256(sha2::Sha256::new()),
            Algorithm::Sha384 => State::Sha384(sha2::Sha384::new()),
            Algorithm::Sha512 => State::Sha512(sha2::Sha512::new()),
        })
    }

    /// A hasher of SHA-256 that [`Hasher::update_all`] feeds beside others.
    pub fn sha256_lane(processor: MultiBuffer) -> Self {
        Hasher(State::Lane(LaneState::new(processor)))
    }

    /// Gives each hasher its next piece. All those of [`Hasher::sha256_lane`] take theirs side by side, which
    /// lasts as long as the longest piece does.
    pub fn update_all<'a>(pieces: impl IntoIterator<Item = (&'a mut Hasher, &'a [u8])>) {
        let mut lanes = Vec::with_capacity(LANES);
        for (hasher, piece) in pieces {
            match hasher {
                Hasher(State::Lane(lane)) => lanes.push((lane, piece)),
                other => other.update(piece),
            }
        }
        LaneState::update_all(&mut lanes);
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        match &mut self.0 {
            State::Lane(state) => state.update(piece),
            State::Sha256(state) => state.update(piece),
            State::Sha384(state) => state.update(piece),
            State::Sha512(state) => state.update(piece),
        }
    }

    /// The digest of all pieces.
    pub fn finish(self) -> Digest {
        let mut bytes = [0; MAX_BYTES];
        let mut keep = |output: &[u8]| bytes[..output.len()].copy_from_slice(output);
        let algorithm = match self.0 {
            State::Lane(state) => {
                keep(&state.finish());
                Algorithm::Sha256
            }
            State::Sha256(state) => {
                keep(&state.finalize());
                Algorithm::Sha256
            }
            State::Sha384(state) => {
                keep(&state.finalize());
                Algorithm::Sha384
            }
            State::Sha512(state) => {
                keep(&state.finalize());
                Algorithm::Sha512
            }
        };
        Digest { algorithm, bytes }
    }
}

/// The start of a blob: how long it is, and its hash so far.
#[derive(Clone, Debug)]
pub struct HashedPrefix {
    /// How many bytes there are: a multiple of tar's block, and less than the blob's size.
    pub bytes: u64,
    /// What has taken these bytes.
    pub hasher: Hasher,
}

#[cfg(test)]
mod tests {
    use super::*;

    const EMPTY: &str = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[test]
    fn parses_and_prints_the_same_text() {
        assert_eq!(EMPTY.parse::<Digest>().unwrap().to_string(), EMPTY);
        assert_eq!(Digest::sha256(b"").to_string(), EMPTY);
        for algorithm in [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512] {
            let digest = Digest::of(algorithm, b"airlift");
            assert_eq!(digest.to_string().parse::<Digest>().unwrap(), digest);
            assert!(digest.matches(b"airlift") && !digest.matches(b"airlifT"));
        }
    }

    #[test]
    fn refuses_what_is_no_digest() {
        for text in ["", "sha256", "sha256:", ":abc", "sha256:../../etc", "SHA256:00", "sha256:00 "] {
            assert!(matches!(
                text.parse::<Digest>(),
                Err(DigestError::Malformed(_) | DigestError::Hex { .. })
            ));
        }
        assert!(matches!("md5:00".parse::<Digest>(), Err(DigestError::Unsupported(_))));
        let upper = EMPTY.replace('e', "E");
        assert!(matches!(upper.parse::<Digest>(), Err(DigestError::Hex { .. })));
        assert!(matches!("sha256:00".parse::<Digest>(), Err(DigestError::Hex { .. })));
    }
}
