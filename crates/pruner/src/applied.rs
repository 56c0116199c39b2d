//! What comes of a plan that is carried out.

use std::collections::HashSet;

use airlift_lists::prune_plan::PlannedDeletion;
use airlift_oci::{Digest, Repository, Tag};
use airlift_registry::{Error, Refusal};

use crate::error::PruneError;

/// What came of a plan.
#[derive(Debug, Default)]
pub struct Applied {
    /// What is gone now.
    pub deleted: Vec<PlannedDeletion>,
    /// What was left alone.
    pub left: Vec<Left>,
    /// Set if the registry deletes nothing at all: its answer. Nothing else was tried then.
    pub disabled: Option<Box<Refusal>>,
}

/// A manifest that was left alone.
#[derive(Debug)]
pub struct Left {
    /// What was planned.
    pub planned: PlannedDeletion,
    /// Why it is still there.
    pub reason: LeftReason,
}

/// Why a manifest was left alone.
#[derive(Debug, thiserror::Error)]
pub enum LeftReason {
    /// A tag of it stands for something else now.
    #[error("its tag {tag} stands for {now} now")]
    Moved {
        /// The tag.
        tag: Tag,
        /// What it stands for.
        now: Digest,
    },
    /// A tag that is not in the plan stands for it.
    #[error("the tag {0} stands for it, and is not in the plan")]
    NewTag(Tag),
    /// Something that stays names it.
    #[error("an index that stays names it, or it is attached to something that stays")]
    Named,
    /// The plan doesn't say what lists it, and none of its indexes does.
    #[error("the plan doesn't say that no other index lists it")]
    Unlisted,
    /// Its repository can't be looked at.
    #[error("its repository can't be looked at")]
    Unknown,
    /// The registry didn't delete it.
    #[error("the registry didn't delete it")]
    Refused(#[source] Error),
    /// The registry said that it is gone, and still has it.
    #[error("the registry answered that it deleted it, and still has it")]
    StillThere,
    /// The registry said that it is gone, and can't be asked again.
    #[error("the registry answered that it deleted it, and can't be asked whether it is gone")]
    Unproven(#[source] Error),
    /// The state of its tags could not be asked for.
    #[error(transparent)]
    Failed(PruneError),
    /// Deletion is switched off.
    #[error("nothing is deleted at this registry")]
    Disabled,
}

impl Applied {
    pub(crate) fn leave(
        &mut self,
        entries: &[&PlannedDeletion],
        mut reason: impl FnMut(&PlannedDeletion) -> LeftReason,
    ) {
        for planned in entries {
            self.left.push(Left { reason: reason(planned), planned: (*planned).clone() });
        }
    }

    /// What is settled of a repository.
    pub(crate) fn in_repository(&self, repository: &Repository) -> HashSet<Digest> {
        let left = self.left.iter().map(|left| &left.planned);
        let settled = self.deleted.iter().chain(left).filter(|one| one.repository == *repository);
        settled.map(|one| one.digest).collect()
    }
}
