//! Volumes by themselves: one volume compared with the manifest of its set, and which volumes of a damaged
//! bundle were altered.

use std::path::Path;

use airlift_bundle::volumes::{self, OpenedVolume, PathKind, Volume, VolumeSet};
use airlift_bundle::{Finding, Rule, Section, parallel};
use airlift_oci::{Algorithm, Digest, Event, Observer, Phase};
use schemars::JsonSchema;
use serde::Serialize;

use crate::error::ExamineError;
use crate::examined::Examined;
use crate::verify::Options;

/// What the report on one volume calls itself.
const SCHEMA: &str = "airlift.volume/v1";

/// The answer to "is this volume what the manifest of its set says?". It says nothing about the other
/// volumes, and so nothing about the bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct VolumeReport {
    /// `airlift.volume/v1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// Whether there is no finding of severity `error`.
    pub ok: bool,
    /// The id of the bundle that the volume belongs to, as the manifest says. Absent where the manifest is
    /// damaged.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub bundle: Option<Digest>,
    /// The volume's file name.
    pub name: String,
    /// The volume's number, from 1. Absent where the manifest is damaged or doesn't know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub number: Option<usize>,
    /// How many volumes the set has.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub of: Option<usize>,
    /// Bytes of the volume.
    pub size: u64,
    /// Bytes that were read and hashed.
    pub hashed: u64,
    /// Everything that is wrong.
    pub findings: Vec<Finding>,
}

/// Verifies the volume at `path` by itself, beside the manifest of its set; `None` where `path` names no
/// volume.
///
/// # Errors
/// If it, or the manifest, can't be read.
pub fn verify_volume(
    path: &Path,
    options: &Options<'_>,
    observer: &dyn Observer,
) -> Result<Option<VolumeReport>, ExamineError> {
    let PathKind::Volume { manifest, name } = volumes::classify(path) else { return Ok(None) };
    let OpenedVolume { set, volume, content, findings } = volumes::open_volume(&manifest, &name)?;
    let mut report = VolumeReport {
        schema: SCHEMA,
        ok: false,
        bundle: set.as_ref().map(|set| set.bundle),
        name,
        number: volume.as_ref().map(|volume| volume.number),
        of: set.as_ref().map(VolumeSet::count),
        size: content.as_ref().map_or(0, Section::size),
        hashed: 0,
        findings,
    };
    if let (Some(set), Some(volume), Some(content)) = (&set, &volume, &content) {
        let _phase = Phase::Verify.start(observer, content.size());
        let found = hash(volume, content, observer);
        let found = found.map_err(|source| ExamineError::Read { path: path.to_owned(), source })?;
        report.hashed = content.size();
        report.findings.extend(volumes::wrong_content(set, volume, &found));
    }
    if let Some(expected) = options.expect.filter(|expected| report.bundle != Some(*expected)) {
        let found = report.bundle.map_or("its bundle is unknown".to_owned(), |id| format!("but of {id}"));
        let message = format!("this is no volume of the bundle {expected}, {found}");
        report.findings.push(Finding::new(Rule::ExpectedId, message));
    }
    report.ok = report.findings.is_empty();
    Ok(Some(report))
}

fn hash(volume: &Volume, content: &Section, observer: &dyn Observer) -> std::io::Result<Digest> {
    let (digest, label) = (volume.sha256.0, volume.name.clone());
    observer.notice(Event::Started { digest, label, size: content.size() });
    let found = content.digest(Algorithm::Sha256, |bytes| observer.notice(Event::Advanced { digest, bytes }));
    observer.notice(Event::Finished { digest });
    found
}

impl Examined {
    /// Finds which volumes of a damaged bundle were altered, or are in another's place. The findings on
    /// content don't say that for content that lies in several volumes.
    pub(crate) fn name_altered_volumes(&mut self, jobs: usize, observer: &dyn Observer) {
        let is_damaged = self.findings().iter().any(|one| one.is_error() && one.rule != Rule::ExpectedId);
        let Some(set) = self.archive.volumes().filter(|_| is_damaged) else { return };
        let all: Vec<(&Volume, Section)> =
            set.volumes.iter().filter_map(|volume| Some((volume, self.archive.volume(volume)?))).collect();
        let bytes = all.iter().map(|(volume, _)| volume.size).sum();
        let _phase = Phase::Volumes.start(observer, bytes);
        let found = parallel::map(&all, jobs, |(volume, content)| match hash(volume, content, observer) {
            Ok(found) => volumes::wrong_content(set, volume, &found),
            Err(error) => {
                let message = format!("{} can't be read: {error}", volume.name);
                Some(Finding::new(Rule::BlobUnreadable, message))
            }
        });
        let found: Vec<Finding> = found
            .into_iter()
            .zip(&all)
            .filter_map(|(finding, (volume, _))| Some(finding?.at(set.offset_of(volume))))
            .collect();
        self.findings.put_first(found);
    }
}
