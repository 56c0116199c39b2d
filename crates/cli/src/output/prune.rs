//! What `airlift prune --apply` says.

use airlift_lists::prune_plan::PlannedDeletion;
use airlift_oci::Digest;
use airlift_pruner::{Applied, Left, LeftReason};
use schemars::JsonSchema;
use serde::Serialize;

use airlift_oci::text::with_causes;

const PRUNE_RESULT: &str = "airlift.prune-result/v1";

/// What became of a deletion plan.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct PruneResultDocument {
    /// `airlift.prune-result/v1`.
    #[schemars(extend("const" = PRUNE_RESULT))]
    pub schema: &'static str,
    /// The target.
    pub target: String,
    /// Whether all of the plan is gone.
    pub ok: bool,
    /// What is gone now, in the order of its deletion. What was gone before counts, too.
    pub deleted: Vec<PlannedDeletion>,
    /// What was left alone.
    pub left: Vec<LeftManifest>,
    /// Where deletion is switched off at the registry: its answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disabled: Option<String>,
}

/// A manifest that was left alone.
#[derive(Debug, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct LeftManifest {
    /// Its repository.
    pub repository: String,
    /// Its digest.
    pub digest: Digest,
    /// Of which kind the reason is.
    pub why: LeftKind,
    /// The reason in words.
    pub message: String,
}

/// A kind of reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum LeftKind {
    /// A tag of it stands for something else now.
    Moved,
    /// A tag that is not in the plan stands for it.
    Tagged,
    /// Something that stays names it, or may name it.
    Named,
    /// Deletion is switched off.
    Disabled,
    /// The registry didn't delete it, whatever it answered, or didn't answer.
    Failed,
}

impl PruneResultDocument {
    pub(crate) fn new(target: &str, applied: &Applied) -> Self {
        PruneResultDocument {
            schema: PRUNE_RESULT,
            target: target.to_owned(),
            ok: applied.left.is_empty(),
            deleted: applied.deleted.clone(),
            left: applied.left.iter().map(LeftManifest::from).collect(),
            disabled: applied.disabled.as_ref().map(ToString::to_string),
        }
    }
}

impl From<&Left> for LeftManifest {
    fn from(Left { planned, reason }: &Left) -> Self {
        LeftManifest {
            repository: planned.repository.to_string(),
            digest: planned.digest,
            why: match reason {
                LeftReason::Moved { .. } => LeftKind::Moved,
                LeftReason::NewTag(_) => LeftKind::Tagged,
                LeftReason::Named | LeftReason::Unlisted => LeftKind::Named,
                LeftReason::Disabled => LeftKind::Disabled,
                LeftReason::Unknown
                | LeftReason::Refused(_)
                | LeftReason::StillThere
                | LeftReason::Unproven(_)
                | LeftReason::Failed(_) => LeftKind::Failed,
            },
            message: with_causes(reason),
        }
    }
}
