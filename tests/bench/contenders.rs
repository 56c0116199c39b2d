//! The command lines: how each tool does a work.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use airlift_testkit::tool::tool;

/// One tool's way of doing a work.
pub(crate) struct Contender {
    /// The tool and, in a few words, what it does otherwise than asked.
    pub(crate) name: String,
    /// Run one after the other.
    pub(crate) commands: Vec<Vec<String>>,
    /// What is undone before each run.
    pub(crate) undo: Vec<PathBuf>,
    /// What is removed from the page cache before each run.
    pub(crate) cold: Vec<PathBuf>,
}

impl Contender {
    /// Removes what an earlier run has made.
    pub(crate) fn prepare(&self) {
        for path in &self.undo {
            // What isn't there needs no removing.
            let _ = std::fs::remove_dir_all(path);
            let _ = std::fs::remove_file(path);
        }
        for path in &self.cold {
            // Writes nothing: with `nocache`, it only removes the file's pages.
            let output = format!("of={}", path.display());
            let dd = Command::new("dd")
                .args([&output, "oflag=nocache", "conv=notrunc,fdatasync", "count=0", "status=none"])
                .stdin(Stdio::null())
                .status();
            assert!(dd.expect("dd runs").success());
        }
    }

    /// The same, with `content` undone before each run.
    fn forgetting(self, content: Option<&Path>) -> Contender {
        Contender { undo: content.iter().map(|path| (*path).to_owned()).collect(), ..self }
    }
}

/// `small-0-1` for `HOST/bench/small-0:1`: the name of an image in a folder of many.
fn tag(reference: &str) -> String {
    reference.rsplit('/').next().unwrap_or(reference).replace(':', "-")
}

/// All other tools.
pub(crate) const PEERS: [&str; 6] = ["crane", "regctl", "skopeo", "oras", "openssl", "dd"];

/// The tools that there are, two registries and a folder.
pub(crate) struct Tools {
    programs: HashMap<&'static str, String>,
    source: String,
    target: String,
    folder: PathBuf,
    /// The cores that they run on; `None` for all.
    cores: Option<String>,
}

