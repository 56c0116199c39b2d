//! What is measured: images in a source registry, and how each tool takes them to the archive and on.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use airlift_bundle::Algorithm;
use airlift_server::samples::{self, Child, Image, ImageSpec, IndexSpec, Layer, Sample};
use airlift_testkit::real::RealRegistry;
use airlift_testkit::tool::tool;
use tempfile::TempDir;

/// All works, in their order.
pub(crate) const NAMES: [&str; 7] = ["build", "many", "tiny", "verify", "push", "again", "whole"];

/// How many small images there are, and how many of their layers are shared by all.
const SMALL_IMAGES: u64 = 50;
const SHARED_LAYERS: u64 = 3;
/// How many layers the image of small blobs has.
const TINY_BLOBS: u64 = 10_000;

/// One tool's way of doing a work.
pub(crate) struct Contender {
    /// The tool and, in a few words, what it does otherwise than asked.
    name: String,
    /// Run one after the other.
    pub(crate) commands: Vec<Vec<String>>,
    /// What is undone before each run.
    undo: Vec<PathBuf>,
}

impl Contender {
    /// Removes what an earlier run has made.
    pub(crate) fn prepare(&self) {
        for path in &self.undo {
            // What isn't there needs no removing.
            let _ = std::fs::remove_dir_all(path);
            let _ = std::fs::remove_file(path);
        }
    }
}

/// A work with those who do it, ours first.
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

impl Work {
    /// The names of the contenders.
    pub(crate) fn names(&self) -> Vec<String> {
        self.contenders.iter().map(|contender| contender.name.clone()).collect()
    }
}

/// The registries, the images and the tools.
pub(crate) struct Bench {
    source: RealRegistry,
    target: RealRegistry,
    folder: Arc<TempDir>,
    airlift: String,
    mib: usize,
}

impl Bench {
    /// Starts two registries and fills one.
    pub(crate) fn start(mib: usize) -> Self {
        let registry = || RealRegistry::debian().start().expect("docker-registry is installed");
        let airlift = std::env::var("AIRLIFT").expect("AIRLIFT names the binary");
        let folder = tempfile::Builder::new().prefix("bench-").tempdir().expect("a folder can be made");
        let bench = Bench { source: registry(), target: registry(), folder: Arc::new(folder), airlift, mib };
        bench.seed();
        bench
    }

    fn seed(&self) {
        let endpoint = self.source.endpoint();
        // Platform by platform: all of it at once would not fit into every memory.
        let large: Vec<Image> = ["linux/amd64", "linux/arm64"]
            .iter()
            .zip(1_u64..)
            .map(|(platform, number)| {
                let size = self.mib * 1024 * 1024 / 8;
                let layers = (0..4).map(|layer| Layer::Files { seed: number * 10 + layer, size }).collect();
                let image = samples::image(&ImageSpec {
                    platform: (*platform).to_owned(),
                    layers,
                    ..ImageSpec::default()
                });
                endpoint.push(&[Sample::of_image("bench/large", &format!("p{number}"), image.clone())]);
                Image { blobs: Vec::new(), ..image }
            })
            .collect();
        let index = samples::index(&IndexSpec {
            children: large.iter().map(Child::from).collect(),
            ..IndexSpec::default()
        });
        endpoint.push_manifest("bench/large", "1", &index).expect_status(201);
        for number in 0..SMALL_IMAGES {
            let shared = (0..SHARED_LAYERS).map(|layer| Layer::Files { seed: 1000 + layer, size: 2 << 20 });
            let own = Layer::Files { seed: 2000 + number, size: 2_500_000 };
            let layers = shared.chain([own]).collect();
            let image = samples::image(&ImageSpec { layers, ..ImageSpec::default() });
            endpoint.push(&[Sample::of_image(&format!("bench/small-{number}"), "1", image)]);
        }
        let tiny = |number| Layer::Raw {
            media_type: "application/octet-stream".to_owned(),
            bytes: format!("blob {number} of the image of small blobs").into(),
            annotations: Vec::new(),
        };
        let layers = (0..TINY_BLOBS).map(tiny).collect();
        let image =
            samples::image(&ImageSpec { layers, algorithm: Algorithm::Sha256, ..ImageSpec::default() });
        endpoint.push(&[Sample::of_image("bench/tiny", "1", image)]);
    }

