//! The JSON documents that scripts read, and their schemas.
//!
//! `schema` is always the first member. The report of `verify` and the receipt of `push` are the verifier's
//! and the pusher's own types.

mod arrival;
mod build;
mod check;
mod demo;
mod diff;
mod images_found;
mod inspect;
mod lock;
mod login;
mod pin;
mod prune;
mod push_plan;
mod streamed;

use std::borrow::Cow;
use std::io::{self, Write};

use airlift_oci::text::harmless_json;
use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};
use serde::Serialize;

use crate::failure::Failure;

pub use arrival::{Arrival, ArrivalKind};
pub use build::{BuildDocument, PlanDocument, PlannedBlob, PlannedImage, PlannedVolume};
pub use check::{CheckDocument, CheckEntry};
pub(crate) use demo::DEMO;
pub use demo::{Compared, DemoDocument};
pub use diff::{DiffDocument, DifferenceOfSets, DifferentAttached, DifferentImage, DifferentPlatform};
pub use images_found::{FileMessage, ImagePlace, ImagesFoundDocument};
pub(crate) use inspect::INSPECT;
pub use inspect::{
    Content, InspectDocument, InspectedBlob, InspectedConfig, InspectedImage, InspectedManifest,
    InspectedStep, Structure,
};
pub use lock::{
    ChangeKind, DifferenceKind, LockChange, LockCheckDocument, LockDifference, LockResultDocument,
};
pub use login::{LoginDocument, LoginKeeper, LogoutDocument};
pub use pin::{PinDocument, PinnedFile, PinnedValue, UnpinnedImage};
pub use prune::{LeftKind, LeftManifest, PruneResultDocument};
pub use push_plan::{Found, PushPlanDocument, PushedAttached, PushedImage};
pub use streamed::StreamedList;

/// The schemas of all documents, each with the name of its file in `schemas/`.
pub fn schemas() -> Vec<(&'static str, Schema)> {
    vec![
        ("build.json", named::<BuildDocument>()),
        ("plan.json", named::<PlanDocument>()),
        ("report.json", named::<airlift_verifier::Report>()),
        ("receipt.json", named::<airlift_pusher::Receipt>()),
        ("event.json", named::<Arrival>()),
        ("push-plan.json", named::<PushPlanDocument>()),
        ("inspect.json", named::<InspectDocument<'_>>()),
        ("demo.json", named::<DemoDocument>()),
        ("diff.json", named::<DiffDocument>()),
        ("prune.json", named::<airlift_lists::PrunePlan>()),
        ("prune-result.json", named::<PruneResultDocument>()),
        ("lock-result.json", named::<LockResultDocument>()),
        ("lock-check.json", named::<LockCheckDocument>()),
        ("check.json", named::<CheckDocument>()),
        ("login.json", named::<LoginDocument>()),
        ("logout.json", named::<LogoutDocument>()),
        ("lock.json", named::<airlift_lists::lock::Lock>()),
        ("volume.json", named::<airlift_verifier::VolumeReport>()),
        ("images-found.json", named::<ImagesFoundDocument<'_>>()),
        ("pin.json", named::<PinDocument>()),
        ("images.json", airlift_lists::images_file::schema()),
        ("volumes.json", named::<airlift_bundle::volumes::VolumeSet>()),
    ]
}

/// A document as it is printed or written to a file. People look at it on terminals, so it holds nothing that
/// these obey.
pub(crate) fn written(document: &impl Serialize) -> Result<String, Failure> {
    let mut text = serde_json::to_string_pretty(document).map_err(Failure::Json)?;
    text.push('\n');
    Ok(match harmless_json(&text) {
        Cow::Borrowed(_) => text,
        Cow::Owned(harmless) => harmless,
    })
}

/// The same document, written piece by piece: that of a hostile bundle has hundreds of megabytes.
pub(crate) fn write_to(out: &mut impl io::Write, document: &impl Serialize) -> io::Result<()> {
    let mut out = HarmlessWriter { out: io::BufWriter::with_capacity(64 << 10, out) };
    serde_json::to_writer_pretty(&mut out, document)?;
    out.write_all(b"\n")?;
    out.flush()
}

/// Writes the pieces of a JSON document. The serializer cuts them beside ASCII characters only.
struct HarmlessWriter<W: io::Write> {
    out: io::BufWriter<W>,
}

impl<W: io::Write> io::Write for HarmlessWriter<W> {
    fn write(&mut self, piece: &[u8]) -> io::Result<usize> {
        let text = std::str::from_utf8(piece).map_err(io::Error::other)?;
        self.out.write_all(harmless_json(text).as_bytes())?;
        Ok(piece.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

/// The schema of what is written, which may lack members that are empty.
fn named<T: JsonSchema>() -> Schema {
    SchemaSettings::draft2020_12().for_serialize().into_generator().into_root_schema_for::<T>()
}

#[cfg(test)]
mod tests {
    #[test]
    fn pieces_are_as_harmless_as_the_whole() {
        let texts = ["plain", "a\"b\\c\n\t\u{7f}d", "é\u{202e}\u{1f600}\u{e0001}\"ü\u{9b}", "", "\u{feff}"];
        let mut written = Vec::new();
        super::write_to(&mut written, &texts).unwrap();
        assert_eq!(String::from_utf8(written).unwrap(), super::written(&texts).unwrap());
    }
}