impl Tools {
    /// `airlift` is our binary, `peers` are the others that may run, the registries are `HOST:PORT`.
    pub(crate) fn new(airlift: String, peers: &[&'static str], registries: [&str; 2], folder: &Path) -> Self {
        let [source, target] = registries;
        let found = peers.iter().filter_map(|name| Some((*name, tool(name)?.display().to_string())));
        let programs = found.chain([("airlift", airlift)]).collect();
        let (source, target, folder) = (source.to_owned(), target.to_owned(), folder.to_owned());
        Tools { programs, source, target, folder, cores: None }
    }

    /// The same tools on these cores.
    pub(crate) fn on(self, cores: Option<String>) -> Self {
        Tools { cores, ..self }
    }

    /// `PROGRAM ARGUMENTS…`, split at spaces; `None` where the tool isn't there.
    fn command(&self, program: &str, arguments: &str) -> Option<Vec<String>> {
        let program = self.programs.get(program)?.clone();
        let cores =
            self.cores.iter().flat_map(|cores| ["taskset".to_owned(), "-c".to_owned(), cores.clone()]);
        Some(cores.chain([program]).chain(arguments.split_whitespace().map(str::to_owned)).collect())
    }

    fn regctl(&self, arguments: &str) -> Option<Vec<String>> {
        let Tools { source, target, .. } = self;
        let hosts = format!("--host reg={source},tls=disabled --host reg={target},tls=disabled");
        self.command("regctl", &format!("{hosts} {arguments}"))
    }

    fn contender(&self, name: &str, commands: Vec<Option<Vec<String>>>, made: &[&str]) -> Option<Contender> {
        let commands = commands.into_iter().collect::<Option<Vec<_>>>()?;
        let undo = made.iter().map(|made| self.folder.join(made)).collect();
        Some(Contender { name: name.to_owned(), commands, undo, cold: Vec::new() })
    }

    /// An image → `NAME-TOOL` or `NAME-TOOL.tar`.
    pub(crate) fn builds(&self, reference: &str, name: &str) -> Vec<Contender> {
        let from = format!("{}/{reference}", self.source);
        let tar = |tool: &str| format!("{name}-{tool}.tar");
        let airlift = self.command("airlift", &format!("build --progress none -o {} {from}", tar("airlift")));
        let regctl = self.regctl(&format!("image export {from} {}", tar("regctl")));
        let crane = self.command("crane", &format!("pull --insecure --format oci {from} {name}-crane"));
        let oras = self.command("oras", &format!("backup --plain-http --output {} {from}", tar("oras")));
        let skopeo = format!(
            "copy --all --preserve-digests --src-tls-verify=false docker://{from} oci-archive:{}:bench:1",
            tar("skopeo")
        );
        let all = [
            self.contender("airlift", vec![airlift], &[&tar("airlift")]),
            self.contender("regctl export", vec![regctl], &[&tar("regctl")]),
            self.contender("crane pull (a folder)", vec![crane], &[&format!("{name}-crane")]),
            self.contender("oras backup", vec![oras], &[&tar("oras")]),
            // Ten thousand blobs take it minutes, and crane 20 GB of memory.
            self.contender("skopeo copy", vec![self.command("skopeo", &skopeo)], &[&tar("skopeo")])
                .filter(|_| name == "large"),
        ];
        all.into_iter().flatten().collect()
    }

    /// Many images → one archive, or one folder.
    pub(crate) fn builds_of_many(&self, references: &[String]) -> Vec<Contender> {
        let from: Vec<String> =
            references.iter().map(|reference| format!("{}/{reference}", self.source)).collect();
        let list = from.join(" ");
        let airlift = self.command("airlift", &format!("build --progress none -o many.tar {list}"));
        let crane = self.command("crane", &format!("pull --insecure --format oci {list} many-crane"));
        let regctl = |from: &String| {
            let tag = tag(from);
            self.regctl(&format!("image copy {from} ocidir://many-regctl:{tag}"))
        };
        let oras = |from: &String| {
            let tag = tag(from);
            self.command("oras", &format!("copy --from-plain-http {from} --to-oci-layout many-oras:{tag}"))
        };
        let all = [
            self.contender("airlift", vec![airlift], &["many.tar"]),
            self.contender("crane pull (a folder)", vec![crane], &["many-crane"]),
            self.contender("regctl copy (a folder)", from.iter().map(regctl).collect(), &["many-regctl"]),
            self.contender("oras copy (a folder)", from.iter().map(oras).collect(), &["many-oras"]),
        ];
        all.into_iter().flatten().collect()
    }

    /// A file that is there.
    pub(crate) fn verifications(&self, archive: &str) -> Vec<Contender> {
        let airlift = self.command("airlift", &format!("verify --progress none {archive}"));
        let openssl = self.command("openssl", &format!("dgst -sha256 {archive}"));
        let all = [
            self.contender("airlift", vec![airlift], &[]),
            self.contender("openssl dgst (one hash)", vec![openssl], &[]),
        ];
        all.into_iter().flatten().collect()
    }

    /// A file that is there, read from the disk. dd only reads it, past the page cache.
    pub(crate) fn cold_verifications(&self, archive: &str) -> Vec<Contender> {
        let dd = self.command("dd", &format!("if={archive} of=/dev/null iflag=direct bs=4M status=none"));
        let dd = self.contender("dd iflag=direct (only reads)", vec![dd], &[]);
        let all = self.verifications(archive).into_iter().chain(dd);
        let cold = vec![self.folder.join(archive)];
        all.map(|contender| Contender { cold: cold.clone(), ..contender }).collect()
    }

    /// What [`Self::builds`] made → the target. `content` is what the target holds, where it is to be
    /// forgotten.
    pub(crate) fn pushes(&self, reference: &str, name: &str, content: Option<&Path>) -> Vec<Contender> {
        let to = format!("{}/{reference}", self.target);
        let airlift = format!("push --progress none {name}-airlift.tar {}", self.target);
        // crane's folder of one image has an index of its own making around it.
        let index = if name == "large" { "--index" } else { "" };
        let crane = format!("push --insecure {index} {name}-crane {to}");
        let oras = format!("restore --plain-http --input {name}-oras.tar {to}");
        let skopeo = format!(
            "copy --all --preserve-digests --dest-tls-verify=false oci-archive:{name}-skopeo.tar:bench:1 docker://{to}"
        );
        let all = [
            self.contender("airlift", vec![self.command("airlift", &airlift)], &[]),
            self.contender("crane push (checks nothing)", vec![self.command("crane", &crane)], &[]),
            self.contender(
                "regctl import",
                vec![self.regctl(&format!("image import {to} {name}-regctl.tar"))],
                &[],
            ),
            self.contender("oras restore", vec![self.command("oras", &oras)], &[]),
            self.contender("skopeo copy", vec![self.command("skopeo", &skopeo)], &[]),
        ];
        all.into_iter().flatten().map(|contender| contender.forgetting(content)).collect()
    }

    /// What [`Self::builds_of_many`] made → the target. `content` is what the target holds, where it is to
    /// be forgotten.
    pub(crate) fn pushes_of_many(&self, references: &[String], content: Option<&Path>) -> Vec<Contender> {
        let target = &self.target;
        let airlift = self.command("airlift", &format!("push --progress none many.tar {target}"));
        let crane = format!("push --insecure --index many-crane {target}/bench/many:1");
        let regctl = |reference: &String| {
            let tag = tag(reference);
            self.regctl(&format!("image copy ocidir://many-regctl:{tag} {target}/{reference}"))
        };
        let oras = |reference: &String| {
            let tag = tag(reference);
            let to = format!("--to-plain-http {target}/{reference}");
            self.command("oras", &format!("copy --from-oci-layout many-oras:{tag} {to}"))
        };
        let all = [
            self.contender("airlift", vec![airlift], &[]),
            self.contender("crane push (one repository)", vec![self.command("crane", &crane)], &[]),
            self.contender("regctl copy (a folder)", references.iter().map(regctl).collect(), &[]),
            self.contender("oras copy (a folder)", references.iter().map(oras).collect(), &[]),
        ];
        all.into_iter().flatten().map(|contender| contender.forgetting(content)).collect()
    }

    /// The source → a file or folder → the target.
    pub(crate) fn whole_ways(&self, reference: &str, content: &Path) -> Vec<Contender> {
        let (builds, pushes) = (self.builds(reference, "large"), self.pushes(reference, "large", None));
        let verify = self.command("airlift", "verify --progress none large-airlift.tar");
        let way = |tool: &str, name: &str| {
            let is_its = |contender: &&Contender| contender.name.starts_with(tool);
            let (build, push) = (builds.iter().find(is_its)?, pushes.iter().find(is_its)?);
            let between = verify.clone().filter(|_| tool == "airlift");
            let commands = build.commands.iter().chain(&between).chain(&push.commands);
            let undo = build.undo.iter().cloned().chain([content.to_owned()]);
            Some(Contender {
                name: name.to_owned(),
                commands: commands.cloned().collect(),
                undo: undo.collect(),
                cold: Vec::new(),
            })
        };
        let all = [
            way("airlift", "airlift (with verify)"),
            way("regctl", "regctl"),
            way("crane", "crane (a folder, checks nothing)"),
            way("oras", "oras"),
            way("skopeo", "skopeo"),
        ];
        all.into_iter().flatten().collect()
    }
}
