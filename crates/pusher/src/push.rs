//! The push as a whole: what is taken is refused first, then images go side by side.

use std::sync::Arc;

use airlift_oci::{Graph, Host, Observer, Phase, Repository};
use airlift_registry::{ContentFault, Error, Transport};
use tokio::task::JoinSet;

use crate::ahead::Wanted;
use crate::blobs::Blobs;
use crate::gate::{Gate, SparseRefusal};
use crate::image::Run;
use crate::lists::Lists;
use crate::plan::{Options, PushPlan};
use crate::receipt::{ImageReceipt, Receipt, Status};
use crate::source::ContentSource;
use crate::sparse::Route;
use crate::survey::{Standing, common_fault, survey};
use crate::tags::{
    SharedTag, TakenTag, claimed, look_beside, refuse_shared_tags, refuse_taken_beside, refuse_taken_tags,
    taken,
};
use crate::tree::blobs_below;

/// Why nothing was pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Tags that stand for something else at the target.
    #[error("{}; nothing was pushed", taken(.0))]
    TagsTaken(Vec<TakenTag>),
    /// Tags that different manifests of the bundle would get.
    #[error("{}; nothing was pushed", claimed(.0))]
    TagsShared(Vec<SharedTag>),
    /// The registry can't be spoken to.
    #[error("can't push to {host}")]
    Registry {
        /// The registry.
        host: Host,
        /// What happened.
        #[source]
        source: Error,
    },
    /// What answers is no registry. To a HEAD, a web server looks like an empty one.
    #[error("what answers at {host} is no registry; nothing was pushed")]
    NoRegistry {
        /// The host.
        host: Host,
        /// Its answer.
        #[source]
        source: Error,
    },
    /// The registry refuses indexes with absent children, and the bundle leaves some out.
    #[error(transparent)]
    Sparse(Box<SparseRefusal>),
    /// A tag that may stand for something else at the target: the registry doesn't let it be looked at.
    #[error("whether the tag {target} is taken can't be found out")]
    TagHidden {
        /// The tag.
        target: String,
        /// What the registry answers to a look at it.
        #[source]
        source: Error,
    },
    /// A task died.
    #[error("a task ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

/// What is to be pushed, where to, and how.
pub struct Request<'a> {
    /// Where the content comes from.
    pub source: &'a Arc<dyn ContentSource>,
    /// What goes where.
    pub plan: &'a PushPlan,
    /// The way there.
    pub transport: &'a Transport,
    /// How.
    pub options: &'a Options,
    /// Who wants to know.
    pub observer: &'a Arc<dyn Observer>,
}

/// Pushes what the plan says. An image that fails doesn't stop the others; the receipt tells of each.
/// `on_the_way` gets it when the first images have begun and whenever one is through, for the case that the
/// push doesn't come to its end.
///
/// # Errors
/// If nothing was pushed at all: a tag is taken, or the registry can't be spoken to.
pub async fn push(request: &Request<'_>, mut on_the_way: impl FnMut(&Receipt)) -> Result<Receipt, PushError> {
    let Request { source, plan, transport, observer, .. } = *request;
    let jobs = request.options.jobs.max(1);
    let (standings, routes) = request.clear_the_way().await?;
    let phase = Phase::Push.start(&**observer, bytes_to_go_through(source.graph(), plan));
    let run = Arc::new(Run {
        source: Arc::clone(source),
        transport: transport.clone(),
        blobs: Blobs::new(Arc::clone(source), transport.clone(), Arc::clone(observer), jobs),
        observer: Arc::clone(observer),
        tags: request.options.tags,
        presence: request.options.presence,
        jobs,
        lists: Lists::default(),
    });
    let wanted = wanted_blobs(source.graph(), plan, &standings);
    let ahead = tokio::spawn(run.blobs.ahead().look(wanted, jobs));
    let tell = |images: &[ImageReceipt]| on_the_way(&Receipt::new(source.id(), plan, images.to_vec()));
    let images = push_images(&run, plan, standings.into_iter().zip(routes), tell).await;
    ahead.abort();
    drop(phase);
    let mut images = images?;
    for (target, settled) in run.lists.settle(transport).await {
        images.iter_mut().for_each(|image| image.settle_list(&target, &settled));
    }
    Ok(Receipt::new(source.id(), plan, images))
}

