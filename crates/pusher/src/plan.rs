//! The plan of a push: which image goes where. Made without a network, so it can be shown and refused for
//! nothing.

use std::collections::{HashMap, HashSet};

use airlift_oci::graph::Attachments;
use airlift_oci::{Digest, Graph, Reference, ReferenceError, Repository, Root, Tag, contents};

use crate::attached::trees_of;
use crate::destination::{Destination, HostInPath, MapRule, target_path};
use crate::rules::{UnusedRule, UsedRules};
use crate::select::{Pattern, Unmatched};
use crate::source::ContentSource;
use crate::sparse::{OmittedChild, omitted_of};
use crate::tree::Tree;

/// What to do with a tag that stands for something else at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagMoves {
    /// Leave it alone and refuse the push.
    #[default]
    Refuse,
    /// Move it.
    Allow,
}

/// Whether a registry is asked, by a made-up index, if it takes indexes with absent children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Probe {
    /// Before anything moves, where it matters.
    #[default]
    Ask,
    /// Never: it will show.
    Skip,
}

/// What to do with images of which only some platforms are carried.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Partial {
    /// Push the index as it is, or nothing.
    #[default]
    Index,
    /// Push the chosen platforms' manifests, each under a tag of its own, and not the index.
    Children,
}

/// Whether an image whose tag stands for it at the target is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Presence {
    /// Yes: one HEAD an image.
    #[default]
    Tag,
    /// If all its manifests and blobs answer, too: a HEAD for each of them.
    Content,
}

/// What to do with images that were asked for by digest and have no tag.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Untagged {
    /// Give them a tag, because registries collect what has none.
    #[default]
    Tag,
    /// Push them by digest alone.
    DigestOnly,
}

/// How to push.
#[derive(Clone, Debug, Default)]
pub struct Options {
    /// Only images that one of these finds, see [`Pattern`]. Empty: all.
    pub only: Vec<String>,
    /// Whether the source's host becomes part of the path.
    pub keep_host: HostInPath,
    /// Names that go elsewhere.
    pub rules: Vec<MapRule>,
    /// What to do with tags that are taken.
    pub tags: TagMoves,
    /// Whether to find out first if the registry takes indexes with absent children.
    pub probe: Probe,
    /// What to do with images of which only some platforms are carried.
    pub partial: Partial,
    /// What has to answer for an image to be there.
    pub presence: Presence,
    /// What to do with images that have no tag.
    pub untagged: Untagged,
    /// Transfers side by side.
    pub jobs: usize,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The bundle names no image.
    #[error("the bundle holds no image")]
    Empty,
    /// Patterns that no image matches.
    #[error("no image of the bundle matches {}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join(", nor "))]
    NoMatch(Vec<Unmatched>),
    /// A rule by which no image goes: most likely a slip.
    #[error("the rule {rule} is of no use: {reason}")]
    UnusedRule {
        /// The rule.
        rule: MapRule,
        /// Why no image goes by it.
        reason: UnusedRule,
    },
    /// A layout that doesn't say which repository an image is of.
    #[error(
        "{name} has no repository name in this layout; name the repository in the destination: {destination}/REPOSITORY"
    )]
    Unnamed {
        /// What it is called.
        name: String,
        /// The destination as given.
        destination: Destination,
    },
    /// A name that no registry accepts.
    #[error("{name} can't be given a name at the target")]
    Name {
        /// The image.
        name: String,
        /// Why.
        #[source]
        source: ReferenceError,
    },
    /// Two images that would claim one tag.
    #[error("{first} ({first_digest}) and {second} ({second_digest}) would both become {target}")]
    Conflict {
        /// The tag at the target.
        target: String,
        /// One image.
        first: String,
        /// Its digest.
        first_digest: Digest,
        /// The other image.
        second: String,
        /// Its digest.
        second_digest: Digest,
    },
}

