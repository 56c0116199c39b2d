//! Files as operating systems and file systems give them: listing, durable renames, reserved space, direct
//! reads and writes, and reading at offsets.
//!
//! Not every system and file system knows every operation. Where one is missing, this crate has a portable
//! fallback, so that no other crate needs a `cfg` or asks what it runs on. `docs/filesystems.md` has the
//! table of what is missing where. This crate knows no archive, no image and no network.

mod aligned;
mod direct_file;
mod durable;
mod extent;
mod file_sequence;
mod folder;
mod open;
mod owner;
mod page_cache;
mod piece_reader;
mod range_reader;
mod read_ahead;
mod read_at;
mod rename;
mod reserve;
mod spare_memory;
mod unsupported;
mod write_behind;
mod writer_lock;

pub use aligned::AlignedBuffer;
pub use direct_file::DirectFile;
pub use durable::{persist, sync_file, sync_folder};
pub use extent::{Extent, ExtentReader, PIECE, read_buffered};
pub use file_sequence::{FilePart, FileSequence};
pub use folder::{behind_links, folder_of, longest_name, names_in, with_suffix};
pub use open::{Access, Links, identity, open_regular};
pub use owner::keep_owner;
pub use page_cache::drop_cached;
pub use piece_reader::PieceReader;
pub use range_reader::RangeReader;
pub use read_at::{Contiguous, ReadAt, damage, is_damage, read_full_at};
pub use rename::{rename_new, rename_over};
pub use reserve::{reserve, reserve_ahead};
pub use unsupported::is_unsupported;
pub use write_behind::WriteBehind;
pub use writer_lock::WriterLock;
