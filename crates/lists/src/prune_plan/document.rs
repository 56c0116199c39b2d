//! The plan as a document.

use airlift_oci::{Digest, Repository, Tag};
use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// What a deletion plan calls itself.
pub const SCHEMA: &str = "airlift.prune/v1";

/// What is deleted at a target, in this order.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PrunePlan {
    /// `airlift.prune/v1`.
    #[schemars(extend("const" = SCHEMA))]
    schema: &'static str,
    /// The destination, as it was given.
    pub target: String,
    /// The manifests, indexes before what they list.
    #[serde(rename = "delete")]
    pub deletions: Vec<PlannedDeletion>,
}

/// One manifest that is deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedDeletion {
    /// The repository, with its host.
    #[serde(serialize_with = "as_text")]
    #[schemars(with = "String")]
    pub repository: Repository,
    /// The manifest's digest.
    pub digest: Digest,
    /// The tags that stood for it when the plan was made. They go with it.
    #[serde(serialize_with = "as_texts")]
    #[schemars(with = "Vec<String>")]
    pub tags: Vec<Tag>,
    /// The indexes of the plan that list it. It stays while one of them is there and not in the plan any
    /// more. A plan without this member doesn't say what lists it.
    #[serde(rename = "listedBy", skip_serializing_if = "Option::is_none")]
    #[schemars(with = "Vec<Digest>")]
    pub listed_by: Option<Vec<Digest>>,
    /// The manifests of the plan that it is attached to. It stays while one of them is there and not in the
    /// plan any more.
    #[serde(rename = "attachedTo", skip_serializing_if = "Vec::is_empty")]
    #[schemars(default)]
    pub attached_to: Vec<Digest>,
}

impl PrunePlan {
    /// A plan for a target.
    pub fn new(target: String, deletions: Vec<PlannedDeletion>) -> Self {
        PrunePlan { schema: SCHEMA, target, deletions }
    }
}

fn as_text<S: Serializer>(repository: &Repository, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(repository)
}

fn as_texts<S: Serializer>(tags: &[Tag], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_seq(tags.iter().map(ToString::to_string))
}
