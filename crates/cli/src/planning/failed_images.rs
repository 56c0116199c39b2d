//! The images of a build, copy or push that fail.

use std::collections::{BTreeSet, HashMap};

use airlift_lists::{Choice, Wanted, parse_plain};
use airlift_oci::{Referrers, SourceReference};
use airlift_packager::{
    BuildError, FetchError, ImageChoice, ImagePlan, ImageRequest, PackError, Packing, ResolveError, Resolved,
};
use airlift_pusher::FailedSource;
use airlift_registry::Error as RegistryError;

use crate::asked::select_error::SelectError;
use crate::failure::{Failure, ImageFailure};
use crate::locks::names::one_of;
use airlift_oci::text::{harmless, with_causes};

/// The images that can't be had, and why not.
#[derive(Default)]
pub(crate) struct FailedImages {
    failures: Vec<ImageFailure>,
    /// Their references, in the form that a list has.
    references: BTreeSet<String>,
    /// Each reference with the reason.
    reasons: Vec<FailedSource>,
    /// What was asked for, by the names in the bundle. Several layouts may have parts of one image.
    asked: HashMap<String, Vec<String>>,
    /// What to carry of those images for which a list says something else than the command line.
    choices: HashMap<String, ImageChoice>,
}

impl FailedImages {
    /// Remembers what was asked for. `usual` is what the command line says to carry.
    pub(crate) fn remember(&mut self, requests: &[ImageRequest], usual: &ImageChoice) {
        for request in requests {
            let asked = match (&request.source, &request.locked) {
                (SourceReference::Registry(reference), Some(locked)) => {
                    reference.clone().with_digest(locked.digest).to_string()
                }
                (source, _) => source.to_string(),
            };
            if let SourceReference::Registry(reference) = &request.source {
                let sources = self.asked.entry(reference.clone().by_tag().to_string()).or_default();
                if sources.is_empty() {
                    sources.push(asked.clone());
                }
            }
            let wanted = self.choices.entry(asked).or_insert_with(|| request.choice.clone());
            wanted.unite(&request.choice);
        }
        self.choices.retain(|_, choice| choice != usual);
    }

    /// Remembers where the images of layouts are: a registry has no such names, or other images by them.
    pub(crate) fn remember_found(&mut self, images: &[Resolved], requests: &[ImageRequest]) {
        let mut found: HashMap<usize, Vec<&Resolved>> = HashMap::new();
        for image in images {
            image.requests.iter().for_each(|request| found.entry(*request).or_default().push(image));
        }
        for (position, request) in requests.iter().enumerate() {
            let SourceReference::Layout(layout) = &request.source else { continue };
            let images = found.remove(&position).unwrap_or_default();
            for image in &images {
                let source = if images.len() == 1 { layout.clone() } else { one_of(layout, &image.root) };
                let source = source.to_string();
                if let Some(choice) = self.choices.get(&layout.to_string()).cloned() {
                    self.choices.insert(source.clone(), choice);
                }
                let sources = self.asked.entry(image.root.name()).or_default();
                if !sources.contains(&source) {
                    sources.push(source);
                }
            }
        }
    }

    /// What was asked for under a name in the bundle. Without such, the name is all that is known.
    fn sources_of(&self, name: &str) -> Vec<String> {
        self.asked.get(name).cloned().unwrap_or_else(|| vec![name.to_owned()])
    }

    pub(crate) fn add_selectors(&mut self, errors: Vec<SelectError>) {
        self.add_reasons(errors.iter().map(|error| (error.comment(), with_causes(error))));
        self.references.extend(errors.iter().map(SelectError::comment));
        self.failures.extend(errors.into_iter().map(ImageFailure::from));
    }

    pub(crate) fn add_unresolved(&mut self, errors: Vec<ResolveError>) {
        for error in &errors {
            let text = with_causes(error);
            let references = match error {
                // Neither of two digests is the one that was meant.
                ResolveError::Conflict { name, .. } => vec![format!("# {name}")],
                _ => error.references(),
            };
            self.references.extend(references.iter().cloned());
            self.add_reasons(references.into_iter().map(|reference| (reference, text.clone())));
        }
        self.failures.extend(errors.into_iter().map(ImageFailure::from));
    }

    pub(crate) fn add_unplanned(&mut self, errors: Vec<(PackError, Vec<String>)>) {
        for (error, names) in errors {
            self.add_names(&names);
            let text = with_causes(&error);
            let sources: Vec<String> = names.iter().flat_map(|name| self.sources_of(name)).collect();
            self.add_reasons(sources.into_iter().map(|source| (source, text.clone())));
            self.failures.push(error.into());
        }
    }

    fn add_reasons(&mut self, reasons: impl Iterator<Item = (String, String)>) {
        self.reasons.extend(reasons.map(|(source, error)| FailedSource {
            source: source.strip_prefix("# ").unwrap_or(&source).to_owned(),
            error,
        }));
    }

    /// What could not be had, each with the reason.
    pub(crate) fn sources(&self) -> Vec<FailedSource> {
        self.reasons.clone()
    }

