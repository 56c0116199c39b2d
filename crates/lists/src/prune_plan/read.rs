//! Reads a deletion plan, strictly: people edit such files, and what is deleted is gone.

use std::collections::HashMap;
use std::error::Error;
use std::str::FromStr;

use airlift_oci::text::without_password;
use airlift_oci::{Digest, Repository};
use serde::Deserialize;
use serde_json::value::RawValue;

use super::document::{PlannedDeletion, PrunePlan};
use crate::json_source::{DocumentKind, JsonSource};
use crate::position::{ListError, ListErrors};

/// A plan larger than this is refused before it is read.
pub const MAX_PRUNE_PLAN: u64 = 256 << 20;
/// What a plan is among documents.
const KIND: DocumentKind = DocumentKind { noun: "deletion plan", schema: "airlift.prune/v" };

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPlan<'a> {
    #[serde(borrow)]
    schema: &'a RawValue,
    #[serde(borrow)]
    target: &'a RawValue,
    #[serde(borrow)]
    delete: Vec<&'a RawValue>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct WrittenDeletion<'a> {
    #[serde(borrow)]
    repository: &'a RawValue,
    #[serde(borrow)]
    digest: &'a RawValue,
    #[serde(borrow)]
    tags: Vec<&'a RawValue>,
    #[serde(borrow)]
    listed_by: Option<Vec<&'a RawValue>>,
    #[serde(borrow, default)]
    attached_to: Vec<&'a RawValue>,
}

impl PrunePlan {
    /// Reads the content of `file`, which has to be a plan for `target`.
    ///
    /// # Errors
    /// If it is no plan, one of a newer version, cut off, or for another target; and for each entry that
    /// can't be read, that is there twice, or whose repository is not at the target.
    pub fn parse(file: &str, bytes: &[u8], target: &str) -> Result<PrunePlan, ListErrors> {
        let source = JsonSource::new(file, bytes, &KIND)?;
        let written: WrittenPlan<'_> = source.read_all()?;
        source.check_schema(written.schema)?;
        let named = source.short_text(written.target)?;
        if named != target {
            let other = without_password(&named);
            let message = format!("this plan is for the target {other}, and not for {target}");
            return Err(source.error_in(written.target, message).into());
        }
        let mut known = HashMap::new();
        let read = |part| deletion(&source, part, target, &mut known);
        Ok(PrunePlan::new(named, source.read_each(written.delete, read)?))
    }
}

/// One entry. `known` has those before it.
fn deletion<'a>(
    source: &JsonSource<'a>,
    part: &'a RawValue,
    target: &str,
    known: &mut HashMap<(Repository, Digest), &'a RawValue>,
) -> Result<PlannedDeletion, ListError> {
    let written: WrittenDeletion<'_> = source.read(part)?;
    let repository: Repository = source.parse(written.repository)?;
    let is_below = repository
        .to_string()
        .strip_prefix(target)
        .is_some_and(|rest| rest.is_empty() && target.contains('/') || rest.starts_with('/'));
    if !is_below {
        let message = format!("{repository} is not at the target {target}");
        return Err(source.error_in(written.repository, message));
    }
    let digest: Digest = source.parse(written.digest)?;
    if let Some(first) = known.insert((repository.clone(), digest), part) {
        let message = format!("{digest} is there twice: line {} has it, too", source.position(first).line);
        return Err(source.error_in(written.digest, message));
    }
    Ok(PlannedDeletion {
        repository,
        digest,
        tags: parsed(source, &written.tags)?,
        listed_by: written.listed_by.map(|indexes| parsed(source, &indexes)).transpose()?,
        attached_to: parsed(source, &written.attached_to)?,
    })
}

fn parsed<'a, T: FromStr<Err: Error>>(
    source: &JsonSource<'a>,
    parts: &[&'a RawValue],
) -> Result<Vec<T>, ListError> {
    parts.iter().map(|part| source.parse(part)).collect()
}
