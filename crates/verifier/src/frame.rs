//! Headers, padding and tail of our own archives, compared byte for byte with what the plan says.

use std::io;

use airlift_bundle::frame::{Region, entry_defect, tail_defect};
use airlift_bundle::zst::cut_defect;
use airlift_bundle::{Plan, Storage};

use crate::report::Finding;

/// Every entry whose surroundings are not what they have to be, and the tail.
pub(crate) fn compare(archive: &Storage, length: u64, plan: &Plan) -> io::Result<Vec<Finding>> {
    let mut findings = Vec::new();
    for entry in plan.entries() {
        if entry.header_offset >= length {
            // All that is missing behind the end is one finding, not one an entry; missing blobs are named elsewhere.
            break;
        }
        if let Some((region, offset)) = entry_defect(archive, entry)? {
            let (rule, what) = match region {
                Region::Header => ("tar-header", "the tar header"),
                Region::Padding => ("tar-padding", "the padding"),
            };
            let message = match offset >= length {
                true => format!("the archive is cut off inside {what} of {}", entry.path),
                false => format!("{what} of {} was altered", entry.path),
            };
            findings
                .push(Finding::error(rule, message).about(entry.digest).at(offset).of(plan.path_of(entry)));
        }
    }
    if let Some(offset) = tail_defect(archive, length, plan)? {
        let (rule, message) = if length < plan.size() {
            ("tar-truncated", format!("the archive is cut off at byte {length} of {}", plan.size()))
        } else if offset >= plan.size() {
            ("tar-tail", format!("{} bytes stand behind the archive's end", length - plan.size()))
        } else {
            ("tar-tail", "the zeros that close the archive were altered".to_owned())
        };
        findings.push(Finding::error(rule, message).at(offset).of(vec!["end of archive".to_owned()]));
    }
    Ok(findings)
}

/// Whether a compressed archive is cut into frames as a writer would have done it.
pub(crate) fn compare_cut(archive: &Storage, plan: &Plan) -> Option<Finding> {
    let offset = cut_defect(archive, plan)?;
    let message = "the archive is not cut into frames as it has to be";
    Some(Finding::error("zst-frames", message).at(offset).of(vec!["frames".to_owned()]))
}
