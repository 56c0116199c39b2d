//! What a push was asked for and could not get.

use schemars::JsonSchema;
use serde::Serialize;

/// An image that could not be had at its source.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub struct FailedSource {
    /// What was asked for.
    pub source: String,
    /// Why it could not be had.
    pub error: String,
}
