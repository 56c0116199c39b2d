//! The entries of groups.

use std::collections::BTreeSet;

use airlift_oci::{Platform, Reference, Referrers, Repository, SourceReference, Tag};

use super::members::{Keys, Members, Reader, shown};
use crate::choice::Choice;
use crate::entry::{Entry, TagQuery, Wanted};
use crate::position::Position;
use crate::selector::{SelectorPart, SelectorParts, TagSelector};
use crate::yaml::{Content, Node};
use airlift_oci::text::with_causes;

pub(super) const ENTRY: Keys = Keys {
    owner: "an entry",
    known: &["ref", "repo", "tags", "platforms", "referrers"],
    instead: &[
        ("image", "ref"),
        ("name", "ref"),
        ("reference", "ref"),
        ("repository", "repo"),
        ("tag", "tags"),
        ("semver", "tags: {semver: …}"),
        ("regex", "tags: {regex: …}"),
        ("newest", "tags: {newest: …}"),
        ("platform", "platforms"),
        ("arch", "platforms"),
    ],
};

pub(super) const SELECTOR: Keys = Keys {
    owner: "a tag selector",
    known: &["semver", "regex", "except", "newest", "prerelease"],
    instead: &[("exclude", "except"), ("pattern", "regex"), ("version", "semver"), ("latest", "newest")],
};

/// What is carried of images whose entries don't say it.
pub(super) struct Defaults<'a> {
    /// What was given for this run, which goes before the file's own defaults.
    pub(super) given: &'a Choice,
    /// What the file says.
    pub(super) of_file: OwnChoice,
}

/// What a part of the file says about the choice.
#[derive(Default)]
pub(super) struct OwnChoice {
    /// Empty: all of them.
    platforms: Option<Vec<Platform>>,
    referrers: Option<Referrers>,
}

impl Defaults<'_> {
    fn choice(&self, own: OwnChoice) -> Choice {
        let given = Some(self.given.platforms.clone()).filter(|platforms| !platforms.is_empty());
        let platforms = own.platforms.or(given).or_else(|| self.of_file.platforms.clone());
        Choice {
            platforms: platforms.unwrap_or_default(),
            referrers: own.referrers.or(self.given.referrers).or(self.of_file.referrers),
        }
    }
}

/// An entry of a group: one image, or one for each tag that it lists.
pub(super) fn read_entry(
    reader: &mut Reader<'_>,
    node: &Node,
    defaults: &Defaults<'_>,
) -> Option<Vec<Entry>> {
    let (wanted, own) = match &node.content {
        Content::Scalar(_) => (vec![image(reader, node)?], OwnChoice::default()),
        Content::Mapping(members) => {
            if let [member] = &members[..]
                && !ENTRY.has(&member.key)
                && let Some(meant) = without_space(&member.key, &member.value)
            {
                let message = format!("a space behind the colon makes this a mapping: is {meant} meant?");
                reader.refuse(member.position, message);
                return None;
            }
            let members = reader.members(node, &ENTRY)?;
            // Both are read, so that all errors are found.
            let own = read_choice(reader, members);
            (read_wanted(reader, node.position, members)?, own)
        }
        other => {
            let message = format!("an entry is a reference or a mapping, and this is {}", other.kind());
            reader.refuse(node.position, message);
            return None;
        }
    };
    let choice = defaults.choice(own);
    let entry =
        |(position, wanted)| Entry { wanted, choice: choice.clone(), groups: BTreeSet::new(), position };
    Some(wanted.into_iter().map(entry).collect())
}

/// `nginx: 1.27` without its space, where that is a reference.
fn without_space(key: &str, value: &Node) -> Option<String> {
    let Content::Scalar(tag) = &value.content else { return None };
    let text = format!("{key}:{tag}");
    text.parse::<SourceReference>().is_ok().then_some(text)
}

/// What to carry, as far as these members say so.
pub(super) fn read_choice(reader: &mut Reader<'_>, members: Members<'_>) -> OwnChoice {
    OwnChoice {
        platforms: members.get("platforms").and_then(|node| read_platforms(reader, node)),
        referrers: members.get("referrers").and_then(|node| {
            reader.word(node, "referrers", &[("all", Referrers::All), ("none", Referrers::None)])
        }),
    }
}

/// A list of platforms; `all` is the empty one.
fn read_platforms(reader: &mut Reader<'_>, node: &Node) -> Option<Vec<Platform>> {
    let mut platforms = Vec::new();
    let nodes = reader.list(node, "platforms")?;
    if nodes.is_empty() {
        reader.refuse(node.position, "platforms is empty: name some, or write all");
        return None;
    }
    for part in nodes {
        let text = reader.scalar(part, "a platform")?;
        if text == "all" && nodes.len() == 1 {
            return Some(Vec::new());
        }
        match text.parse() {
            Ok(platform) if platforms.contains(&platform) => {}
            Ok(platform) => platforms.push(platform),
            Err(error) => reader.refuse(part.position, with_causes(&error)),
        }
    }
    Some(platforms)
}