    /// The works that were asked for, each made ready when its turn comes; none: all.
    pub(crate) fn works<'a>(&'a self, asked: &'a [String]) -> impl Iterator<Item = Work> + 'a {
        let is_asked = move |name: &&&str| asked.is_empty() || asked.iter().any(|work| work == **name);
        NAMES.iter().filter(is_asked).flat_map(|name| self.work(name))
    }

    fn work(&self, name: &str) -> Vec<Work> {
        let large = format!("{} MiB in 8 layers, 2 platforms", self.mib);
        match name {
            "build" => vec![self.made(
                "build",
                format!("{large}: registry → archive"),
                self.builds("bench/large:1", "large"),
            )],
            "many" => vec![self.made(
                "many",
                format!("{SMALL_IMAGES} images of {} layers: registry → archive", SHARED_LAYERS + 1),
                self.builds_of_many(),
            )],
            "tiny" => vec![
                self.made(
                    "tiny",
                    format!("{TINY_BLOBS} small blobs: registry → archive"),
                    self.builds("bench/tiny:1", "tiny"),
                ),
                self.made(
                    "tiny-push",
                    format!("{TINY_BLOBS} small blobs: archive → registry"),
                    self.pushes("bench/tiny:1", "tiny", Again::No),
                ),
            ],
            "verify" => vec![self.made(
                "verify",
                format!("{large}: all of it, in the page cache"),
                self.verifications(),
            )],
            "push" => vec![self.made(
                "push",
                format!("{large}: archive → empty registry"),
                self.pushes("bench/large:1", "large", Again::No),
            )],
            "again" => vec![self.made(
                "again",
                format!("{large}: archive → registry that has it"),
                self.pushes("bench/large:1", "large", Again::Yes),
            )],
            _ => vec![self.made(
                "whole",
                format!("{large}: registry → archive → empty registry"),
                self.whole_ways(),
            )],
        }
    }

