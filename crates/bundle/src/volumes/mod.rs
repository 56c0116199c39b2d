//! A bundle in volumes: the very bytes of the archive, cut into files of one size, and one small file that
//! lists them.
//!
//! `b.tar.001`, `b.tar.002`, … one behind the other are `b.tar`. `b.tar.volumes.json`, the *manifest of
//! volumes* ([`VolumeSet`]), names each with its size and digests: so each can be verified alone, and a set
//! is known to be complete. [`classify`] says what a path means, [`open_set`] opens a set in place,
//! [`open_volume`] a single volume. `docs/format.md` is the contract.

pub(crate) mod manifest;
pub(crate) mod names;
mod open;
pub(crate) mod read;
pub(crate) mod renamed;
mod set;
mod sha256_hex;
mod single;
mod split;

pub use manifest::VolumeSetError;
pub(crate) use names::numbered;
pub use names::{MANIFEST_SUFFIX, PathKind, classify, manifest_path, volume_path};
pub use open::{OpenedSet, open_set};
pub use read::read_manifest;
pub use set::{SCHEMA, Volume, VolumeSet};
pub use sha256_hex::Sha256Hex;
pub use single::{OpenedVolume, open_volume, wrong_content};
pub use split::{MAX_VOLUMES, MIN_VOLUME, Split, SplitError, VolumeRange};
