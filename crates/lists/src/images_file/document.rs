//! The document as a whole.

use std::collections::BTreeSet;

use airlift_oci::reference::MirrorRule;

use super::entries::{Defaults, read_choice, read_entry};
use super::members::{Keys, Members, Reader, shown};
use crate::choice::Choice;
use crate::entry::Entry;
use crate::position::{ListErrors, ListText};
use crate::yaml::{self, Content, Node};
use airlift_oci::text::with_causes;

/// The version of images files that is read.
const VERSION: u64 = 1;

pub(super) const DOCUMENT: Keys = Keys {
    owner: "an images file",
    known: &["version", "defaults", "mirrors", "groups"],
    instead: &[("images", "groups"), ("default", "defaults"), ("registries", "mirrors")],
};

pub(super) const DEFAULTS: Keys = Keys {
    owner: "defaults",
    known: &["platforms", "referrers"],
    instead: &[("platform", "platforms"), ("arch", "platforms")],
};

/// What an images file says.
#[derive(Clone, Debug, Default)]
pub struct ImagesFile {
    /// From where to fetch instead.
    pub mirrors: Vec<MirrorRule>,
    /// The names of all groups, also of those without entries.
    pub groups: BTreeSet<String>,
    /// The entries of all groups, in the order of the file.
    pub entries: Vec<Entry>,
}

impl ImagesFile {
    /// Reads an images file. `given` is what to carry of images whose entries don't say it; it goes before
    /// the file's defaults.
    ///
    /// # Errors
    /// If the file is not YAML, and for each part that is wrong.
    pub fn parse(file: &str, bytes: &[u8], given: &Choice) -> Result<Self, ListErrors> {
        let text = ListText::new(file, bytes)?;
        let document = yaml::read(&text)?;
        let mut reader = Reader::new(&text);
        let images = read_document(&mut reader, &document, given);
        match (ListErrors::of(reader.errors), images) {
            (None, images) => Ok(images.unwrap_or_default()),
            (Some(errors), _) => Err(errors),
        }
    }
}

fn read_document(reader: &mut Reader<'_>, document: &Node, given: &Choice) -> Option<ImagesFile> {
    if !is_our_version(reader, document) {
        return None;
    }
    let members = reader.members(document, &DOCUMENT)?;
    let of_file = members.get("defaults").and_then(|node| {
        let members = reader.members(node, &DEFAULTS)?;
        Some(read_choice(reader, members))
    });
    let defaults = Defaults { given, of_file: of_file.unwrap_or_default() };
    let mirrors = members.get("mirrors").map(|node| read_mirrors(reader, node)).unwrap_or_default();
    let Some(groups) = members.get("groups") else {
        reader.refuse(document.position, "an images file needs 'groups', which have the images");
        return None;
    };
    let mut file = ImagesFile { mirrors, ..ImagesFile::default() };
    for member in reader.mapping(groups, "groups").iter().flat_map(Members::iter) {
        if !is_group_name(&member.key) {
            let message = "a group's name is made of letters, digits, '.', '_' and '-', and starts with neither of these signs";
            reader.refuse(member.position, message);
        }
        file.groups.insert(member.key.clone());
        let entries = match &member.value.content {
            Content::Null => Vec::new(),
            Content::Sequence(nodes) => {
                nodes.iter().filter_map(|node| read_entry(reader, node, &defaults)).flatten().collect()
            }
            other => {
                let message = format!(
                    "the group '{}' is a list of images, and this is {}",
                    shown(&member.key),
                    other.kind()
                );
                reader.refuse(member.value.position, message);
                Vec::new()
            }
        };
        let group = |mut entry: Entry| {
            entry.groups.insert(member.key.clone());
            entry
        };
        file.entries.extend(entries.into_iter().map(group));
    }
    Some(file)
}

/// Whether it has the version that is read. Of another one, nothing else can be said.
fn is_our_version(reader: &mut Reader<'_>, document: &Node) -> bool {
    let start = document.position;
    let Content::Mapping(_) = &document.content else {
        let message = match document.content {
            Content::Null => "it is empty: an images file has 'version: 1' and 'groups'",
            Content::Sequence(_) => {
                "an images file has 'version: 1' and 'groups'; a list of references alone is a text file, with one reference a line"
            }
            _ => "an images file has 'version: 1' and 'groups'",
        };
        reader.refuse(start, message);
        return false;
    };
    let version = reader.mapping(document, DOCUMENT.owner).and_then(|members| members.get("version"));
    let Some(node) = version else {
        reader.refuse(start, "'version: 1' is missing");
        return false;
    };
    let Some(text) = reader.scalar(node, "version") else { return false };
    match text.parse() {
        Ok(VERSION) => return true,
        Ok(newer) if newer > VERSION => {
            let message = format!(
                "version {newer} is newer than version {VERSION}, which this Airlift reads: use a newer Airlift"
            );
            reader.refuse(node.position, message);
        }
        _ => {
            reader.refuse(node.position, format!("'{}' is no version of images files: write 1", shown(text)))
        }
    }
    false
}

fn read_mirrors(reader: &mut Reader<'_>, node: &Node) -> Vec<MirrorRule> {
    let mut rules: Vec<MirrorRule> = Vec::new();
    for member in reader.mapping(node, "mirrors").iter().flat_map(Members::iter) {
        let Some(to) = reader.scalar(&member.value, "a mirror") else { continue };
        match MirrorRule::new(&member.key, to) {
            Ok(rule) if rules.iter().any(|earlier| earlier.from == rule.from) => {
                reader.refuse(member.position, format!("{} has a mirror already", rule.from));
            }
            Ok(rule) => rules.push(rule),
            Err(error) => reader.refuse(member.position, with_causes(&error)),
        }
    }
    rules
}

fn is_group_name(name: &str) -> bool {
    let is_word = |c: char| c.is_alphanumeric();
    name.starts_with(is_word) && name.chars().all(|c| is_word(c) || matches!(c, '.' | '_' | '-'))
}
