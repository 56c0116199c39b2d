//! The two sides of the gap.

use airlift_server::samples::{self, Sample};
use airlift_testkit::real::RealRegistry;

use crate::airlift::{Airlift, Ran};

/// A source that holds the samples, an empty target, and the binary between them.
pub(crate) struct Pair {
    pub(crate) source: RealRegistry,
    pub(crate) target: RealRegistry,
    pub(crate) airlift: Airlift,
    pub(crate) samples: Vec<Sample>,
}

impl Pair {
    /// Two of Debian's registries. `None` where they are not installed.
    pub(crate) fn start() -> Option<Pair> {
        Self::of(RealRegistry::debian().start()?, RealRegistry::debian().start()?)
    }

    /// The same over two registries that a test chose.
    pub(crate) fn of(source: RealRegistry, target: RealRegistry) -> Option<Pair> {
        let samples = samples::all();
        source.endpoint().push(&samples);
        Some(Pair { source, target, airlift: Airlift::new(), samples })
    }

    /// The sample that most tests take: an index of two platforms with attestations, written as no serialiser
    /// would.
    pub(crate) fn web(&self) -> &Sample {
        let found = self.samples.iter().find(|sample| sample.repository == "team/web");
        found.expect("there is such a sample")
    }

    /// The reference of a sample at the source.
    pub(crate) fn reference(&self, sample: &Sample) -> String {
        format!("{}/{}:{}", self.source.authority(), sample.repository, sample.tag)
    }

    /// The same for all samples.
    pub(crate) fn references(&self) -> Vec<String> {
        self.samples.iter().map(|sample| self.reference(sample)).collect()
    }

    /// Builds `b.tar` of one sample.
    pub(crate) fn build(&self, sample: &Sample) -> Ran {
        self.airlift.run(&["build", &self.reference(sample), "-o", "b.tar"]).expect(0)
    }

    /// Builds `b.tar` of all samples.
    pub(crate) fn build_all(&self) -> Ran {
        let references = self.references();
        let mut arguments = vec!["build", "-o", "b.tar"];
        arguments.extend(references.iter().map(String::as_str));
        self.airlift.run(&arguments).expect(0)
    }

    /// Pushes a bundle to the target.
    pub(crate) fn push(&self, bundle: &str) -> Ran {
        self.airlift.run(&["push", bundle, self.target.authority()])
    }

    /// Panics unless the target holds the sample, byte for byte, under the source's name without its host.
    pub(crate) fn assert_arrived(&self, sample: &Sample) {
        self.target.endpoint().assert_holds(sample, &sample.repository);
        let at_source = self.source.endpoint().manifest(&sample.repository, &sample.tag);
        let at_target = self.target.endpoint().manifest(&sample.repository, &sample.tag);
        assert!(at_source == at_target, "{}:{} differs", sample.repository, sample.tag);
    }
}