impl Request<'_> {
    /// Refuses what can be refused before anything moves.
    async fn clear_the_way(&self) -> Result<(Vec<Result<Standing, Error>>, Vec<Route>), PushError> {
        let Request { source, plan, transport, options, observer } = *self;
        let mut standings = survey(plan, transport, options.jobs.max(1), observer).await;
        if let Some(position) = common_fault(&standings)
            && let Err(source) = standings.swap_remove(position)
        {
            return Err(PushError::Registry { host: plan.destination().host().clone(), source });
        }
        is_registry(plan, &standings, transport).await?;
        let routes = self.routes(&mut standings).await?;
        refuse_taken_beside(&look_beside(&**source, plan, transport, &routes, options).await)?;
        Ok((standings, routes))
    }

    /// The way for each image.
    pub(crate) async fn routes(
        &self,
        standings: &mut [Result<Standing, Error>],
    ) -> Result<Vec<Route>, PushError> {
        let Request { source, plan, transport, options, observer } = *self;
        refuse_taken_tags(plan, standings, options, None)?;
        let routes = Gate { plan, transport, options, observer }.routes(&**source, standings).await?;
        refuse_taken_tags(plan, standings, options, Some(&routes))?;
        refuse_shared_tags(&**source, plan, &routes)?;
        Ok(routes)
    }
}

/// Refuses a host that is no registry, where a [`survey`] found an image absent, something else in its place,
/// or a page: it may answer everything like that. Costs no request.
///
/// # Errors
/// [`PushError::NoRegistry`].
pub(crate) async fn is_registry(
    plan: &PushPlan,
    standings: &[Result<Standing, Error>],
    transport: &Transport,
) -> Result<(), PushError> {
    let is_odd = |standing: &Result<Standing, Error>| match standing {
        Ok(standing) => *standing != Standing::Present,
        Err(Error::Content { fault, .. }) => matches!(**fault, ContentFault::Html),
        Err(_) => false,
    };
    if !standings.iter().any(is_odd) {
        return Ok(());
    }
    let host = plan.destination().host();
    match transport.doubt(host).await {
        None => Ok(()),
        Some(source) => Err(PushError::NoRegistry { host: host.clone(), source }),
    }
}

/// What will be looked for: the blobs of images that are not there, each once for each repository.
fn wanted_blobs(
    graph: &Graph,
    plan: &PushPlan,
    standings: &[Result<Standing, Error>],
) -> Vec<(Repository, Vec<Wanted>)> {
    let mut wanted: Vec<(Repository, Vec<Wanted>)> = Vec::new();
    for (image, standing) in plan.images.iter().zip(standings) {
        if matches!(standing, Ok(standing) if *standing != Standing::Present) {
            let blobs = blobs_below(graph, &image.digest, "");
            let blobs = blobs.into_iter().map(|blob| (blob.digest, blob.size)).collect();
            wanted.push((image.target.repository().clone(), blobs));
        }
    }
    wanted
}

/// Each image's blobs and those attached to it; what they share counts for each.
fn bytes_to_go_through(graph: &Graph, plan: &PushPlan) -> u64 {
    let mut bytes = 0_u64;
    for image in &plan.images {
        let attached = image.attached.iter().map(|found| found.digest);
        for digest in std::iter::once(image.digest).chain(attached) {
            bytes += blobs_below(graph, &digest, "").iter().map(|blob| blob.size).sum::<u64>();
        }
    }
    bytes
}

/// Sends the images, `jobs` side by side. `tell` gets the receipts of all, in the plan's order, at the start
/// and whenever one is through.
async fn push_images(
    run: &Arc<Run>,
    plan: &PushPlan,
    ways: impl Iterator<Item = (Result<Standing, Error>, Route)>,
    mut tell: impl FnMut(&[ImageReceipt]),
) -> Result<Vec<ImageReceipt>, PushError> {
    let mut receipts: Vec<ImageReceipt> = plan.images.iter().map(ImageReceipt::new).collect();
    let mut waiting = plan.images.iter().cloned().zip(ways).enumerate();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < run.jobs
            && let Some((position, (image, (standing, route)))) = waiting.next()
        {
            let run = Arc::clone(run);
            receipts[position].status = Status::Interrupted;
            tasks.spawn(async move { (position, run.image(image, standing, route).await) });
        }
        // When the next one has begun: what is told says which those are. Before the first is through as
        // well: what an earlier push told must not pass for what this one did.
        tell(&receipts);
        let Some(done) = tasks.join_next().await else { return Ok(receipts) };
        let (position, receipt) = done.map_err(PushError::Task)?;
        receipts[position] = receipt;
    }
}
