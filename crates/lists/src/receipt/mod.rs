//! Receipts: what a push brought to a registry, and under which names, so that it can be proven later.
//!
//! Receipts are written by the push, and read here by [`ReceiptFile::parse`].

mod document;
mod read;

pub use document::{ReceiptFile, ReceiptImage, ReceiptStatus, ReceiptTag, TagMove};
pub use read::MAX_RECEIPT;
