//! What is measured: the works, each made ready when its turn comes.

use std::path::PathBuf;

use airlift_testkit::real::RealRegistry;
use tempfile::TempDir;

use crate::contenders::{Contender, Tools};
use crate::{measure, seed};

/// All works, in their order.
pub(crate) const NAMES: [&str; 7] = ["build", "many", "tiny", "verify", "push", "again", "whole"];

const LARGE: &str = "bench/large:1";
const TINY: &str = "bench/tiny:1";

/// A work, and the commands that do it, ours first.
pub(crate) struct Work {
    /// Its name.
    pub(crate) name: &'static str,
    /// What is done, in words.
    pub(crate) about: String,
    /// Who does it.
    pub(crate) contenders: Vec<Contender>,
    /// Where.
    pub(crate) folder: PathBuf,
}

/// The registries, the images and the tools.
pub(crate) struct Bench {
    target: RealRegistry,
    // Held so that it runs.
    _source: RealRegistry,
    folder: TempDir,
    tools: Tools,
    mib: usize,
}

impl Bench {
    /// Starts two registries and fills one with what the works that were asked for need.
    pub(crate) fn start(mib: usize, asked: &[&str]) -> Self {
        let registry = || RealRegistry::debian().start().expect("docker-registry is installed");
        let (source, target) = (registry(), registry());
        let airlift = std::env::var("AIRLIFT").expect("AIRLIFT names the binary");
        let folder = tempfile::Builder::new().prefix("bench-").tempdir().expect("a folder can be made");
        let tools = Tools::new(airlift, source.authority(), target.authority(), folder.path());
        let endpoint = source.endpoint();
        if asked.iter().any(|work| !["many", "tiny"].contains(work)) {
            seed::large(endpoint, mib);
        }
        if asked.contains(&"many") {
            seed::small(endpoint);
        }
        if asked.contains(&"tiny") {
            seed::tiny(endpoint);
        }
        Bench { target, _source: source, folder, tools, mib }
    }

    /// The work of that name; "tiny" is two.
    pub(crate) fn works(&self, name: &str) -> Vec<Work> {
        let large = |what: &str| format!("{} MiB in 8 layers, 2 platforms: {what}", self.mib);
        let tiny = |what: &str| format!("{} small blobs: {what}", seed::TINY_BLOBS);
        let content = self.target.folder().join("data").join("docker");
        match name {
            "build" => {
                vec![self.work("build", large("registry → archive"), self.tools.builds(LARGE, "large"))]
            }
            "many" => {
                let images: Vec<String> =
                    (0..seed::SMALL_IMAGES).map(|number| format!("bench/small-{number}:1")).collect();
                let about = format!(
                    "{} images of {} layers: registry → archive",
                    images.len(),
                    seed::SHARED_LAYERS + 1
                );
                vec![self.work("many", about, self.tools.builds_of_many(&images))]
            }
            "tiny" => {
                let builds = self.work("tiny", tiny("registry → archive"), self.tools.builds(TINY, "tiny"));
                self.make(&builds);
                let pushes = self.tools.pushes(TINY, "tiny", Some(&content));
                let pushes = self.of_made(&builds, pushes);
                vec![builds, self.work("tiny push", tiny("archive → registry"), pushes)]
            }
            "verify" => {
                self.make_ours();
                // Reads it into the page cache.
                let bytes = std::fs::File::open(self.folder.path().join("large-airlift.tar"))
                    .and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
                bytes.expect("the archive can be read");
                let contenders = self.tools.verifications("large-airlift.tar");
                vec![self.work("verify", large("all of it, in the page cache"), contenders)]
            }
            "push" | "again" => {
                let builds = self.work("build", String::new(), self.tools.builds(LARGE, "large"));
                self.make(&builds);
                let is_again = name == "again";
                let pushes = self.tools.pushes(LARGE, "large", (!is_again).then_some(&content));
                let pushes = self.of_made(&builds, pushes);
                if is_again {
                    measure::run_once(&pushes[0], self.folder.path()).expect("our push ends well");
                    return vec![self.work("again", large("archive → registry that has it"), pushes)];
                }
                vec![self.work("push", large("archive → empty registry"), pushes)]
            }
            _ => {
                let ways = self.tools.whole_ways(LARGE, &content);
                vec![self.work("whole", large("registry → archive → empty registry"), ways)]
            }
        }
    }

    fn work(&self, name: &'static str, about: String, contenders: Vec<Contender>) -> Work {
        Work { name, about, contenders, folder: self.folder.path().to_owned() }
    }

    fn make_ours(&self) {
        let builds = self.tools.builds(LARGE, "large");
        let ours = builds.into_iter().next().into_iter().collect();
        self.make(&self.work("build", String::new(), ours));
    }

    /// Makes what isn't there of what these make. Who can't will have nothing to push.
    fn make(&self, builds: &Work) {
        for build in &builds.contenders {
            if build.undo.iter().all(|made| made.exists()) {
                continue;
            }
            if let Err(why) = measure::run_once(build, &builds.folder) {
                eprintln!("{} failed: {why}", build.name);
                build.prepare();
            }
        }
    }

    /// The pushes of the tools whose builds are there.
    fn of_made(&self, builds: &Work, pushes: Vec<Contender>) -> Vec<Contender> {
        let tool = |contender: &Contender| contender.name.split(' ').next().unwrap_or_default().to_owned();
        let made = |push: &Contender| {
            let build = builds.contenders.iter().find(|build| tool(build) == tool(push));
            build.is_some_and(|build| build.undo.iter().all(|made| made.exists()))
        };
        pushes.into_iter().filter(made).collect()
    }
}
