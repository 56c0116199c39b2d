//! What is measured: the works, each made ready when its turn comes.

use std::path::PathBuf;

use airlift_testkit::line::{Line, Relay};
use airlift_testkit::real::RealRegistry;
use tempfile::TempDir;

use crate::contenders::{Contender, Tools};
use crate::line::{Crossing, Times};
use crate::{measure, seed};

/// All works, in their order.
pub(crate) const NAMES: [&str; 11] = [
    "build",
    "many",
    "many-push",
    "many-again",
    "tiny",
    "verify",
    "verify-layers",
    "verify-disk",
    "push",
    "again",
    "whole",
];

const LARGE: &str = "bench/large:1";
const LAYERS: &str = "bench/layers:1";
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
    /// What it carries over the line, where there is one and the work uses it.
    pub(crate) crossing: Option<Crossing>,
}

/// The registries, the images and the tools.
pub(crate) struct Bench {
    target: RealRegistry,
    // Held so that they run.
    _source: RealRegistry,
    _relays: Vec<Relay>,
    folder: TempDir,
    line: Option<Line>,
    /// What is measured, through the line.
    tools: Tools,
    /// What only has to be there is made without the line.
    without_line: Tools,
    mib: usize,
}

impl Bench {
    /// Starts two registries and fills one with what the works that were asked for need.
    pub(crate) fn start(
        mib: usize,
        asked: &[&str],
        peers: &[&'static str],
        line: Option<Line>,
        tool_cores: Option<String>,
    ) -> Self {
        let registry = || RealRegistry::debian().start().expect("docker-registry is installed");
        let (source, target) = (registry(), registry());
        let airlift = std::env::var("AIRLIFT").expect("AIRLIFT names the binary");
        let folder = tempfile::Builder::new().prefix("bench-").tempdir().expect("a folder can be made");
        let mut relays = Vec::new();
        let mut through_line = |registry: &RealRegistry| match line {
            Some(line) => {
                relays.push(Relay::start(registry.authority(), line));
                relays[relays.len() - 1].authority()
            }
            None => registry.authority().to_owned(),
        };
        let (near, far) = (through_line(&source), through_line(&target));
        let tools = Tools::new(airlift.clone(), peers, [&near, &far], folder.path()).on(tool_cores);
        let without_line =
            Tools::new(airlift, peers, [source.authority(), target.authority()], folder.path());
        let endpoint = source.endpoint();
        let needs_large =
            |work: &&str| !["tiny", "verify-layers"].contains(work) && !work.starts_with("many");
        if asked.iter().any(needs_large) {
            seed::large(endpoint, mib);
        }
        if asked.contains(&"verify-layers") {
            seed::layers(endpoint, mib);
        }
        if asked.iter().any(|work| work.starts_with("many")) {
            seed::small(endpoint);
        }
        if asked.contains(&"tiny") {
            seed::tiny(endpoint);
        }
        Bench { target, _source: source, _relays: relays, folder, line, tools, without_line, mib }
    }

    /// The work of that name; "tiny" is two.
    pub(crate) fn works(&self, name: &str) -> Vec<Work> {
        match name {
            "many" | "many-push" | "many-again" => vec![self.of_many(name)],
            "tiny" => self.of_tiny(),
            "verify" | "verify-layers" | "verify-disk" => vec![self.of_verify(name)],
            _ => vec![self.of_large(name)],
        }
    }

    fn of_large(&self, name: &str) -> Work {
        let about = |what: &str| format!("{} MiB in 8 layers, 2 platforms: {what}", self.mib);
        let archive = "large-airlift.tar";
        match name {
            "build" => {
                let builds = self.tools.builds(LARGE, "large");
                self.work("build", about("registry → archive"), builds).crossing(
                    Times::Once,
                    archive,
                    self.line,
                )
            }
            "push" | "again" => {
                let made = self.make(&self.without_line.builds(LARGE, "large"));
                let pushes = |tools: &Tools, content| of_made(&made, tools.pushes(LARGE, "large", content));
                if name == "again" {
                    self.fill(&pushes(&self.without_line, None));
                    return self
                        .work("again", about("archive → registry that has it"), pushes(&self.tools, None))
                        .crossing(Times::Never, archive, self.line);
                }
                let pushes = pushes(&self.tools, Some(&self.content()));
                self.work("push", about("archive → empty registry"), pushes).crossing(
                    Times::Once,
                    archive,
                    self.line,
                )
            }
            _ => {
                let ways = self.tools.whole_ways(LARGE, &self.content());
                self.work("whole", about("registry → archive → empty registry"), ways).crossing(
                    Times::Twice,
                    archive,
                    self.line,
                )
            }
        }
    }

    fn of_verify(&self, name: &str) -> Work {
        let (reference, made, layers) = match name {
            "verify-layers" => (LAYERS, "layers", seed::LAYERS),
            _ => (LARGE, "large", 8),
        };
        let about =
            |what: &str| format!("{} MiB in {layers} layers, 2 platforms: all of it, {what}", self.mib);
        let archive = format!("{made}-airlift.tar");
        self.make(&self.without_line.builds(reference, made)[..1]);
        if name == "verify-disk" {
            return self.work("verify-disk", about("from the disk"), self.tools.cold_verifications(&archive));
        }
        // Reads it into the page cache.
        let bytes = std::fs::File::open(self.folder.path().join(&archive))
            .and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
        bytes.expect("the archive can be read");
        let name = if name == "verify" { "verify" } else { "verify-layers" };
        self.work(name, about("in the page cache"), self.tools.verifications(&archive))
    }

    fn of_many(&self, name: &str) -> Work {
        let images: Vec<String> =
            (0..seed::SMALL_IMAGES).map(|number| format!("bench/small-{number}:1")).collect();
        let layers = seed::SHARED_LAYERS + 1;
        let about = |what: &str| format!("{} images of {layers} layers: {what}", images.len());
        let archive = "many.tar";
        if name == "many" {
            let builds = self.tools.builds_of_many(&images);
            return self.work("many", about("registry → archive"), builds).crossing(
                Times::Once,
                archive,
                self.line,
            );
        }
        let made = self.make(&self.without_line.builds_of_many(&images));
        let pushes = |tools: &Tools, content| of_made(&made, tools.pushes_of_many(&images, content));
        if name == "many-push" {
            let pushes = pushes(&self.tools, Some(&self.content()));
            return self.work("many-push", about("archive → empty registry"), pushes).crossing(
                Times::Once,
                archive,
                self.line,
            );
        }
        self.fill(&pushes(&self.without_line, None));
        self.work("many-again", about("archive → registry that has them"), pushes(&self.tools, None))
            .crossing(Times::Never, archive, self.line)
    }

    fn of_tiny(&self) -> Vec<Work> {
        let about = |what: &str| format!("{} small blobs: {what}", seed::TINY_BLOBS);
        let made = self.make(&self.without_line.builds(TINY, "tiny"));
        let (builds, pushes) =
            (self.tools.builds(TINY, "tiny"), self.tools.pushes(TINY, "tiny", Some(&self.content())));
        let (builds, pushes) = (of_made(&made, builds), of_made(&made, pushes));
        let works = [
            self.work("tiny", about("registry → archive"), builds),
            self.work("tiny push", about("archive → registry"), pushes),
        ];
        works.map(|work| work.crossing(Times::Once, "tiny-airlift.tar", self.line)).into()
    }

    fn work(&self, name: &'static str, about: String, contenders: Vec<Contender>) -> Work {
        Work { name, about, contenders, folder: self.folder.path().to_owned(), crossing: None }
    }

    /// Where the target keeps what it holds.
    fn content(&self) -> PathBuf {
        self.target.folder().join("data").join("docker")
    }

    /// Makes what isn't there of what these make; gives the tools that could. Who can't will have nothing to
    /// push.
    fn make(&self, builds: &[Contender]) -> Vec<String> {
        let can = |build: &&Contender| {
            if build.undo.iter().all(|made| made.exists()) {
                return true;
            }
            let made = measure::run_once(build, self.folder.path());
            if let Err(why) = &made {
                eprintln!("{} failed: {why}", build.name);
                build.prepare();
            }
            made.is_ok()
        };
        builds.iter().filter(can).map(tool).collect()
    }

    /// Lets each tool push once, so that the target has all that it would send.
    fn fill(&self, pushes: &[Contender]) {
        for push in pushes {
            if let Err(why) = measure::run_once(push, self.folder.path()) {
                eprintln!("{} failed: {why}", push.name);
            }
        }
    }
}

impl Work {
    fn crossing(self, times: Times, archive: &str, line: Option<Line>) -> Self {
        let archive = self.folder.join(archive);
        Work { crossing: line.map(|line| Crossing { line, archive, times }), ..self }
    }
}

/// The commands of the tools that have made something.
fn of_made(made: &[String], contenders: Vec<Contender>) -> Vec<Contender> {
    contenders.into_iter().filter(|contender| made.contains(&tool(contender))).collect()
}

fn tool(contender: &Contender) -> String {
    contender.name.split(' ').next().unwrap_or_default().to_owned()
}
