//! The push as a whole: what is taken is refused first, then images go side by side.

use std::sync::Arc;

use airlift_bundle::{Digest, Event, Graph, Observer, summary};
use airlift_registry::{Error, Host, Transport};
use airlift_verifier::VerifiedBundle;
use tokio::task::JoinSet;

use crate::blobs::Blobs;
use crate::gate::{Gate, SparseRefusal};
use crate::image::Run;
use crate::plan::{Options, PushPlan, TagMoves};
use crate::receipt::{ImageReceipt, Receipt, SCHEMA};
use crate::sparse::Route;
use crate::survey::{Standing, concerns_all, survey};
use crate::tree::blobs_below;

/// Why nothing was pushed.
#[derive(Debug, thiserror::Error)]
pub enum PushError {
    /// Tags that stand for something else at the target.
    #[error("{}; nothing was pushed (--move-tags moves such tags)", taken(.0))]
    TagsTaken(Vec<TakenTag>),
    /// The registry can't be spoken to.
    #[error("can't push to {host}")]
    Registry {
        /// The registry.
        host: Host,
        /// What happened.
        #[source]
        source: Error,
    },
    /// The registry refuses indexes with absent children, and the bundle leaves some out.
    #[error("{0}")]
    Sparse(Box<SparseRefusal>),
    /// A task died.
    #[error("a task ended abnormally")]
    Task(#[source] tokio::task::JoinError),
}

/// A tag at the target that stands for something else than the bundle's image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TakenTag {
    /// The tag.
    pub target: String,
    /// What it stands for.
    pub there: Digest,
    /// What the bundle has.
    pub ours: Digest,
}

fn taken(tags: &[TakenTag]) -> String {
    let told: Vec<String> = tags
        .iter()
        .map(|tag| format!("{} is {} at the target and {} in the bundle", tag.target, tag.there, tag.ours))
        .collect();
    told.join("; ")
}

/// Pushes what the plan says. An image that fails doesn't stop the others; the receipt tells of each.
///
/// # Errors
/// If nothing was pushed at all: a tag is taken, or the registry can't be spoken to.
pub async fn push(
    bundle: &Arc<VerifiedBundle>,
    plan: &PushPlan,
    transport: &Transport,
    options: &Options,
    observer: &Arc<dyn Observer>,
) -> Result<Receipt, PushError> {
    let jobs = options.jobs.max(1);
    let mut standings = survey(plan, transport, jobs, observer).await;
    if let Some(position) = standings.iter().position(|standing| standing.as_ref().is_err_and(concerns_all))
        && let Err(source) = standings.swap_remove(position)
    {
        return Err(PushError::Registry { host: plan.destination().host().clone(), source });
    }
    refuse_taken_tags(plan, &standings, options.tags)?;
    let routes = Gate { plan, transport, options, observer }.routes(bundle, &mut standings).await?;
    observer.notice(Event::PhaseStarted { phase: "push", bytes: bytes_to_go_through(bundle.graph(), plan) });
    let run = Arc::new(Run {
        bundle: Arc::clone(bundle),
        transport: transport.clone(),
        blobs: Blobs::new(Arc::clone(bundle), transport.clone(), Arc::clone(observer), jobs),
        tags: options.tags,
        jobs,
        fallback_tags: tokio::sync::Mutex::default(),
    });
    let images = push_images(&run, plan, standings, routes).await;
    observer.notice(Event::PhaseEnded { phase: "push" });
    Ok(Receipt {
        schema: SCHEMA,
        bundle: bundle.id(),
        target: plan.destination().to_string(),
        images: images?,
    })
}

fn refuse_taken_tags(
    plan: &PushPlan,
    standings: &[Result<Standing, Error>],
    tags: TagMoves,
) -> Result<(), PushError> {
    if tags == TagMoves::Allow {
        return Ok(());
    }
    let taken: Vec<TakenTag> = plan
        .images
        .iter()
        .zip(standings)
        .filter_map(|(image, standing)| match standing {
            Ok(Standing::Other(there)) => {
                Some(TakenTag { target: image.target.to_string(), there: *there, ours: image.digest })
            }
            _ => None,
        })
        .collect();
    if taken.is_empty() { Ok(()) } else { Err(PushError::TagsTaken(taken)) }
}

/// Each image's blobs and those attached to it; what they share counts for each.
fn bytes_to_go_through(graph: &Graph, plan: &PushPlan) -> u64 {
    let mut bytes = 0_u64;
    for image in &plan.images {
        let attached =
            graph.roots.get(image.root).map(|root| summary::attached_to(graph, root)).unwrap_or_default();
        let digests = attached.into_iter().map(|root| root.descriptor.digest);
        for digest in std::iter::once(image.digest).chain(digests) {
            bytes += blobs_below(graph, &digest, "").iter().map(|blob| blob.size).sum::<u64>();
        }
    }
    bytes
}

/// Sends the images, `jobs` side by side, and puts their receipts into the plan's order.
async fn push_images(
    run: &Arc<Run>,
    plan: &PushPlan,
    standings: Vec<Result<Standing, Error>>,
    routes: Vec<Route>,
) -> Result<Vec<ImageReceipt>, PushError> {
    let mut waiting = plan.images.iter().cloned().zip(standings).zip(routes).enumerate();
    let mut receipts: Vec<(usize, ImageReceipt)> = Vec::new();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.len() < run.jobs
            && let Some((position, ((image, standing), route))) = waiting.next()
        {
            let run = Arc::clone(run);
            tasks.spawn(async move { (position, run.image(image, standing, route).await) });
        }
        match tasks.join_next().await {
            None => break,
            Some(done) => receipts.push(done.map_err(PushError::Task)?),
        }
    }
    receipts.sort_by_key(|(position, _)| *position);
    Ok(receipts.into_iter().map(|(_, receipt)| receipt).collect())
}
