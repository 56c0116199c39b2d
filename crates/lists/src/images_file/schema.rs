//! The JSON Schema of images files, by which editors complete and check them.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use schemars::{JsonSchema, Schema};

/// The schema of images files.
pub fn schema() -> Schema {
    SchemaSettings::draft2020_12().into_generator().into_root_schema_for::<ImagesDocument>()
}

/// Images to lock and to build bundles from.
#[derive(JsonSchema)]
#[schemars(title = "Airlift images file", deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made of it")]
struct ImagesDocument {
    /// The version of this format.
    #[schemars(range(min = 1, max = 1))]
    version: u8,
    /// What to carry of images whose entries don't say it.
    #[schemars(default)]
    defaults: Option<DefaultsDocument>,
    /// From where to fetch instead: a registry, or a registry with a path, and its mirror.
    #[schemars(default)]
    mirrors: BTreeMap<String, String>,
    /// Images in groups, which a build can choose by their names.
    groups: BTreeMap<String, Option<Vec<EntryDocument>>>,
}

/// What to carry of images whose entries don't say it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made of it")]
struct DefaultsDocument {
    /// The platforms, such as linux/amd64; without them, all.
    #[schemars(default)]
    platforms: Option<OneOrMore>,
    /// Whether signatures, SBOMs and the like come along.
    #[schemars(default)]
    referrers: Option<ReferrersWord>,
}

/// Images: a reference, or more than that.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema is made of it")]
enum EntryDocument {
    /// An image such as nginx:1.27, or images of a layout such as oci-archive:ours.tar.
    Reference(String),
    /// An image, with what to carry of it.
    Image(ImageEntry),
    /// Images of one repository, by their tags.
    Tags(TagsEntry),
}

/// An image, with what to carry of it.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made of it")]
struct ImageEntry {
    /// An image such as nginx:1.27, or images of a layout such as oci-archive:ours.tar.
    r#ref: String,
    /// The platforms, such as linux/amd64, or all.
    #[schemars(default)]
    platforms: Option<OneOrMore>,
    /// Whether signatures, SBOMs and the like come along.
    #[schemars(default)]
    referrers: Option<ReferrersWord>,
}

/// Images of one repository, by their tags.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made of it")]
struct TagsEntry {
    /// The repository, such as registry.k8s.io/pause.
    repo: String,
    /// The tags, or a selector.
    tags: TagsDocument,
    /// The platforms, such as linux/amd64, or all.
    #[schemars(default)]
    platforms: Option<OneOrMore>,
    /// Whether signatures, SBOMs and the like come along.
    #[schemars(default)]
    referrers: Option<ReferrersWord>,
}

/// Tags, or a selector of tags.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema is made of it")]
enum TagsDocument {
    /// One tag.
    One(TagText),
    /// Several tags.
    Several(Vec<TagText>),
    /// Which tags of the registry's list.
    Selector(SelectorDocument),
}

/// A tag as it is written: 1.10 is the tag 1.10, with quotes or without.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema is made of it")]
enum TagText {
    /// A text.
    Text(String),
    /// What YAML takes for a number.
    Number(f64),
}

/// Which tags of the registry's list, when the list is locked.
#[derive(JsonSchema)]
#[schemars(deny_unknown_fields)]
#[expect(dead_code, reason = "the schema is made of it")]
struct SelectorDocument {
    /// A range of versions, such as >=3.8 <4.
    #[schemars(default)]
    semver: Option<String>,
    /// A regular expression that is found in the tag.
    #[schemars(default)]
    regex: Option<String>,
    /// A regular expression that is not found in the tag.
    #[schemars(default)]
    except: Option<String>,
    /// So many at most, by the order of versions.
    #[schemars(default, range(min = 1, max = 1000))]
    newest: Option<u32>,
    /// Whether versions with a suffix, such as 1.27-alpine, are in a range that names none.
    #[schemars(default)]
    prerelease: Option<bool>,
}

/// One text, or a list of texts.
#[derive(JsonSchema)]
#[schemars(untagged)]
#[expect(dead_code, reason = "the schema is made of it")]
enum OneOrMore {
    /// One.
    One(String),
    /// Several.
    Several(#[schemars(length(min = 1))] Vec<String>),
}

/// Whether signatures, SBOMs and the like come along.
#[derive(JsonSchema)]
#[schemars(rename_all = "lowercase")]
#[expect(dead_code, reason = "the schema is made of it")]
enum ReferrersWord {
    /// All of them.
    All,
    /// None of them.
    None,
}
