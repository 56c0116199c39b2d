//! Airlift's own archives: headers, padding and tail, compared byte for byte with the plan.

use std::io;

use airlift_bundle::compare::{Region, entry_difference, frames_difference, tail_difference};
use airlift_bundle::plan::Content;
use airlift_bundle::{Archive, Finding, Plan, PlannedEntry, Rule, Storage};

/// How an archive of Airlift's compares with its plan.
pub(super) enum Compared {
    /// Entries are where the plan puts them. The findings name what was altered.
    AsPlanned(Vec<Finding>),
    /// Another tool packed it again: all entries are there, in other places or with other headers.
    PackedAgain(Finding),
}

/// Compares what surrounds each entry, and the tail.
///
/// # Errors
/// If the archive can't be read.
pub(super) fn compare(archive: &Archive, storage: &Storage, plan: &Plan) -> io::Result<Compared> {
    let length = archive.size();
    let mut altered = Vec::new();
    for (position, entry) in plan.entries().enumerate() {
        if entry.header_offset >= length {
            // One finding for all that is missing behind the end, not one an entry. Missing blobs are named
            // elsewhere.
            break;
        }
        if let Some((region, offset)) = entry_difference(storage, &entry)? {
            altered.push(Altered { position, region, offset });
        }
    }
    if let Some(finding) = packed_again(archive, plan, &altered) {
        return Ok(Compared::PackedAgain(finding));
    }
    let shifted = shifted(plan, &altered, length);
    let before = altered.len() - shifted.len();
    let mut findings: Vec<Finding> =
        altered[..before].iter().filter_map(|altered| altered.finding(plan, length)).collect();
    findings.extend(shifted.first().and_then(|first| first.finding_of_shift(plan, shifted.len())));
    findings.extend(compare_tail(storage, length, plan)?);
    Ok(Compared::AsPlanned(findings))
}

/// An entry whose surroundings are not what they have to be.
#[derive(Clone, Copy)]
struct Altered {
    /// Which entry of the plan.
    position: usize,
    region: Region,
    offset: u64,
}

impl Altered {
    fn finding(&self, plan: &Plan, length: u64) -> Option<Finding> {
        let entry = plan.entry(self.position)?;
        let (rule, what) = match self.region {
            Region::Header => (Rule::TarHeader, "the tar header"),
            Region::Padding => (Rule::TarPadding, "the padding"),
        };
        let path = entry.path();
        let message = match self.offset >= length {
            true => format!("the archive is cut off inside {what} of {path}"),
            false => format!("{what} of {path} was altered"),
        };
        Some(placed(Finding::new(rule, message), &entry, plan).at(self.offset))
    }

    fn finding_of_shift(&self, plan: &Plan, count: usize) -> Option<Finding> {
        let entry = plan.entry(self.position)?;
        let message = format!(
            "from here on nothing is where it has to be: {} should begin here, and neither it nor any of the {} entries behind it does; something was put in or taken out, or all of it was overwritten",
            entry.path(),
            count - 1
        );
        Some(placed(Finding::new(Rule::TarShifted, message), &entry, plan).at(entry.header_offset))
    }
}

fn placed(finding: Finding, entry: &PlannedEntry, plan: &Plan) -> Finding {
    finding.about(entry.digest).of(plan.path_of(entry))
}

/// The altered entries at the end of the archive, if no header is where the plan puts it from there on. One
/// such entry is no shift.
fn shifted<'a>(plan: &Plan, altered: &'a [Altered], length: u64) -> &'a [Altered] {
    let positions = (0..plan.entry_count()).rev();
    let there =
        positions.filter(|position| plan.entry(*position).is_some_and(|entry| entry.header_offset < length));
    let in_a_row = there
        .zip(altered.iter().rev())
        .take_while(|(position, altered)| *position == altered.position && altered.region == Region::Header)
        .count();
    if in_a_row > 1 { &altered[altered.len() - in_a_row..] } else { &[] }
}

/// The finding on a sound archive that another tool packed: it has all entries of the plan, but in other
/// places, or all of them with other headers.
fn packed_again(archive: &Archive, plan: &Plan, altered: &[Altered]) -> Option<Finding> {
    let first = altered.first().filter(|first| first.region == Region::Header)?;
    if archive.has_errors() {
        return None;
    }
    let mut moved = false;
    for entry in plan.entries() {
        let section = match entry.content {
            Content::Layout => archive.layout(),
            Content::Index => archive.index(),
            Content::Manifest(_) | Content::Blob(_) => archive.blob(&entry.digest),
        };
        let section = section.filter(|section| section.size() == entry.size)?;
        moved |= section.offset() != entry.data_offset;
    }
    let all = altered.len() == plan.entry_count();
    let message = format!(
        "the archive was packed again by another tool, and is not the original: it differs from {} on; its contents are judged by themselves",
        plan.entry(first.position)?.path()
    );
    (moved || all)
        .then(|| Finding::new(Rule::TarRepacked, message).at(first.offset).of(vec!["archive".to_owned()]))
}

fn compare_tail(storage: &Storage, length: u64, plan: &Plan) -> io::Result<Option<Finding>> {
    if length < plan.size() {
        let message = format!("the archive is cut off at byte {length} of {}", plan.size());
        return Ok(Some(
            Finding::new(Rule::TarTruncated, message).at(length).of(vec!["end of archive".to_owned()]),
        ));
    }
    let Some(offset) = tail_difference(storage, length, plan)? else { return Ok(None) };
    let (rule, message) = if offset >= plan.size() {
        (Rule::TarTail, format!("{} bytes stand behind the archive's end", length - plan.size()))
    } else {
        (Rule::TarTail, "the zeros that close the archive were altered".to_owned())
    };
    Ok(Some(Finding::new(rule, message).at(offset).of(vec!["end of archive".to_owned()])))
}

/// Checks that a compressed archive is cut into frames as Airlift's writer does it.
pub(super) fn compare_frames(archive: &Storage, plan: &Plan) -> Option<Finding> {
    let offset = frames_difference(archive, plan)?;
    let message = "the archive is not cut into frames as it has to be";
    Some(Finding::new(Rule::ZstFrames, message).at(offset).of(vec!["frames".to_owned()]))
}