    /// Adds the images that need a blob that can't be had, and gives the others. `None`: this is no such
    /// failure.
    pub(crate) fn add_blob(
        &mut self,
        failure: &Failure,
        packing: &Packing,
        images: Vec<Resolved>,
    ) -> Option<Vec<Resolved>> {
        let Failure::Build(BuildError::Fetch(error)) = failure else { return None };
        let names: Vec<String> = match error {
            FetchError::Registry { path, source, .. } => {
                let is_in_trouble = matches!(
                    source,
                    RegistryError::Unreachable { .. }
                        | RegistryError::Untrusted { .. }
                        | RegistryError::TimedOut { .. }
                );
                let reach = if is_in_trouble { Reach::Registry } else { Reach::Image };
                self.images_with(packing, path.first()?, reach)
            }
            FetchError::Layout(errors) => {
                let firsts = errors.iter().filter_map(|error| error.path.first());
                firsts.flat_map(|first| self.images_with(packing, first, Reach::Image)).collect()
            }
            _ => return None,
        };
        self.add_names(&names);
        Some(images.into_iter().filter(|image| !names.contains(&image.root.name())).collect())
    }

    /// The images that can't be had without what `first` names: an image, or something attached to one.
    fn images_with(&self, packing: &Packing, first: &str, reach: Reach) -> Vec<String> {
        let host = |name: &str| name.split('/').next().map(str::to_owned);
        let roots = &packing.plan().graph().roots;
        let attached = roots.iter().find(|root| root.subject.is_some() && root.name() == first);
        let is_of_registry = |image: &ImagePlan| {
            host(&image.reference) == host(first) && !self.is_of_layouts(&image.reference)
        };
        let has_it = |image: &&ImagePlan| {
            image.reference == first
                || attached.is_some_and(|root| image.referrers.contains(&root.descriptor.digest))
                || (reach == Reach::Registry && is_of_registry(image))
        };
        packing.images().iter().filter(has_it).map(|image| image.reference.clone()).collect()
    }

    /// Whether no registry is asked for an image, whatever its name in the bundle is.
    fn is_of_layouts(&self, name: &str) -> bool {
        let is_layout = |source: &String| matches!(source.parse(), Ok(SourceReference::Layout(_)));
        self.sources_of(name).iter().all(is_layout)
    }

    /// Adds images by their names in the bundle.
    pub(crate) fn add_names(&mut self, names: &[String]) {
        self.references = self.references_with(names);
    }

    fn references_with(&self, names: &[String]) -> BTreeSet<String> {
        let asked = names.iter().flat_map(|name| self.sources_of(name));
        self.references.iter().cloned().chain(asked).collect()
    }

    /// Whether all images can be had.
    pub(crate) fn is_empty(&self) -> bool {
        self.references.is_empty() && self.failures.is_empty()
    }

    /// The references, one a line; above it, what the list chose of the image, which no reference says.
    pub(crate) fn list(&self) -> String {
        self.lines(&self.references)
    }

    /// The same, with these images added by their names in the bundle.
    pub(crate) fn list_with(&self, names: &[String]) -> String {
        self.lines(&self.references_with(names))
    }

    fn lines(&self, references: &BTreeSet<String>) -> String {
        let line = |reference: &String| {
            let choice = self.choices.get(reference).map(comment).unwrap_or_default();
            format!("{choice}{}\n", as_line(reference))
        };
        references.iter().map(line).collect()
    }

    /// The references.
    pub(crate) fn references(&self) -> Vec<String> {
        self.references.iter().cloned().collect()
    }

    /// The failures so far, each as a line with its causes; they are not reported again.
    pub(crate) fn take_texts(&mut self) -> Vec<String> {
        self.failures.drain(..).flat_map(each).map(|failure| with_causes(&failure)).collect()
    }

    /// Nothing, unless images failed.
    pub(crate) fn check(&mut self) -> Result<(), Failure> {
        let failures = std::mem::take(&mut self.failures);
        // Several images that fail for one reason are one failure, which lists them, if there is no other.
        Failure::of_images(match failures.len() {
            0 | 1 => failures,
            _ => failures.into_iter().flat_map(each).collect(),
        })
    }
}

/// A line of a list. Layouts of other tools have names that are no references, and the path of a layout may
/// have what a list takes for a comment.
fn as_line(name: &str) -> String {
    let is_read_so = || {
        let read = parse_plain("", name.as_bytes(), &Choice::default());
        let is_it =
            |wanted: &Wanted| matches!(wanted, Wanted::Image(read) if Ok(read) == name.parse().as_ref());
        read.is_ok_and(|entries| matches!(&entries[..], [entry] if is_it(&entry.wanted)))
    };
    match name.starts_with('#') || is_read_so() {
        true => harmless(name).into_owned(),
        false => format!("# {}", harmless(name)),
    }
}

/// What to carry of an image, as a comment.
fn comment(ImageChoice { platforms, referrers }: &ImageChoice) -> String {
    let platforms: Vec<String> = platforms.iter().map(ToString::to_string).collect();
    let platforms = if platforms.is_empty() { "all".to_owned() } else { platforms.join(",") };
    let referrers = match referrers {
        Referrers::All => "",
        Referrers::None => "; referrers: none",
    };
    format!("# platforms: {platforms}{referrers}\n")
}

/// A failure of several images as one of each.
fn each(failure: ImageFailure) -> Vec<ImageFailure> {
    match failure {
        ImageFailure::Pack(error) => error.into_each().into_iter().map(ImageFailure::Pack).collect(),
        other => vec![other],
    }
}

/// How far an error reaches.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reach {
    Image,
    /// All images of its registry.
    Registry,
}
