//! The sources of the workspace's crates, without what is compiled for tests only: a tree of modules for
//! each crate, and the names that each module has.

pub(crate) mod circles;
mod functions;
pub(crate) mod literals;
pub(crate) mod names;
pub(crate) mod reach;
pub(crate) mod sizes;
mod tests;
mod tree;
pub(crate) mod types;
mod uses;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use airlift_testkit::tool::workspace_root;
use functions::Function;
use uses::Uses;

/// What the rules want to know of all crates. A module is known by its place in `modules`.
#[derive(Default)]
pub(crate) struct Sources {
    /// By their paths from the workspace's root.
    pub(crate) files: BTreeMap<String, File>,
    pub(crate) modules: Vec<Module>,
    /// The first module of each library, by the name under which others import it.
    pub(crate) libraries: BTreeMap<String, usize>,
}

/// A file with sources.
pub(crate) struct File {
    text: String,
    /// How many lines it has, its tests not counted. 0 for a file that is compiled for tests only.
    pub(crate) lines: usize,
    /// All paths that it names, in its tests, too.
    pub(crate) named: BTreeSet<String>,
}

/// A module, in a file of its own or within another's, without tests.
pub(crate) struct Module {
    /// The folder of its crate, such as `crates/oci`.
    pub(crate) crate_folder: String,
    /// The path of its file.
    pub(crate) file: String,
    /// The first module of its crate.
    pub(crate) root: usize,
    pub(crate) parent: Option<usize>,
    /// What its names stand for. One name may be a type, a value and a macro.
    pub(crate) names: BTreeMap<String, Vec<Target>>,
    /// The paths of `use path::*`.
    pub(crate) globs: Vec<Vec<String>>,
    /// What it uses, without the modules in it. The same holds of all below.
    pub(crate) uses: Uses,
    pub(crate) functions: Vec<Function>,
    pub(crate) types: Vec<String>,
}

/// What a name in a module stands for.
#[derive(Clone, Debug)]
pub(crate) enum Target {
    /// An item of this module.
    Item,
    Module(usize),
    /// Something imported, by the path that its `use` has.
    Import(Vec<String>),
}

impl Sources {
    /// Those on the disk, whether committed or not.
    pub(crate) fn of_the_workspace() -> Self {
        let mut texts = Vec::new();
        let crates = std::fs::read_dir(workspace_root().join("crates")).expect("the crates can be listed");
        for folder in crates {
            let name = folder.expect("the crates can be listed").file_name().to_string_lossy().into_owned();
            read_folder(&format!("crates/{name}/src"), &mut texts);
        }
        read_folder("fuzz/bodies/src", &mut texts);
        Sources::of(texts)
    }

    /// Those of these files, as paths and texts.
    pub(crate) fn of(texts: impl IntoIterator<Item = (String, String)>) -> Self {
        let mut sources = Sources::default();
        let files = texts.into_iter().map(|(path, text)| {
            let parsed = syn::parse_file(&text).unwrap_or_else(|error| panic!("{path}: {error}"));
            (path, File { named: Uses::of_file(&parsed).named().collect(), text, lines: 0 })
        });
        sources.files = files.collect();
        let roots: Vec<String> = sources.files.keys().filter(|path| is_root(path)).cloned().collect();
        for root in &roots {
            tree::add_crate(&mut sources, root);
        }
        assert!(!sources.libraries.is_empty(), "the sources are somewhere else now");
        sources
    }

    /// The modules of the crates whose folder has one of the names that `wanted` takes.
    pub(crate) fn modules_of(&self, wanted: impl Fn(&str) -> bool) -> impl Iterator<Item = &Module> {
        self.modules.iter().filter(move |module| wanted(module.crate_name()))
    }
}

impl Module {
    /// The last part of its crate's folder.
    pub(crate) fn crate_name(&self) -> &str {
        self.crate_folder.rsplit('/').next().unwrap_or(&self.crate_folder)
    }
}

/// Whether a crate of the product is a library, and not the command line or for tests.
pub(crate) fn is_library(crate_name: &str) -> bool {
    !matches!(crate_name, "cli" | "testkit" | "bodies")
}

fn is_root(path: &str) -> bool {
    path.ends_with("/src/lib.rs") || path.ends_with("/src/main.rs")
}

fn read_folder(folder: &str, texts: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(workspace_root().join(folder)).expect("a folder of sources can be listed")
    {
        let entry = entry.expect("a folder of sources can be listed");
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            read_folder(&path, texts);
        } else if Path::new(&path).extension().is_some_and(|extension| extension == "rs") {
            texts.push((path, std::fs::read_to_string(entry.path()).expect("a source can be read")));
        }
    }
}
