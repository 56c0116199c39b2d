//! The report: what was looked at, and every defect that was found. A defect is data; an error means that we
//! could not look.

use airlift_bundle::{Archive, Finding, Rule};
use airlift_oci::Digest;
use schemars::JsonSchema;
use serde::Serialize;

/// What the report calls itself.
pub const SCHEMA: &str = "airlift.report/v1";

/// The answer to "is this bundle whole and unchanged?".
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// `airlift.report/v1`.
    #[schemars(extend("const" = SCHEMA))]
    pub schema: &'static str,
    /// Whether there is no finding of severity `error`.
    pub ok: bool,
    /// The same in more words.
    pub state: State,
    /// The digest of `index.json`: the bundle's id. Absent where there is no `index.json`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<Digest>,
    /// Bytes of the archive, or of a folder's files together.
    pub size: u64,
    /// Bytes of content that were read and hashed.
    pub hashed: u64,
    /// The images and artifacts that the bundle names.
    pub images: Vec<ImageReport>,
    /// What is attached to them: signatures, SBOMs, attestations.
    pub referrers: Vec<ReferrerReport>,
    /// Content that the layout lists like images and whose type is unknown: nothing is said of it but that it
    /// is what it is called. Absent where there is none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub unknown: Vec<UnknownReport>,
    /// Everything that is wrong or odd; what is wrong with the container itself comes first.
    pub findings: Vec<Finding>,
}

/// What a bundle is, by all that was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Whole and unchanged, without what was left out by choice.
    Whole,
    /// Another tool's layout with a part of an image or more: what is there is right, and some platforms are
    /// not there at all.
    Partial,
    /// Not the bundle whose id was expected; nothing else is wrong.
    OtherBundle,
    /// More than a limit allows, so that not all of it was looked at; what was is right.
    OverLimit,
    /// No image layout, as far as can be seen.
    NoLayout,
    /// One of our bundles, packed again by another tool: all content is right, and the archive isn't the
    /// original.
    PackedAgain,
    /// What a build that has not ended, or was broken off, has written so far.
    Unfinished,
    /// Damaged, or made in a way that nobody should rely on.
    Damaged,
}

/// One image or artifact of the bundle.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ImageReport {
    /// Its reference, as the bundle gives it; absent where a layout names none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// Whether all of it is there and unchanged.
    pub ok: bool,
    /// The platforms whose content is carried.
    pub platforms: Vec<String>,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
}

/// Something attached to an image.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct ReferrerReport {
    /// Its reference, as the bundle gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest that it is attached to.
    pub subject: Digest,
    /// What kind of artifact it is, where it says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub artifact_type: Option<String>,
    /// Whether all of it is there and unchanged.
    pub ok: bool,
}

/// Content of an unknown type.
#[derive(Clone, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct UnknownReport {
    /// The name that the layout gives it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reference: Option<String>,
    /// Its digest.
    pub digest: Digest,
    /// What the layout calls its type.
    pub media_type: String,
}

/// Content that could not be read: in a compressed bundle because of what stands there, else because of the
/// disk.
pub(crate) fn unreadable(archive: &Archive, error: &std::io::Error) -> Finding {
    let is_compressed = archive.storage().is_some_and(airlift_bundle::Storage::is_compressed);
    let is_damage = is_compressed && error.kind() == std::io::ErrorKind::InvalidData;
    let rule = if is_damage { Rule::ZstFrame } else { Rule::BlobUnreadable };
    Finding::new(rule, format!("the content can't be read: {error}"))
}

/// Findings as they come. A hostile bundle of a few megabytes can name a hundred thousand things that are
/// missing, each with a path; beyond a number that anybody reads they are only counted.
#[derive(Debug, Default)]
pub(crate) struct Findings {
    kept: Vec<Finding>,
    /// Errors and warnings that were not kept.
    more: [u64; 2],
}

impl Findings {
    /// So many are kept.
    const MOST: usize = 10_000;

    pub(crate) fn push(&mut self, finding: Finding) {
        if self.kept.len() < Self::MOST {
            self.kept.push(finding);
        } else {
            self.more[usize::from(!finding.is_error())] += 1;
        }
    }

    pub(crate) fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        findings.into_iter().for_each(|finding| self.push(finding));
    }

    /// Puts findings before all others: what the others follow from.
    pub(crate) fn put_first(&mut self, findings: Vec<Finding>) {
        let others = std::mem::replace(&mut self.kept, findings);
        self.extend(others);
    }

    /// Drops those that turned out to be none.
    pub(crate) fn retain(&mut self, keep: impl FnMut(&Finding) -> bool) {
        self.kept.retain(keep);
    }

    /// Those that were kept.
    pub(crate) fn as_slice(&self) -> &[Finding] {
        &self.kept
    }

    /// Whether any of them forbids the bundle's use.
    pub(crate) fn forbid(&self) -> bool {
        self.more[0] > 0 || self.kept.iter().any(Finding::is_error)
    }

    /// All of them for a report, with a word on those that were not kept.
    pub(crate) fn to_vec(&self) -> Vec<Finding> {
        let mut all = self.kept.clone();
        let [errors, warnings] = self.more;
        if errors > 0 {
            all.push(Finding::new(Rule::MoreFindings, format!("{errors} more errors are not listed")));
        }
        if warnings > 0 {
            let message = format!("{warnings} more warnings are not listed");
            all.push(Finding::new(Rule::MoreFindings, message).as_warning());
        }
        all
    }
}
