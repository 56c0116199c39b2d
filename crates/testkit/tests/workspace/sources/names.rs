//! What a path stands for, through imports, re-exports and globs.

use std::collections::BTreeSet;

use super::{Sources, Target};

/// What a path leads to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Found {
    Item { module: usize, name: String },
    Module(usize),
}

impl Sources {
    /// All that `path`, written in the module `from`, leads to in this workspace. Of a path to a type's
    /// method or an enum's variant, the type or the enum.
    pub(crate) fn resolve(&self, from: usize, path: &[String]) -> BTreeSet<Found> {
        self.follow(from, path, &mut BTreeSet::new())
    }

    /// `seen` keeps globs that import each other from going on for ever.
    fn follow(
        &self,
        from: usize,
        path: &[String],
        seen: &mut BTreeSet<(usize, Vec<String>)>,
    ) -> BTreeSet<Found> {
        let Some((first, rest)) = path.split_first() else { return BTreeSet::new() };
        if !seen.insert((from, path.to_vec())) {
            return BTreeSet::new();
        }
        let mut found = match first.as_str() {
            "crate" => BTreeSet::from([Found::Module(self.modules[from].root)]),
            "self" => BTreeSet::from([Found::Module(from)]),
            "super" => self.modules[from].parent.map(Found::Module).into_iter().collect(),
            name => self.lookup(from, name, seen),
        };
        if found.is_empty() {
            found.extend(self.libraries.get(first).copied().map(Found::Module));
        }
        for name in rest {
            let next = found.into_iter().flat_map(|found| match found {
                Found::Item { .. } => BTreeSet::from([found]),
                Found::Module(module) if name == "super" => {
                    self.modules[module].parent.map(Found::Module).into_iter().collect()
                }
                Found::Module(module) => self.lookup(module, name, seen),
            });
            found = next.collect();
        }
        seen.remove(&(from, path.to_vec()));
        found
    }

    /// What a module's own name stands for.
    fn lookup(
        &self,
        module: usize,
        name: &str,
        seen: &mut BTreeSet<(usize, Vec<String>)>,
    ) -> BTreeSet<Found> {
        let mut found = BTreeSet::new();
        for target in self.modules[module].names.get(name).into_iter().flatten() {
            match target {
                Target::Item => found.extend([Found::Item { module, name: name.to_owned() }]),
                Target::Module(inner) => found.extend([Found::Module(*inner)]),
                Target::Import(path) => found.extend(self.follow(module, path, seen)),
            }
        }
        if found.is_empty() {
            for glob in &self.modules[module].globs {
                let path: Vec<String> = glob.iter().cloned().chain([name.to_owned()]).collect();
                found.extend(self.follow(module, &path, seen));
            }
        }
        found
    }
}