/// One image on its way to one tag.
#[derive(Clone, Debug)]
pub struct PlannedImage {
    /// Its name in the bundle.
    pub source: String,
    /// Its name at the target.
    pub target: Reference,
    /// The digest of its index or manifest.
    pub digest: Digest,
    /// That one's media type.
    pub media_type: String,
    /// The platforms that it is for.
    pub platforms: Vec<String>,
    /// The platforms that were left out by choice.
    pub omitted_platforms: Vec<String>,
    /// Bytes of its manifests and blobs.
    pub size: u64,
    /// Children of its index that the bundle doesn't carry.
    pub omitted: Vec<OmittedChild>,
    /// Signatures, SBOMs and the like that go with it, each after what it is attached to.
    pub attached: Vec<PlannedAttached>,
    /// What it is attached to itself, where that doesn't go to the same repository.
    pub subject: Option<Digest>,
    /// Its position among the bundle's roots.
    pub(crate) root: usize,
}

/// Something attached on its way.
#[derive(Clone, Debug)]
pub struct PlannedAttached {
    /// Where it goes: a tag where it has one, else its digest.
    pub target: String,
    /// The digest of its manifest.
    pub digest: Digest,
    /// The manifest that it is attached to.
    pub subject: Option<Digest>,
    /// What kind of artifact it is, where it says so.
    pub artifact_type: Option<String>,
    pub(crate) tree: Tree,
}

/// What goes where.
#[derive(Clone, Debug)]
pub struct PushPlan {
    pub(crate) destination: Destination,
    pub(crate) images: Vec<PlannedImage>,
}

impl PushPlan {
    /// Plans a push of `source`.
    ///
    /// # Errors
    /// If an image has no possible name at the target, two claim one, or a pattern or rule speaks of nothing.
    pub fn new(
        source: &dyn ContentSource,
        destination: &Destination,
        options: &Options,
    ) -> Result<Self, PlanError> {
        let graph = source.graph();
        let attachments = Attachments::new(graph);
        let roots = chosen(&images_of(graph, &attachments), &options.only)?;
        let mut rules = UsedRules::new(&options.rules);
        let mut images = Vec::new();
        let mut claimed: HashMap<Reference, (String, Digest)> = HashMap::new();
        for (position, root) in roots {
            let digest = root.descriptor.digest;
            let (target, rule) = target(root, destination, options)?;
            rules.note(root, rule);
            let name = root.name();
            if let Some((first, first_digest)) = claimed.insert(target.clone(), (name.clone(), digest))
                && first_digest != digest
            {
                return Err(PlanError::Conflict {
                    target: target.to_string(),
                    first,
                    first_digest,
                    second: name,
                    second_digest: digest,
                });
            }
            let platforms = source.platforms(root);
            images.push(PlannedImage {
                source: root.reference.clone().unwrap_or(name),
                attached: attached_of(graph, root, attachments.to(root), target.repository()),
                subject: subject_of(graph, digest),
                target,
                digest,
                media_type: root.descriptor.media_type.clone(),
                platforms: platforms.carried,
                omitted_platforms: platforms.omitted,
                size: contents::size_of(graph, root),
                omitted: omitted_of(graph, root),
                root: position,
            });
        }
        rules.conclude(graph)?;
        Ok(PushPlan { destination: destination.clone(), images })
    }

    /// The images, in the bundle's order.
    pub fn images(&self) -> &[PlannedImage] {
        &self.images
    }

    /// The target.
    pub fn destination(&self) -> &Destination {
        &self.destination
    }
}

/// The roots that go by themselves. What is attached to an image of the bundle goes with it, and so does what
/// is a part of it.
fn images_of<'a>(graph: &'a Graph, attachments: &Attachments<'a>) -> Vec<(usize, &'a Root)> {
    let parts = graph.parts_of_others();
    let images = graph.roots.iter().filter(|root| root.subject.is_none());
    let attached: HashSet<(Option<&str>, Digest)> =
        images.flat_map(|root| attachments.to(root)).map(Root::canonical_key).collect();
    let goes_along = |root: &Root| {
        let is_part = root.reference.is_none() && parts.contains(&root.descriptor.digest);
        is_part || attached.contains(&root.canonical_key())
    };
    graph.roots.iter().enumerate().filter(|(_, root)| !goes_along(root)).collect()
}

