//! What the new set no longer needs, as a list of images.

use std::collections::HashMap;

use airlift_lists::ImageSet;
use airlift_lists::image_set::{ImageChange, PlatformChange, SetDiff};
use airlift_oci::Digest;
use airlift_oci::text::harmless;

/// A line for each image, then comments on what no list can name.
pub(super) fn list(diff: &SetDiff, new: &ImageSet) -> String {
    let still_there: HashMap<Digest, String> =
        new.images.iter().map(|image| (image.digest, image.name.to_string())).collect();
    let mut text = String::new();
    for image in &diff.images {
        if let Some(line) = line(image, &still_there) {
            text.push_str(&line);
            text.push('\n');
        }
    }
    for PlatformChange { image, platform, change } in &diff.platforms {
        if let Some(from) = change.from() {
            text.push_str(&harmless(&format!("# {image} {platform}: {from}")));
            text.push('\n');
        }
    }
    let attached = diff.attached.iter().flat_map(|diff| &diff.removed);
    attached.for_each(|digest| text.push_str(&format!("# attached: {digest}\n")));
    text
}

fn line(image: &ImageChange, still_there: &HashMap<Digest, String>) -> Option<String> {
    let from = image.change.from()?;
    let line = match image.name.pinned(&from) {
        Some(line) => line,
        None if image.name.to_string() == from.to_string() => format!("# {from}"),
        None => format!("# {}: {from}", image.name),
    };
    let line = match still_there.get(&from) {
        Some(name) => format!("{line}  # its content stays, as {name}"),
        None => line,
    };
    Some(harmless(&line).into_owned())
}
