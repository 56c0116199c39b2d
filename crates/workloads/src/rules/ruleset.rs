//! All rules, ready for use.

use std::collections::HashMap;

use super::built_in::BUILT_IN;
use super::given::Rule;
use super::path::{Path, PathError};
use super::shape::{SHAPES, Shape};

/// A path, and what is at its end.
#[derive(Clone, Debug)]
pub(crate) struct PathRule {
    pub(crate) path: Path,
    pub(crate) shape: Shape,
}

/// The rules of all kinds and shapes.
#[derive(Debug)]
pub(crate) struct Ruleset {
    kinds: HashMap<String, Vec<PathRule>>,
    shapes: HashMap<Shape, Vec<PathRule>>,
}

impl Ruleset {
    /// The built-in rules, and those that were given.
    ///
    /// # Errors
    /// If a built-in path is none; the tests say that none is.
    pub(crate) fn new(given: &[Rule]) -> Result<Self, PathError> {
        let mut rules = Ruleset { kinds: HashMap::new(), shapes: HashMap::new() };
        for rule in BUILT_IN {
            let path: Path = rule.path.parse()?;
            for kind in rule.kinds {
                rules.add(kind, PathRule { path: path.clone(), shape: rule.shape });
            }
        }
        for rule in given {
            rules.add(&rule.kind, PathRule { path: rule.path.clone(), shape: Shape::ByForm });
        }
        for shape in SHAPES {
            let compiled =
                |(path, shape): &(&str, Shape)| Ok(PathRule { path: path.parse()?, shape: *shape });
            let paths: Result<_, PathError> = shape.paths().iter().map(compiled).collect();
            rules.shapes.insert(shape, paths?);
        }
        Ok(rules)
    }

    fn add(&mut self, kind: &str, rule: PathRule) {
        self.kinds.entry(kind.to_owned()).or_default().push(rule);
    }

    /// The rules for objects of a kind.
    pub(crate) fn of_kind(&self, kind: &str) -> &[PathRule] {
        self.kinds.get(kind).map_or(&[], Vec::as_slice)
    }

    /// The rules for values of a shape.
    pub(crate) fn of_shape(&self, shape: Shape) -> &[PathRule] {
        self.shapes.get(&shape).map_or(&[], Vec::as_slice)
    }
}