fn attached_of(
    graph: &Graph,
    root: &Root,
    attached: Vec<&Root>,
    repository: &Repository,
) -> Vec<PlannedAttached> {
    let trees = attached.into_iter().flat_map(|attached| {
        trees_of(graph, attached, repository, &root.name()).into_iter().map(|tree| (attached.subject, tree))
    });
    let planned = trees.map(|(subject, tree)| {
        let raw = graph.manifest(&tree.digest).and_then(|entry| entry.raw.as_ref());
        PlannedAttached {
            target: tree.target(),
            digest: tree.digest,
            subject,
            artifact_type: raw.and_then(|raw| raw.artifact_type()).map(str::to_owned),
            tree,
        }
    });
    planned.collect()
}

/// What an image that goes by itself is attached to.
fn subject_of(graph: &Graph, digest: Digest) -> Option<Digest> {
    let raw = graph.manifest(&digest)?.raw.as_ref()?;
    raw.subject().map(|subject| subject.digest)
}

/// The roots that the patterns choose; each pattern must choose one.
fn chosen<'a>(roots: &[(usize, &'a Root)], only: &[String]) -> Result<Vec<(usize, &'a Root)>, PlanError> {
    if roots.is_empty() {
        return Err(PlanError::Empty);
    }
    let (mut chosen, mut unmatched) = (HashSet::new(), Vec::new());
    for pattern in only.iter().map(|text| Pattern::new(text)) {
        let found = pattern.find(roots.iter().copied());
        if found.is_empty() {
            unmatched.push(Unmatched::new(&pattern, roots.iter().map(|(_, root)| *root)));
        }
        chosen.extend(found);
    }
    if !unmatched.is_empty() {
        return Err(PlanError::NoMatch(unmatched));
    }
    Ok(roots.iter().copied().filter(|(position, _)| only.is_empty() || chosen.contains(position)).collect())
}

/// An image's name at the target, and the rule that gave it.
fn target(
    root: &Root,
    destination: &Destination,
    options: &Options,
) -> Result<(Reference, Option<usize>), PlanError> {
    let name = || root.name();
    let bad_name = |source| PlanError::Name { name: name(), source };
    let reference = root.reference.as_deref().unwrap_or_default();
    let digest = root.descriptor.digest;
    // Image-spec 1.1 lets ref.name be a bare tag, and most tools write one; then only the user knows the
    // repository.
    if !reference.contains(['/', ':', '@']) {
        if destination.prefix().is_empty() {
            return Err(PlanError::Unnamed { name: name(), destination: destination.clone() });
        }
        let repository = destination.repository("").map_err(bad_name)?;
        let tag = Some(reference).filter(|tag| !tag.is_empty());
        return Ok((place(repository, tag, digest, options.untagged).map_err(bad_name)?, None));
    }
    let source: Reference = reference.parse().map_err(bad_name)?;
    let (path, rule) = target_path(&source, options.keep_host, &options.rules);
    let repository = destination.repository(&path).map_err(bad_name)?;
    Ok((place(repository, source.tag(), digest, options.untagged).map_err(bad_name)?, rule))
}

/// `repository:tag`. What was asked for by digest alone gets a tag made of it, because registries collect
/// what has none.
fn place(
    repository: Repository,
    tag: Option<&str>,
    digest: Digest,
    untagged: Untagged,
) -> Result<Reference, ReferenceError> {
    match (tag, untagged) {
        (Some(tag), _) => Ok(Reference::tagged(repository, tag.parse::<Tag>()?)),
        (None, Untagged::Tag) => {
            Ok(Reference::tagged(repository, format!("airlift-{}", digest.short()).parse::<Tag>()?))
        }
        (None, Untagged::DigestOnly) => Ok(Reference::pinned(repository, digest)),
    }
}
