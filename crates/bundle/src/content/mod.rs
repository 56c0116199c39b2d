//! The bytes of an entry, wherever they lie: in a plain archive, in zstd frames, in volumes, or in a folder.

pub mod hash_all;
pub mod hash_one;
mod lane_plan;
mod lanes;
pub mod section;
pub mod storage;
