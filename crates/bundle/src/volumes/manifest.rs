//! The manifest of volumes, `airlift.volumes/v1`, as bytes.
//!
//! Its bytes follow from the archive and the size of the volumes, and it ends in a digest of itself: so there
//! is one right form of it, and any flipped bit is found.

use airlift_oci::Digest;
use airlift_oci::text::harmless_json;

use crate::volumes::names::{digits, volume_name};
use crate::volumes::set::{SCHEMA, Volume, VolumeSet};
use crate::volumes::sha256_hex::Sha256Hex;
use crate::volumes::split::{MAX_VOLUMES, Split};

/// No manifest is larger: one with the most volumes and the longest names is smaller.
pub(crate) const MAX_SIZE: u64 = 20 << 20;

/// Why a manifest of volumes is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum VolumeSetError {
    /// It doesn't end as a manifest does.
    #[error("it doesn't end in its own digest: it was cut off or altered, or is no manifest of volumes")]
    NoCheck,
    /// It has changed since it was written.
    #[error("it was altered: its own digest doesn't fit")]
    Altered,
    /// A writer would not write it like that.
    #[error("it can't be read: {0}")]
    Form(String),
}

impl VolumeSet {
    /// The set of an archive. `stem` is the archive's file name; `contents` are the digests of each volume's
    /// start and of all of it.
    pub(crate) fn new(
        bundle: Digest,
        size: u64,
        split: Split,
        stem: &str,
        contents: &[(Digest, Digest)],
    ) -> Self {
        let volume_size = split.volume_size();
        let digits = digits(contents.len());
        let volume = |(index, (start, all)): (usize, &(Digest, Digest))| Volume {
            number: index + 1,
            name: volume_name(stem, index + 1, digits),
            size: volume_size.min(size.saturating_sub(index as u64 * volume_size)),
            start: Sha256Hex(*start),
            sha256: Sha256Hex(*all),
        };
        let volumes = contents.iter().enumerate().map(volume).collect();
        VolumeSet {
            schema: SCHEMA.to_owned(),
            bundle,
            size,
            volume_size,
            volumes,
            check: Digest::sha256(b""),
        }
        .checked()
    }

    fn checked(mut self) -> Self {
        self.check = Digest::sha256(self.body().as_bytes());
        self
    }

    /// The manifest's bytes. There is one right form.
    pub fn encode(&self) -> Vec<u8> {
        let body = self.body();
        let end = end_for(&body);
        (body + &end).into_bytes()
    }

    /// All but the check: a line for the set, and one for each volume, so that people can read it.
    fn body(&self) -> String {
        let VolumeSet { bundle, size, volume_size, .. } = self;
        let mut body = format!(
            "{{\"schema\":\"{SCHEMA}\",\"bundle\":\"{bundle}\",\"size\":{size},\"volumeSize\":{volume_size},\"volumes\":["
        );
        for (index, Volume { number, name, size, start, sha256 }) in self.volumes.iter().enumerate() {
            let comma = if index == 0 { "" } else { "," };
            let name = serde_json::Value::from(name.as_str()).to_string();
            let name = harmless_json(&name);
            body.push_str(&format!(
                "{comma}\n{{\"number\":{number},\"name\":{name},\"size\":{size},\"start\":\"{}\",\"sha256\":\"{}\"}}",
                start.0.hex(),
                sha256.0.hex()
            ));
        }
        body.push_str("\n]");
        body
    }

    /// Reads a manifest; there is one right form of it, byte for byte.
    ///
    /// # Errors
    /// If it was altered, or a writer would not write it like that.
    pub fn parse(bytes: &[u8]) -> Result<Self, VolumeSetError> {
        let end = end_for("").len();
        let split = bytes.len().checked_sub(end).ok_or(VolumeSetError::NoCheck)?;
        let (body, end) = bytes.split_at(split);
        if !end.starts_with(b",\n\"check\":\"sha256:") {
            return Err(VolumeSetError::NoCheck);
        }
        let body = std::str::from_utf8(body).map_err(|_| VolumeSetError::Altered)?;
        if end_for(body).as_bytes() != end {
            return Err(VolumeSetError::Altered);
        }
        let form = |why: &str| VolumeSetError::Form(why.to_owned());
        let set: VolumeSet = serde_json::from_slice(bytes)
            .map_err(|error| form(&error.to_string().escape_debug().to_string()))?;
        set.check_form().map_err(form)?;
        if set.encode() == bytes { Ok(set) } else { Err(form("it is not written as a writer writes it")) }
    }