fn read_wanted(
    reader: &mut Reader<'_>,
    start: Position,
    members: Members<'_>,
) -> Option<Vec<(Position, Wanted)>> {
    let (at, message) = match (members.get("ref"), members.get("repo"), members.get("tags")) {
        (Some(node), None, None) => return Some(vec![image(reader, node)?]),
        (None, Some(repository), Some(tags)) => {
            let repository = read_repository(reader, repository);
            return tags_of(reader, start, repository?, tags);
        }
        (Some(_), ..) => (start, "an entry has either 'ref', or 'repo' and 'tags'"),
        (None, Some(node), None) => {
            (node.position, "'repo' needs 'tags' beside it; for one image write 'ref'")
        }
        (None, None, Some(node)) => (node.position, "'tags' needs 'repo' beside it"),
        (None, None, None) => (start, "an entry needs 'ref', or 'repo' and 'tags'"),
    };
    // Else a misspelt key is what is wrong, and that is said already.
    if members.are_known(&ENTRY) {
        reader.refuse(at, message);
    }
    None
}

fn image(reader: &mut Reader<'_>, node: &Node) -> Option<(Position, Wanted)> {
    match reader.scalar(node, "a reference")?.parse() {
        Ok(reference) => Some((node.position, Wanted::Image(reference))),
        Err(error) => {
            let error: airlift_oci::SourceReferenceError = error;
            reader.refuse(node.position, with_causes(&error));
            None
        }
    }
}

fn read_repository(reader: &mut Reader<'_>, node: &Node) -> Option<Repository> {
    let text = reader.scalar(node, "repo")?;
    if let Ok(SourceReference::Layout(_)) = text.parse() {
        reader
            .refuse(node.position, "an image layout stands under 'ref', where a pattern chooses its images");
        return None;
    }
    match text.parse() {
        Ok(repository) => Some(repository),
        Err(error) => {
            let error: airlift_oci::ReferenceError = error;
            reader.refuse(node.position, with_causes(&error));
            None
        }
    }
}

/// A list of tags, or a selector.
fn tags_of(
    reader: &mut Reader<'_>,
    start: Position,
    repository: Repository,
    node: &Node,
) -> Option<Vec<(Position, Wanted)>> {
    if let Content::Mapping(_) = &node.content {
        let selector = read_selector(reader, node)?;
        return Some(vec![(start, Wanted::Tags(TagQuery { repository, selector }))]);
    }
    let mut images = Vec::new();
    let nodes = reader.list(node, "tags")?;
    if nodes.is_empty() {
        reader.refuse(node.position, "tags is empty");
    }
    for part in nodes {
        match reader.scalar(part, "a tag").map(str::parse::<Tag>) {
            Some(Ok(tag)) => {
                let reference = Reference::tagged(repository.clone(), tag);
                images.push((part.position, Wanted::Image(reference.into())));
            }
            Some(Err(error)) => reader.refuse(part.position, with_causes(&error)),
            None => {}
        }
    }
    Some(images)
}

fn read_selector(reader: &mut Reader<'_>, node: &Node) -> Option<TagSelector> {
    let members = reader.members(node, &SELECTOR)?;
    let mut text = |key: &str| members.get(key).and_then(|node| reader.scalar(node, key)).map(str::to_owned);
    let (semver, regex, except, newest) = (text("semver"), text("regex"), text("except"), text("newest"));
    let prerelease = members.get("prerelease");
    let prerelease =
        prerelease.and_then(|node| reader.word(node, "prerelease", &[("true", true), ("false", false)]));
    // One that is no number counts as given, so that its absence is not refused as well.
    let (newest, is_number) = match newest.as_deref().map(|text| (text, text.parse())) {
        Some((text, Err(_))) => {
            let position = members.get("newest").map_or(node.position, |node| node.position);
            reader.refuse(position, format!("newest is a number of tags, and this is '{}'", shown(text)));
            (Some(1), false)
        }
        Some((_, Ok(newest))) => (Some(newest), true),
        None => (None, true),
    };
    let parts = SelectorParts { semver, regex, except, newest, prerelease: prerelease.unwrap_or_default() };
    let errors = match TagSelector::new(&parts) {
        Ok(selector) => return is_number.then_some(selector),
        Err(errors) => errors,
    };
    for error in errors {
        // A misspelt key is what is wrong then.
        if error.part == SelectorPart::Whole && !members.are_known(&SELECTOR) {
            continue;
        }
        let part = match error.part {
            SelectorPart::Semver => members.get("semver"),
            SelectorPart::Regex => members.get("regex"),
            SelectorPart::Except => members.get("except"),
            SelectorPart::Newest => members.get("newest"),
            SelectorPart::Whole => None,
        };
        reader.refuse(part.unwrap_or(node).position, error.message);
    }
    None
}
