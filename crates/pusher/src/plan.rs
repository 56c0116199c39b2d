//! The plan of a push: which image goes where. Made without a network, so it can be shown and refused for nothing.

use std::collections::HashMap;

use airlift_bundle::{Digest, Root, summary};
use airlift_registry::{Reference, ReferenceError, Repository, Tag};
use airlift_verifier::VerifiedBundle;
use wildmatch::WildMatch;

use crate::destination::{Destination, HostInPath, MapRule, target_path};

/// What to do with a tag that stands for something else at the target.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum TagMoves {
    /// Leave it alone and refuse the push.
    #[default]
    Refuse,
    /// Move it.
    Allow,
}

/// How to push.
#[derive(Clone, Debug)]
pub struct Options {
    /// Only images whose name matches one of these; `*` is any text. Empty: all.
    pub only: Vec<String>,
    /// Whether the source's host becomes part of the path.
    pub keep_host: HostInPath,
    /// Names that go elsewhere.
    pub rules: Vec<MapRule>,
    /// What to do with tags that are taken.
    pub tags: TagMoves,
    /// Transfers side by side.
    pub jobs: usize,
}

/// Why there is no plan.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlanError {
    /// The bundle names no image.
    #[error("the bundle holds no image")]
    Empty,
    /// A pattern that no image matches.
    #[error("no image of the bundle matches '{}'; it holds {}", .pattern.escape_debug(), .names.join(", "))]
    NoMatch {
        /// The pattern.
        pattern: String,
        /// The images that there are (the first few).
        names: Vec<String>,
    },
    /// A rule that speaks of no image: most likely a slip.
    #[error(
        "--map {rule} matches no image of the bundle; FROM starts with the host, such as docker.io/library/"
    )]
    UnusedRule {
        /// The rule.
        rule: MapRule,
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
    #[error(
        "{first} ({first_digest}) and {second} ({second_digest}) would both become {target}; use --keep-host or --map to keep them apart"
    )]
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
    /// Bytes of its manifests and blobs.
    pub size: u64,
}

/// What goes where.
#[derive(Clone, Debug)]
pub struct PushPlan {
    pub(crate) destination: Destination,
    pub(crate) images: Vec<PlannedImage>,
}

impl PushPlan {
    /// Plans a push of `bundle`.
    ///
    /// # Errors
    /// If an image has no possible name at the target, two claim one, or a pattern or rule speaks of nothing.
    pub fn new(
        bundle: &VerifiedBundle,
        destination: &Destination,
        options: &Options,
    ) -> Result<Self, PlanError> {
        let roots = chosen(&bundle.graph().roots, &options.only)?;
        let mut used = vec![false; options.rules.len()];
        let mut images = Vec::new();
        let mut claimed: HashMap<Reference, (String, Digest)> = HashMap::new();
        for root in roots {
            let digest = root.descriptor.digest;
            let (target, rule) = target(root, destination, options)?;
            if let Some(rule) = rule {
                used[rule] = true;
            }
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
            images.push(PlannedImage {
                source: root.reference.clone().unwrap_or(name),
                target,
                digest,
                media_type: root.descriptor.media_type.clone(),
                platforms: bundle.platforms(root).carried,
                size: summary::size_of(bundle.graph(), root),
            });
        }
        if let Some((_, rule)) = used.iter().zip(&options.rules).find(|(used, _)| !**used) {
            return Err(PlanError::UnusedRule { rule: rule.clone() });
        }
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

/// The roots that the patterns choose; each pattern must choose one.
fn chosen<'a>(roots: &'a [Root], only: &[String]) -> Result<Vec<&'a Root>, PlanError> {
    if roots.is_empty() {
        return Err(PlanError::Empty);
    }
    let patterns: Vec<WildMatch> = only.iter().map(|pattern| WildMatch::new(pattern)).collect();
    let matches = |pattern: &WildMatch, root: &Root| names(root).iter().any(|name| pattern.matches(name));
    for (text, pattern) in only.iter().zip(&patterns) {
        if !roots.iter().any(|root| matches(pattern, root)) {
            let names = roots.iter().take(8).map(Root::name).collect();
            return Err(PlanError::NoMatch { pattern: text.clone(), names });
        }
    }
    Ok(roots
        .iter()
        .filter(|root| patterns.is_empty() || patterns.iter().any(|pattern| matches(pattern, root)))
        .collect())
}

/// What a pattern may match: the full name, Docker's short one, both also without tag, and the digest.
fn names(root: &Root) -> Vec<String> {
    let mut names = vec![root.descriptor.digest.to_string()];
    if let Some(reference) = &root.reference {
        names.push(reference.clone());
        names.push(airlift_bundle::layout::familiar(reference).to_owned());
        if let Ok(parsed) = reference.parse::<Reference>() {
            let repository = parsed.repository().to_string();
            names.push(airlift_bundle::layout::familiar(&repository).to_owned());
            names.push(repository);
        }
    }
    names
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
    // Image-spec 1.1 lets ref.name be a bare tag, and most tools write one; then only the user knows the repository.
    if !reference.contains(['/', ':', '@']) {
        if destination.prefix().is_empty() {
            return Err(PlanError::Unnamed { name: name(), destination: destination.clone() });
        }
        let repository = destination.repository("").map_err(bad_name)?;
        let tag =
            if reference.is_empty() { digest_tag(&root.descriptor.digest) } else { reference.to_owned() };
        return Ok((tagged(repository, &tag).map_err(bad_name)?, None));
    }
    let source: Reference = reference.parse().map_err(bad_name)?;
    let (path, rule) = target_path(&source, options.keep_host, &options.rules);
    let repository = destination.repository(&path).map_err(bad_name)?;
    let tag = source.tag().map_or_else(|| digest_tag(&root.descriptor.digest), str::to_owned);
    Ok((tagged(repository, &tag).map_err(bad_name)?, rule))
}

fn tagged(repository: Repository, tag: &str) -> Result<Reference, ReferenceError> {
    Ok(Reference::tagged(repository, tag.parse::<Tag>()?))
}

/// The tag for what was asked for by digest alone: registries collect what has none.
fn digest_tag(digest: &Digest) -> String {
    format!("airlift-{}", digest.short())
}
