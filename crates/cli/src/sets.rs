//! What bundles, layouts, locks and receipts hold, for a comparison.

use std::path::Path;

use airlift_lists::ImageSet;
use airlift_oci::Limits;
use airlift_verifier::{AdmitError, Examined};

use crate::failure::Failure;
use crate::files::documents::Document;
use crate::files::kind::FileKind;

/// A set, and what is not in it.
pub(crate) struct OpenedSet {
    pub(crate) set: ImageSet,
    /// Images of a receipt that did not arrive.
    pub(crate) not_arrived: usize,
}

/// Opens a bundle or a layout in any form, a lock, or a receipt. Of bundles, structure and manifests are
/// proven; no blob is hashed. `-` is a lock or a receipt on standard input.
///
/// # Errors
/// If it can't be read, is damaged, or is something else.
pub(crate) fn open(path: &Path, limits: Limits) -> Result<OpenedSet, Failure> {
    if path != Path::new("-") {
        let kind = FileKind::of_path(path);
        let kind = kind.map_err(|source| Failure::File { doing: "read", path: path.to_owned(), source })?;
        if kind == FileKind::Bundle {
            let set = of_bundle(path, limits).map_err(Failure::NotComparable)?;
            return Ok(OpenedSet { set, not_arrived: 0 });
        }
    }
    Ok(match Document::read(path)? {
        Document::Lock(lock) => OpenedSet { set: ImageSet::of_lock(&lock), not_arrived: 0 },
        Document::Receipt(receipt) => {
            let set = ImageSet::of_receipt(&receipt);
            let lost = receipt.images.iter().filter(|image| !image.status.is_there());
            OpenedSet { not_arrived: lost.count() + receipt.failed.len(), set }
        }
    })
}

fn of_bundle(path: &Path, limits: Limits) -> Result<ImageSet, AdmitError> {
    let examined = Examined::open(path, limits)?;
    let report = examined.report();
    match examined.graph().filter(|_| report.ok) {
        Some(graph) => Ok(ImageSet::of_graph(graph, |config| examined.small_blob(&config.digest))),
        None => Err(AdmitError::Refused { path: path.to_owned(), report: Box::new(report) }),
    }
}
