//! A set of volumes, as its manifest lists them.

use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::volumes::names::stem_of;
use crate::volumes::sha256_hex::Sha256Hex;

/// The schema that the manifest names.
pub const SCHEMA: &str = "airlift.volumes/v1";

/// The volumes of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct VolumeSet {
    /// `airlift.volumes/v1`.
    #[schemars(extend("const" = SCHEMA))]
    pub(super) schema: String,
    /// The bundle's id: the digest of its `index.json`.
    pub bundle: Digest,
    /// The archive's size in bytes: that of all volumes together.
    pub size: u64,
    /// The size in bytes of each volume but the last.
    pub volume_size: u64,
    /// The volumes, in order.
    #[schemars(length(min = 1, max = 9_999))]
    pub volumes: Vec<Volume>,
    /// The digest of this file's bytes up to the comma before this member.
    pub(super) check: Digest,
}

/// One volume.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Volume {
    /// Its number, from 1.
    pub number: usize,
    /// Its file name.
    pub name: String,
    /// Its size in bytes.
    pub size: u64,
    /// The SHA-256 of its first 4,096 bytes, or of all its bytes if there are fewer.
    pub start: Sha256Hex,
    /// The SHA-256 of all its bytes.
    pub sha256: Sha256Hex,
}

impl VolumeSet {
    /// The file name that the archive would have in one piece.
    pub fn stem(&self) -> Option<&str> {
        self.volumes.first().and_then(|volume| stem_of(&volume.name))
    }

    /// How many volumes there are.
    pub fn count(&self) -> usize {
        self.volumes.len()
    }

    /// Where a volume starts in the archive.
    pub fn offset_of(&self, volume: &Volume) -> u64 {
        (volume.number as u64).saturating_sub(1).saturating_mul(self.volume_size)
    }

    /// The volume of that file name.
    pub fn volume(&self, name: &str) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.name == name)
    }

    /// The volume whose content has that digest.
    pub fn volume_with(&self, content: &Digest) -> Option<&Volume> {
        self.volumes.iter().find(|volume| volume.sha256.0 == *content)
    }

    /// The volume for people: `volume 2 of 5`.
    pub fn label(&self, volume: &Volume) -> String {
        format!("volume {} of {}", volume.number, self.count())
    }
}
