//! Files that name each other, directly or around.
//!
//! An arrow goes from a file to each file that defines something which the first one names. `mod x;` and
//! re-exports draw none; a name that comes through a re-export or a glob counts as of the file that defines
//! it. Methods are not followed: names are enough.

use std::collections::{BTreeMap, BTreeSet};

use super::Sources;
use super::names::Found;

/// Arrows between files, each with the names that draw it.
type Arrows = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

pub(crate) fn circles(sources: &Sources) -> Vec<String> {
    let arrows = arrows(sources);
    let reached: BTreeMap<&String, BTreeSet<&String>> =
        arrows.keys().map(|file| (file, reachable(&arrows, file))).collect();
    let mut done: BTreeSet<&String> = BTreeSet::new();
    let mut broken = Vec::new();
    for (file, reachable) in &reached {
        if !reachable.contains(file) || done.contains(file) {
            continue;
        }
        let circle: BTreeSet<&String> = reachable
            .iter()
            .copied()
            .filter(|other| reached.get(other).is_some_and(|back| back.contains(file)))
            .collect();
        broken.push(sentence(&circle, &arrows));
        done.extend(circle);
    }
    broken
}

fn sentence(circle: &BTreeSet<&String>, arrows: &Arrows) -> String {
    let mut sentence = format!("{} files name each other:", circle.len());
    for from in circle {
        for (to, names) in arrows[*from].iter().filter(|(to, _)| circle.contains(to)) {
            let names: Vec<&str> = names.iter().map(String::as_str).collect();
            sentence.push_str(&format!("\n  {from} → {to}: {}", names.join(", ")));
        }
    }
    sentence
}

/// The files that one comes to from `file`; `file` itself only where a circle leads back.
fn reachable<'a>(arrows: &'a Arrows, file: &'a String) -> BTreeSet<&'a String> {
    let mut reached = BTreeSet::new();
    let mut next = vec![file];
    while let Some(file) = next.pop() {
        for to in arrows.get(file).into_iter().flatten().map(|(to, _)| to) {
            if reached.insert(to) {
                next.push(to);
            }
        }
    }
    reached
}

fn arrows(sources: &Sources) -> Arrows {
    let mut arrows = Arrows::new();
    for (id, module) in sources.modules.iter().enumerate() {
        let from = arrows.entry(module.file.clone()).or_default();
        for path in &module.uses.paths {
            for found in sources.resolve(id, path) {
                let Found::Item { module: definer, name } = found else { continue };
                let to = &sources.modules[definer].file;
                if *to != module.file {
                    from.entry(to.clone()).or_default().insert(name);
                }
            }
        }
    }
    arrows
}
