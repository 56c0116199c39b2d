//! YAML as trees whose scalars know their bytes. JSON is read by the same rules: it is YAML.

mod compare;
mod documents;
mod error;
mod node;
mod tree;
mod value;

pub(crate) use compare::{Effect, Expected, is_as_expected};
pub(crate) use documents::Documents;
pub(crate) use error::YamlError;
pub use error::YamlFault;
pub(crate) use node::{Content, NodeId};
pub(crate) use tree::{Tree, moved};
pub use value::{Style, Value};