    fn check_form(&self) -> Result<(), &'static str> {
        if self.schema != SCHEMA {
            return Err("its schema is another one");
        }
        let split = Split::of(self.volume_size).map_err(|_| "the size of the volumes is impossible")?;
        if split.volume_size() != self.volume_size || self.size > i64::MAX as u64 {
            return Err("the size of the volumes is impossible");
        }
        let ranges = split.ranges(self.size).map_err(|_| "it has too many volumes")?;
        let sizes = self.volumes.iter().map(|volume| (volume.number, volume.size));
        if self.volumes.is_empty() || !sizes.eq(ranges.iter().map(|range| (range.number, range.size))) {
            return Err("its volumes don't make up the archive");
        }
        let stem = self.stem().ok_or("its volumes' names are impossible")?;
        let digits = digits(self.volumes.len());
        let is_named = |volume: &Volume| volume.name == volume_name(stem, volume.number, digits);
        let is_file_name = !stem.contains(['/', '\0']);
        let names_fit = is_file_name && self.volumes.iter().all(is_named);
        if names_fit { Ok(()) } else { Err("its volumes' names are impossible") }
    }
}

/// The end of a manifest, behind its `body`.
fn end_for(body: &str) -> String {
    format!(",\n\"check\":\"{}\"}}\n", Digest::sha256(body.as_bytes()))
}

/// File names have at most 255 bytes, of which JSON makes at most six each.
const _: () = assert!(MAX_VOLUMES * (255 * 6 + 256) < MAX_SIZE);

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> VolumeSet {
        let content = |number: u8| (Digest::sha256(&[number]), Digest::sha256(&[number, number]));
        let split = Split::of(65_536).unwrap();
        VolumeSet::new(
            Digest::sha256(b"id"),
            150_000,
            split,
            "b\"é\u{7f}\u{9b}.tar",
            &[content(1), content(2), content(3)],
        )
    }

    #[test]
    fn it_is_read_as_it_was_written() {
        let set = sample();
        let bytes = set.encode();
        assert_eq!(VolumeSet::parse(&bytes).unwrap(), set);
        assert_eq!(set.volumes[2].size, 150_000 - 2 * 65_536);
        assert_eq!(set.stem(), Some("b\"é\u{7f}\u{9b}.tar"));
        assert_eq!(set.label(&set.volumes[1]), "volume 2 of 3");
        let parsed: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        assert_eq!(parsed["volumes"][0]["sha256"], Digest::sha256(&[1, 1]).hex());
        assert_eq!(parsed["volumes"][0]["name"], "b\"é\u{7f}\u{9b}.tar.001");
        assert!(!bytes.contains(&0x7f) && String::from_utf8_lossy(&bytes).contains("é\\u007f\\u009b.tar"));
    }

    #[test]
    fn any_flipped_bit_and_any_cut_is_found() {
        let bytes = sample().encode();
        for position in 0..bytes.len() {
            assert!(VolumeSet::parse(&bytes[..position]).is_err(), "cut at {position}");
            for bit in 0..8 {
                let mut flipped = bytes.clone();
                flipped[position] ^= 1 << bit;
                assert!(VolumeSet::parse(&flipped).is_err(), "bit {bit} of byte {position}");
            }
        }
        assert!(VolumeSet::parse(&[bytes, b"\n".to_vec()].concat()).is_err());
    }

    #[test]
    fn manifests_that_lie_in_good_form_are_refused() {
        let refused = |change: fn(&mut VolumeSet)| {
            let mut set = sample();
            change(&mut set);
            VolumeSet::parse(&set.checked().encode()).unwrap_err()
        };
        let form = |why: &str| VolumeSetError::Form(why.to_owned());
        let (sizes, names) = ("its volumes don't make up the archive", "its volumes' names are impossible");
        assert_eq!(refused(|set| set.volumes[1].size += 512), form(sizes));
        assert_eq!(refused(|set| set.volumes.swap(0, 1)), form(sizes));
        assert_eq!(refused(|set| drop(set.volumes.pop())), form(sizes));
        assert_eq!(refused(|set| set.size += 512), form(sizes));
        assert_eq!(refused(|set| set.volumes[1].name = "other.002".into()), form(names));
        assert_eq!(
            refused(|set| set.volumes.iter_mut().for_each(|volume| volume.name.insert_str(0, "../"))),
            form(names)
        );
        assert_eq!(refused(|set| set.volume_size = 100), form("the size of the volumes is impossible"));
        assert_eq!(refused(|set| set.volume_size = 65_537), form("the size of the volumes is impossible"));
        assert_eq!(refused(|set| set.size = u64::MAX), form("the size of the volumes is impossible"));
    }

    #[test]
    fn other_spellings_are_refused() {
        let text = String::from_utf8(sample().encode()).unwrap();
        let (body, _) = text.rsplit_once(",\n\"check\"").unwrap();
        let respelled = |body: &str| VolumeSet::parse((body.to_owned() + &end_for(body)).as_bytes());
        assert!(respelled(body).is_ok());
        for (from, to) in
            [("\"size\":150000", "\"size\": 150000"), ("{\"schema\"", "{\"x\":1,\"schema\""), ("v1", "v2")]
        {
            assert!(respelled(&body.replacen(from, to, 1)).is_err(), "{to}");
        }
    }
}
