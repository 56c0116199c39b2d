//! Fetches every manifest below the roots, level by level.

use std::collections::{HashMap, HashSet};
use std::pin::pin;

use airlift_oci::graph::{ManifestEntry, leaves};
use airlift_oci::{
    Descriptor, Digest, Event, Graph, GraphBuilder, Host, Limits, Observer, RawManifest, Selector,
};
use airlift_registry::{Concurrency, Error};
use futures::{Stream, StreamExt, TryStreamExt};

use crate::error::PackError;
use crate::image_clock::TimeUp;
use crate::location::Location;
use crate::options::PlanOptions;
use crate::resolved::Resolved;
use crate::source::Source;

/// What fetching manifests takes.
pub(crate) struct Walker<'a> {
    pub(crate) source: &'a Source,
    /// Requests side by side.
    pub(crate) requests: usize,
    pub(crate) limits: Limits,
    pub(crate) observer: &'a dyn Observer,
}

impl<'a> Walker<'a> {
    pub(crate) fn new(source: &'a Source, options: &PlanOptions, observer: &'a dyn Observer) -> Self {
        let requests = Concurrency::new(options.jobs).tasks;
        Walker { source, requests, limits: options.limits, observer }
    }
}

impl Walker<'_> {
    /// The graph of these roots. Manifests of an earlier walk are not fetched again. A manifest that no
    /// repository has becomes part of those that the roots declare as absent; the caller decides whether that
    /// is an error.
    pub(crate) async fn walk(
        &self,
        images: &mut [Resolved],
        earlier: Option<&Graph>,
    ) -> Result<Graph, PackError> {
        let mut graph = self.walk_once(images, earlier).await?;
        let mut asked: HashSet<(Digest, Location)> = HashSet::new();
        loop {
            let elsewhere = self.ask_elsewhere(images, &graph, &mut asked).await?;
            if elsewhere.is_empty() && !declare_absent(images, &graph) {
                return Ok(graph);
            }
            graph = self.walk_once_with(images, Some(&graph), elsewhere).await?;
        }
    }

    /// Fetches missing manifests from the repositories of other images that name them, too.
    async fn ask_elsewhere(
        &self,
        images: &[Resolved],
        graph: &Graph,
        asked: &mut HashSet<(Digest, Location)>,
    ) -> Result<Vec<RawManifest>, PackError> {
        let missing: Vec<&ManifestEntry> =
            graph.manifests.iter().filter(|entry| entry.raw.is_none()).collect();
        if missing.is_empty() {
            return Ok(Vec::new());
        }
        let named_by = |image: &Resolved| -> HashSet<Digest> {
            let below = graph.below(&image.root.descriptor.digest);
            below.into_iter().map(|entry| entry.descriptor.digest).collect()
        };
        let named: Vec<HashSet<Digest>> = images.iter().map(named_by).collect();
        let mut asks = Vec::new();
        for entry in missing {
            let digest = entry.descriptor.digest;
            asked.insert((digest, images[entry.root].location.clone()));
            let naming = images.iter().zip(&named).filter(|(_, named)| named.contains(&digest));
            let naming = naming.filter(|(image, _)| asked.insert((digest, image.location.clone())));
            let naming: Vec<&Resolved> = naming.map(|(image, _)| image).collect();
            asks.push(self.first_that_has(graph.descriptor_of(entry), &entry.label, naming));
        }
        let answers = futures::stream::iter(asks).buffered(self.requests);
        let found: Vec<Option<RawManifest>> = answers.try_collect().await?;
        Ok(found.into_iter().flatten().collect())
    }

    /// A manifest from the first of these images' repositories that has it.
    async fn first_that_has(
        &self,
        descriptor: Descriptor,
        label: &str,
        images: Vec<&Resolved>,
    ) -> Result<Option<RawManifest>, PackError> {
        for image in images {
            let path = vec![image.root.name(), label.to_owned()];
            let found = self.manifest(&image.location, descriptor.clone(), None, path).await?;
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    async fn walk_once(&self, images: &[Resolved], earlier: Option<&Graph>) -> Result<Graph, PackError> {
        self.walk_once_with(images, earlier, Vec::new()).await
    }

    async fn walk_once_with(
        &self,
        images: &[Resolved],
        earlier: Option<&Graph>,
        more: Vec<RawManifest>,
    ) -> Result<Graph, PackError> {
        let roots = images.iter().map(|image| image.root.clone()).collect();
        let mut known: HashMap<Digest, &RawManifest> =
            images.iter().map(|image| (image.manifest.digest(), &image.manifest)).collect();
        let walked = earlier.iter().flat_map(|graph| &graph.manifests).filter_map(|entry| entry.raw.as_ref());
        known.extend(walked.chain(&more).map(|raw| (raw.digest(), raw)));
        let mut builder = GraphBuilder::new(roots, self.limits)?;
        while !builder.wanted().is_empty() {
            self.warn_of_limits(&builder, images, &known);
            let answers = futures::stream::iter(builder.wanted().iter().enumerate())
                .map(|(number, wanted)| {
                    let path = builder.path_of(number);
                    let known = known.get(&wanted.descriptor.digest).copied();
                    let descriptor = builder.descriptor_of(wanted);
                    self.manifest(&images[wanted.root].location, descriptor, known, path)
                })
                .buffered(self.requests);
            let answers = all_of(answers).await?;
            builder.supply(answers)?;
        }
        Ok(builder.finish()?)
    }

    /// Warns of registries that allow fewer pulls than this level takes.
    fn warn_of_limits(
        &self,
        builder: &GraphBuilder,
        images: &[Resolved],
        known: &HashMap<Digest, &RawManifest>,
    ) {
        let mut needed: HashMap<Host, usize> = HashMap::new();
        for entry in builder.wanted() {
            let Some(repository) = images[entry.root].location.repository() else { continue };
            let host = self.source.registries.host(repository);
            let digest = &entry.descriptor.digest;
            // Only registries that have a limit make it worth a look at local content.
            let is_fetched = !known.contains_key(digest)
                && self.source.registries.pull_limit(&host).is_some()
                && builder.descriptor_of(entry).data.is_none()
                && self.source.known_manifest(digest).is_none();
            *needed.entry(host).or_default() += usize::from(is_fetched);
        }
        for (host, needed) in needed {
            self.source.warn_of_limit(&host, needed, self.observer);
        }
    }

    async fn manifest(
        &self,
        location: &Location,
        descriptor: Descriptor,
        known: Option<&RawManifest>,
        path: Vec<String>,
    ) -> Result<Option<RawManifest>, PackError> {
        // A known one was proven by its own descriptor; this one may claim something else.
        if let Some(known) = known {
            return RawManifest::prove(known.bytes().clone(), &descriptor)
                .map(Some)
                .map_err(|source| PackError::Manifest { path, mirror: None, source });
        }
        if let Some(data) = &descriptor.data {
            return RawManifest::prove(data.clone().into(), &descriptor)
                .map(Some)
                .map_err(|source| PackError::Manifest { path, mirror: None, source });
        }
        if let Some(bytes) = self.source.known_manifest(&descriptor.digest) {
            return RawManifest::prove(bytes, &descriptor).map(Some).map_err(|source| PackError::Manifest {
                path,
                mirror: None,
                source,
            });
        }
        let Location::Registry(repository) = location else { return Ok(None) };
        let selector = Selector::Digest(descriptor.digest);
        let mirror = self.source.mirror(location);
        let image = path.first().cloned().unwrap_or_default();
        let request = self.source.fetch_manifest(repository, &selector);
        let answer = match self.source.clock.within(&image, request).await {
            Ok(answer) => answer,
            Err(TimeUp { limit }) => return Err(PackError::TimeUp { path, mirror, limit }),
        };
        let fetched = match answer {
            Ok(Some((fetched, _))) => fetched,
            Ok(None) => return Ok(None),
            Err(source) if is_withheld(&source) => {
                let message = format!(
                    "{} counts as not there: the registry doesn't hand it out: {source}",
                    path.join(" → ")
                );
                self.observer.notice(Event::Warning { message, remedy: None });
                return Ok(None);
            }
            Err(source) => return Err(PackError::Registry { path, mirror, source }),
        };
        RawManifest::prove(fetched.bytes, &descriptor)
            .and_then(|raw| raw.announced_as(fetched.content_type.as_deref()))
            .map(Some)
            .map_err(|source| PackError::Manifest { path, mirror, source })
    }
}

/// All manifests, or all errors that are about one image. A registry that is in trouble ends it at once.
async fn all_of(
    answers: impl Stream<Item = Result<Option<RawManifest>, PackError>>,
) -> Result<Vec<Option<RawManifest>>, PackError> {
    let mut answers = pin!(answers);
    let (mut found, mut errors) = (Vec::new(), Vec::new());
    while let Some(answer) = answers.next().await {
        match answer {
            Ok(manifest) => found.push(manifest),
            Err(error) if error.is_of_one_image() => errors.push(error),
            Err(error) => return Err(error),
        }
    }
    PackError::check(errors).map(|()| found)
}

/// Whether a registry that hands out the index keeps one of its children back: 403 where nothing is there, as
/// virtual repositories say it, or a policy (412, 451). The image can be carried without, if the child wasn't
/// asked for.
fn is_withheld(error: &Error) -> bool {
    error.refusal().is_some_and(|refusal| matches!(refusal.status, 403 | 412 | 451))
}

/// Declares missing manifests as absent in the root of each image that names them; says whether any is new.
fn declare_absent(images: &mut [Resolved], graph: &Graph) -> bool {
    let mut is_new = false;
    for image in images {
        let below = graph.below(&image.root.descriptor.digest).into_iter();
        let unknown = below.filter(|entry| entry.raw.is_none()).map(|entry| entry.descriptor.digest);
        let absent = leaves(graph, &image.root)
            .into_iter()
            .filter(|leaf| leaf.carried.is_absent())
            .map(|leaf| leaf.digest);
        for digest in unknown.chain(absent) {
            if let Err(position) = image.root.absent.binary_search(&digest) {
                image.root.absent.insert(position, digest);
                is_new = true;
            }
        }
    }
    is_new
}
