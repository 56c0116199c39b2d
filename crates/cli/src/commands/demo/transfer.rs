//! The transfer itself, by the same libraries that the other commands use.

use std::fs::OpenOptions;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::{Existing, Form};
use airlift_oci::reference::Mirrors;
use airlift_oci::{Limits, Observer, Reference, Unobserved};
use airlift_packager::{
    ImageRequest, Layouts, LocalContents, Output, Packing, PlanOptions, Registries, Source, plan, resolve,
};
use airlift_pusher::{ContentSource, Destination, PushPlan, Receipt, Request, push};
use airlift_registry::{Options, Transport};
use airlift_server::Server;
use airlift_server::samples::Sample;
use airlift_verifier::{Report, VerifiedBundle, verify};

use crate::failure::Failure;
use crate::usage_error::UsageError;

/// Parallel transfers.
const JOBS: usize = 4;

/// Two registries, a bundle between them, and the client of both.
pub(crate) struct Transfer {
    source: Server,
    target: Server,
    bundle: PathBuf,
    damaged: PathBuf,
    references: Vec<Reference>,
    transport: Transport,
    observer: Arc<dyn Observer>,
}

/// A copy of the bundle with one byte flipped.
pub(crate) struct FlippedCopy {
    path: PathBuf,
    offset: u64,
}

impl FlippedCopy {
    /// The copy.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Where the byte is, from the archive's start.
    pub(crate) fn offset(&self) -> u64 {
        self.offset
    }
}

impl Transfer {
    /// Starts both registries and fills the first.
    pub(crate) async fn start(folder: &Path, samples: &[Sample]) -> Result<Self, Failure> {
        let options = airlift_server::Options::default();
        let source = Server::start(&folder.join("source"), options.clone()).await?;
        source.seed(samples).await?;
        let target = Server::start(&folder.join("target"), options).await?;
        let reference = |sample: &Sample| -> Result<Reference, UsageError> {
            let text = format!("{}/{}:{}", source.address(), sample.repository, sample.tag);
            text.parse().map_err(UsageError::reference)
        };
        let references = samples.iter().map(reference).collect::<Result<_, _>>()?;
        let observer: Arc<dyn Observer> = Arc::new(Unobserved);
        let transport = Transport::new(Options::default(), Arc::clone(&observer))?;
        let (bundle, damaged) = (folder.join("images.tar"), folder.join("damaged.tar"));
        Ok(Transfer { source, target, bundle, damaged, references, transport, observer })
    }

    pub(crate) fn source(&self) -> &Server {
        &self.source
    }

    pub(crate) fn target(&self) -> &Server {
        &self.target
    }

    pub(crate) fn bundle(&self) -> &Path {
        &self.bundle
    }

    pub(crate) fn transport(&self) -> &Transport {
        &self.transport
    }

    pub(crate) async fn build(&self) -> Result<Packing, Failure> {
        let path = self.bundle.clone();
        let (output, there) = Output { path, form: Form::Tar, existing: Existing::Keep }.open()?;
        let observer = Arc::clone(&self.observer);
        let registries = Registries::new(self.transport.clone(), Mirrors::default(), observer);
        let source = Arc::new(Source::new(registries, LocalContents::open(there, &[])?, Layouts::default()));
        let requests: Vec<ImageRequest> = self.references.iter().cloned().map(ImageRequest::from).collect();
        let resolved = resolve(&source, &requests, JOBS, &*self.observer).await?;
        let options = PlanOptions { jobs: JOBS, ..PlanOptions::default() };
        let packing = plan(source, resolved, &options, &*self.observer).await?;
        packing.write(output, JOBS, &self.observer).await?;
        Ok(packing)
    }

    pub(crate) fn verify(&self, bundle: &Path) -> Result<Report, Failure> {
        Ok(verify(bundle, &airlift_verifier::Options::default(), &*self.observer)?)
    }

    /// Copies the bundle and flips a byte in the middle of its largest blob.
    pub(crate) fn flip(&self, packing: &Packing) -> Result<FlippedCopy, Failure> {
        let failed = |source| Failure::File { doing: "write", path: self.damaged.clone(), source };
        let largest = packing.plan().blobs().max_by_key(|entry| entry.size);
        let offset = largest.map_or(0, |entry| entry.data_offset + entry.size / 2);
        std::fs::copy(&self.bundle, &self.damaged).map_err(failed)?;
        let file = OpenOptions::new().read(true).write(true).open(&self.damaged).map_err(failed)?;
        let mut byte = [0];
        file.read_exact_at(&mut byte, offset).map_err(failed)?;
        file.write_all_at(&[byte[0] ^ 1], offset).map_err(failed)?;
        Ok(FlippedCopy { path: self.damaged.clone(), offset })
    }

    pub(crate) async fn push(&self) -> Result<Receipt, Failure> {
        let source: Arc<dyn ContentSource> =
            Arc::new(VerifiedBundle::admit(&self.bundle, Limits::default())?);
        // An address is a host and a port, which is a destination.
        let destination: Destination = self
            .target
            .address()
            .to_string()
            .parse()
            .map_err(|_| UsageError::Combination("the embedded registry's address is no destination"))?;
        let options = airlift_pusher::Options { jobs: JOBS, ..airlift_pusher::Options::default() };
        let plan = PushPlan::new(&*source, &destination, &options)?;
        let request = Request {
            failed: &[],
            source: &source,
            plan: &plan,
            transport: &self.transport,
            options: &options,
            observer: &self.observer,
            clock: crate::clock::now,
        };
        Ok(push(&request, |_| {}).await?)
    }

    /// BothRegistries both registries.
    pub(crate) async fn stop(self) {
        self.source.stop().await;
        self.target.stop().await;
    }
}
