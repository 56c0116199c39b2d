//! Which images go, and their names at the target.

use std::collections::{HashMap, HashSet};

use airlift_oci::{Digest, Pattern, Reference, Root, Unmatched};

use crate::options::Options;
use crate::plan::destination::Destination;
use crate::plan::error::PlanError;
use crate::plan::target_name::target_name;
use crate::plan::unused_rules::UsedRules;

/// The images that a push would take, by their positions, each with the name that it would get at the target.
/// For callers that ask for images at a target without pushing them.
///
/// # Errors
/// As [`PushPlan::new`](crate::PushPlan::new).
pub fn target_names(
    images: &[Root],
    destination: &Destination,
    options: &Options,
) -> Result<Vec<(usize, Reference)>, PlanError> {
    let roots: Vec<&Root> = images.iter().collect();
    let named = names_at_target(&roots, images, destination, options)?;
    Ok(named.into_iter().map(|named| (named.position, named.target)).collect())
}

/// The same for images that never go together, so that several may have one name. Rules may be about `others`
/// as well.
///
/// # Errors
/// If a pattern chooses no image, no image goes by a rule, or an image has no possible name there.
pub fn separate_target_names(
    images: &[Root],
    others: &[Root],
    destination: &Destination,
    options: &Options,
) -> Result<Vec<(usize, Reference)>, PlanError> {
    let mut rules = UsedRules::new(&options.rules);
    let mut named = Vec::new();
    if !images.is_empty() {
        let images: Vec<&Root> = images.iter().collect();
        for (position, root) in chosen(&images, &options.only)? {
            let (target, rule) = target_name(root, destination, options)?;
            rules.note(root, rule);
            named.push((position, target));
        }
    }
    for root in others {
        rules.note(root, target_name(root, destination, options).ok().and_then(|(_, rule)| rule));
    }
    rules.conclude(&[images, others].concat())?;
    Ok(named)
}

/// The name that a push would give one image at the target, whatever else is pushed with it.
///
/// # Errors
/// If it has no possible name there.
pub fn target_name_of(
    image: &Root,
    destination: &Destination,
    options: &Options,
) -> Result<Reference, PlanError> {
    target_name(image, destination, options).map(|(target, _)| target)
}

/// An image that goes.
pub(crate) struct NamedRoot<'a> {
    position: usize,
    pub(crate) root: &'a Root,
    pub(crate) target: Reference,
}

/// The images that go, with their names. `all` has the roots that rules may be about.
pub(crate) fn names_at_target<'a>(
    images: &[&'a Root],
    all: &[Root],
    destination: &Destination,
    options: &Options,
) -> Result<Vec<NamedRoot<'a>>, PlanError> {
    let mut rules = UsedRules::new(&options.rules);
    let mut targets = Targets::default();
    let mut named = Vec::new();
    let has_name = named_among(images, &options.names)?;
    for (position, root) in chosen(images, &options.only)?.into_iter().filter(|(at, _)| has_name[*at]) {
        let (target, rule) = target_name(root, destination, options)?;
        rules.note(root, rule);
        targets.claim(&target, root)?;
        named.push(NamedRoot { position, root, target });
    }
    rules.conclude(all)?;
    Ok(named)
}

/// The names at the target that images have got so far.
#[derive(Default)]
struct Targets(HashMap<Reference, (String, Digest)>);

impl Targets {
    /// Two images can't have one name, unless they are the same.
    fn claim(&mut self, target: &Reference, root: &Root) -> Result<(), PlanError> {
        let (name, digest) = (root.name(), root.descriptor.digest);
        match self.0.insert(target.clone(), (name.clone(), digest)) {
            Some((first, first_digest)) if first_digest != digest => Err(PlanError::Conflict {
                target: target.to_string(),
                first,
                first_digest,
                second: name,
                second_digest: digest,
            }),
            _ => Ok(()),
        }
    }
}

/// Which of the roots have one of these names; all of them if there are no names. Each name must be there.
fn named_among(roots: &[&Root], names: &[Reference]) -> Result<Vec<bool>, PlanError> {
    let name_of = |root: &&Root| Some(root.name().parse::<Reference>().ok()?.by_tag());
    let found: Vec<Option<Reference>> = roots.iter().map(name_of).collect();
    let known: HashSet<&Reference> = found.iter().flatten().collect();
    let absent = names.iter().filter(|name| !known.contains(name));
    let absent: Vec<Unmatched> =
        absent.map(|name| Unmatched::new(&Pattern::new(&name.to_string()), roots.iter().copied())).collect();
    if !absent.is_empty() {
        return Err(PlanError::NoMatch(absent));
    }
    let wanted: HashSet<&Reference> = names.iter().collect();
    let is_wanted = |name: Option<Reference>| name.is_some_and(|name| wanted.contains(&name));
    Ok(found.into_iter().map(|name| names.is_empty() || is_wanted(name)).collect())
}

/// The roots that the patterns choose; each pattern must choose one.
fn chosen<'a>(roots: &[&'a Root], only: &[String]) -> Result<Vec<(usize, &'a Root)>, PlanError> {
    if roots.is_empty() {
        return Err(PlanError::Empty);
    }
    let (mut chosen, mut unmatched) = (HashSet::new(), Vec::new());
    for pattern in only.iter().map(|text| Pattern::new(text)) {
        let found = pattern.find(roots.iter().copied().enumerate());
        if found.is_empty() {
            unmatched.push(Unmatched::new(&pattern, roots.iter().copied()));
        }
        chosen.extend(found);
    }
    if !unmatched.is_empty() {
        return Err(PlanError::NoMatch(unmatched));
    }
    let is_chosen = |position: &usize| only.is_empty() || chosen.contains(position);
    Ok(roots.iter().copied().enumerate().filter(|(position, _)| is_chosen(position)).collect())
}