    fn made(&self, name: &'static str, about: String, contenders: Vec<Contender>) -> Work {
        Work { name, about, contenders, folder: self.folder.path().to_owned() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Ours to build `reference` to `output`.
    fn airlift_build(&self, references: &[&str], output: &str) -> Vec<String> {
        let mut command = words(&[&self.airlift, "build", "--progress", "none", "-o", output]);
        command.extend(references.iter().map(|reference| format!("{}/{reference}", self.source.authority())));
        command
    }

    fn airlift_push(&self, bundle: &str) -> Vec<String> {
        words(&[&self.airlift, "push", "--progress", "none", bundle, self.target.authority()])
    }

    fn regctl(&self, arguments: &[&str]) -> Option<Vec<String>> {
        let host = |registry: &RealRegistry| format!("reg={},tls=disabled", registry.authority());
        let mut command = vec![program("regctl")?];
        command.extend(words(&["--host", &host(&self.source), "--host", &host(&self.target)]));
        command.extend(words(arguments));
        Some(command)
    }

    fn builds(&self, reference: &str, name: &str) -> Vec<Contender> {
        let at_source = format!("{}/{reference}", self.source.authority());
        let tar = |tool: &str| format!("{name}-{tool}.tar");
        let mut all = vec![self.contender(
            "airlift",
            vec![self.airlift_build(&[reference], &tar("airlift"))],
            &[&tar("airlift")],
        )];
        if let Some(command) = self.regctl(&["image", "export", &at_source, &tar("regctl")]) {
            all.push(self.contender("regctl export", vec![command], &[&tar("regctl")]));
        }
        if let Some(crane) = program("crane") {
            let folder = format!("{name}-crane");
            let command = words(&[&crane, "pull", "--insecure", "--format", "oci", &at_source, &folder]);
            all.push(self.contender("crane pull (a folder)", vec![command], &[&folder]));
        }
        if let Some(oras) = program("oras") {
            let command = words(&[&oras, "backup", "--plain-http", "--output", &tar("oras"), &at_source]);
            all.push(self.contender("oras backup", vec![command], &[&tar("oras")]));
        }
        if let Some(skopeo) = program("skopeo").filter(|_| name == "large") {
            let (from, to) =
                (format!("docker://{at_source}"), format!("oci-archive:{}:bench:1", tar("skopeo")));
            let command = words(&[
                &skopeo,
                "copy",
                "--all",
                "--preserve-digests",
                "--src-tls-verify=false",
                &from,
                &to,
            ]);
            all.push(self.contender("skopeo copy", vec![command], &[&tar("skopeo")]));
        }
        all
    }

    fn builds_of_many(&self) -> Vec<Contender> {
        let references: Vec<String> =
            (0..SMALL_IMAGES).map(|number| format!("bench/small-{number}:1")).collect();
        let references: Vec<&str> = references.iter().map(String::as_str).collect();
        let mut all =
            vec![self.contender("airlift", vec![self.airlift_build(&references, "many.tar")], &["many.tar"])];
        let at_source: Vec<String> =
            references.iter().map(|reference| format!("{}/{reference}", self.source.authority())).collect();
        if let Some(crane) = program("crane") {
            let mut command = words(&[&crane, "pull", "--insecure", "--format", "oci"]);
            command.extend(at_source.iter().cloned());
            command.push("many-crane".to_owned());
            all.push(self.contender("crane pull (a folder)", vec![command], &["many-crane"]));
        }
        let copy = |reference: &String| {
            self.regctl(&["image", "copy", reference, &format!("ocidir://many-regctl:{}", tag_of(reference))])
        };
        if let Some(commands) = at_source.iter().map(copy).collect::<Option<Vec<_>>>() {
            all.push(self.contender("regctl copy (a folder)", commands, &["many-regctl"]));
        }
        all
    }

    fn verifications(&self) -> Vec<Contender> {
        self.built("bench/large:1", "large", "airlift");
        // Reads it into the page cache.
        let bytes = std::fs::File::open(self.path("large-airlift.tar"))
            .and_then(|mut file| std::io::copy(&mut file, &mut std::io::sink()));
        bytes.expect("the archive can be read");
        let ours = words(&[&self.airlift, "verify", "--progress", "none", "large-airlift.tar"]);
        let mut all = vec![self.contender("airlift", vec![ours], &[])];
        if let Some(openssl) = program("openssl") {
            let command = words(&[&openssl, "dgst", "-sha256", "large-airlift.tar"]);
            all.push(self.contender("openssl dgst (one hash)", vec![command], &[]));
        }
        all
    }

    /// Makes sure that what a contender of `builds` makes is there.
    fn built(&self, reference: &str, name: &str, tool: &str) {
        let all = self.builds(reference, name);
        let Some(contender) = all.iter().find(|contender| contender.name.starts_with(tool)) else { return };
        if contender.undo.iter().all(|made| made.exists()) {
            return;
        }
        let work = Work {
            name: "prepare",
            about: String::new(),
            contenders: Vec::new(),
            folder: self.folder.path().to_owned(),
        };
        for command in &contender.commands {
            let ran = std::process::Command::new(&command[0])
                .args(&command[1..])
                .current_dir(&work.folder)
                .output();
            let ran = ran.expect("the tool runs");
            assert!(ran.status.success(), "{command:?}: {}", String::from_utf8_lossy(&ran.stderr));
        }
    }

    fn pushes(&self, reference: &str, name: &str, again: Again) -> Vec<Contender> {
        for tool in ["airlift", "crane", "regctl", "skopeo"] {
            self.built(reference, name, tool);
        }
        let at_target = format!("{}/{reference}", self.target.authority());
        let mut all = vec![("airlift", vec![self.airlift_push(&format!("{name}-airlift.tar"))])];
        if let Some(crane) = program("crane") {
            let mut command = words(&[&crane, "push", "--insecure"]);
            // crane's folder of one image has an index of its own making around it.
            command.extend((name == "large").then(|| "--index".to_owned()));
            command.extend(words(&[&format!("{name}-crane"), &at_target]));
            all.push(("crane push (checks nothing)", vec![command]));
        }
        if let Some(command) = self.regctl(&["image", "import", &at_target, &format!("{name}-regctl.tar")]) {
            all.push(("regctl import", vec![command]));
        }
        if let Some(skopeo) = program("skopeo").filter(|_| name == "large") {
            let (from, to) =
                (format!("oci-archive:{name}-skopeo.tar:bench:1"), format!("docker://{at_target}"));
            let command = words(&[
                &skopeo,
                "copy",
                "--all",
                "--preserve-digests",
                "--dest-tls-verify=false",
                &from,
                &to,
            ]);
            all.push(("skopeo copy", vec![command]));
        }
        let content = self.target.folder().join("data").join("docker");
        let contenders = all.into_iter().map(|(name, commands)| Contender {
            name: name.to_owned(),
            commands,
            undo: if again == Again::Yes { Vec::new() } else { vec![content.clone()] },
        });
        let contenders: Vec<Contender> = contenders.collect();
        if again == Again::Yes {
            let push = &contenders[0].commands[0];
            let ran = std::process::Command::new(&push[0])
                .args(&push[1..])
                .current_dir(self.folder.path())
                .output();
            assert!(ran.expect("the tool runs").status.success());
        }
        contenders
    }

    fn whole_ways(&self) -> Vec<Contender> {
        let verify = words(&[&self.airlift, "verify", "--progress", "none", "large-airlift.tar"]);
        let build = self.airlift_build(&["bench/large:1"], "large-airlift.tar");
        let ours = vec![build, verify, self.airlift_push("large-airlift.tar")];
        let mut all = vec![("airlift (with verify)", ours, "large-airlift.tar")];
        let (from, to) = (
            format!("{}/bench/large:1", self.source.authority()),
            format!("{}/bench/large:1", self.target.authority()),
        );
        let export = self.regctl(&["image", "export", &from, "large-regctl.tar"]);
        let import = self.regctl(&["image", "import", &to, "large-regctl.tar"]);
        all.extend(
            export.zip(import).map(|(export, import)| ("regctl", vec![export, import], "large-regctl.tar")),
        );
        if let Some(crane) = program("crane") {
            let pull = words(&[&crane, "pull", "--insecure", "--format", "oci", &from, "large-crane"]);
            let push = words(&[&crane, "push", "--insecure", "--index", "large-crane", &to]);
            all.push(("crane (a folder, checks nothing)", vec![pull, push], "large-crane"));
        }
        let content = self.target.folder().join("data").join("docker");
        let contender = |(name, commands, made): (&str, Vec<Vec<String>>, &str)| Contender {
            name: name.to_owned(),
            commands,
            undo: vec![content.clone(), self.path(made)],
        };
        all.into_iter().map(contender).collect()
    }

    fn contender(&self, name: &str, commands: Vec<Vec<String>>, undo: &[&str]) -> Contender {
        Contender { name: name.to_owned(), commands, undo: undo.iter().map(|name| self.path(name)).collect() }
    }
}

/// Whether the target has the image before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Again {
    Yes,
    No,
}

fn program(name: &str) -> Option<String> {
    tool(name).map(|path: PathBuf| AsRef::<Path>::as_ref(&path).display().to_string())
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

/// A tag that names the repository, for layouts that hold many images.
fn tag_of(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or(reference).replace(':', "-")
}
