//! The images that are asked of layouts on disk.

use airlift_oci::{Event, Observer, SourceReference};

use crate::layouts::LayoutFailure;
use crate::request::ImageRequest;
use crate::resolve_error::{ResolveError, note};
use crate::resolved::Resolved;
use crate::source::Source;

/// The images of layouts that these requests ask for, and why others can't be had.
pub(crate) fn from_layouts(
    source: &Source,
    requests: &[ImageRequest],
    observer: &dyn Observer,
) -> (Vec<Resolved>, Vec<ResolveError>) {
    let (mut images, mut failed) = (Vec::new(), Vec::new());
    for (position, request) in requests.iter().enumerate() {
        let SourceReference::Layout(layout) = &request.source else { continue };
        let locked = request.locked.as_ref().map(|locked| &locked.digest);
        match source.blobs.layouts.find(layout, locked) {
            Ok(found) => images.extend(found.into_iter().map(|found| {
                let ImageRequest { choice, locked, place, .. } = request.clone();
                let requests = vec![position];
                let image = Resolved { choice, locked, place, requests, ..Resolved::from(found) };
                let digest = image.root.descriptor.digest;
                observer.notice(Event::Resolved { reference: image.key(), digest });
                image
            })),
            Err(errors) => errors.into_iter().for_each(|error| {
                let failure = LayoutFailure { references: vec![layout.clone()], error };
                note(&mut failed, ResolveError::Layout(failure));
            }),
        }
    }
    (images, failed)
}
