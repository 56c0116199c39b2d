//! Follows paths through an object.

use super::state::{ObjectFinder, Visit};
use crate::rules::{Shape, Step};
use crate::yaml::{Content, NodeId, Style};

/// So many steps are followed one into the other. Aliases could make it any number.
const DEEPEST: usize = 1000;

/// Members of a pod's spec. A mapping with one of them is one.
const POD_MEMBERS: [&str; 3] = ["containers", "initContainers", "ephemeralContainers"];

/// Names of environment variables by which operators know their images.
const RELATED_IMAGE: &str = "RELATED_IMAGE_";

impl<'f> ObjectFinder<'f, '_, '_> {
    /// Follows the steps from a part to values of a shape.
    pub(super) fn walk(&mut self, part: NodeId, steps: &'f [Step], shape: Shape) {
        let target = self.tree.resolved(part);
        let is_new = target == part || self.seen.insert(Visit::new(target, steps, shape));
        if is_new && self.depth < DEEPEST {
            self.depth += 1;
            match steps.split_first() {
                Some((step, rest)) => self.step(target, step, rest, shape),
                None => self.shaped(target, shape),
            }
            self.depth -= 1;
        }
    }

    fn step(&mut self, target: NodeId, step: &'f Step, rest: &'f [Step], shape: Shape) {
        let tree = self.tree;
        match step {
            Step::Key(key) => {
                if let Some(value) = tree.get(target, key) {
                    self.at_key(key, |finder| finder.walk(value, rest, shape));
                }
            }
            Step::EveryKey => {
                for (key, value) in tree.members(target) {
                    key.clone_into(&mut self.key);
                    self.at_key(key, |finder| finder.walk(value, rest, shape));
                }
            }
            Step::EveryItem => {
                for (number, item) in tree.items(target).enumerate() {
                    self.at_item(number, |finder| finder.walk(item, rest, shape));
                }
            }
        }
    }

    /// Looks at a value of a shape.
    fn shaped(&mut self, part: NodeId, shape: Shape) {
        match shape {
            Shape::Image => return self.image(part),
            Shape::OciUrl => return self.url(part, &["oci://", "docker://", ""]),
            Shape::DockerUrl => return self.url(part, &["docker://"]),
            Shape::ByForm => return self.by_form(part),
            _ => {}
        }
        if !self.shaped.insert((part, shape)) {
            return;
        }
        let outer = self.container.clone();
        match shape {
            Shape::Container => self.container = self.tree.text_at(part, "name").map(str::to_owned),
            Shape::ComposeService => self.container = Some(self.key.clone()),
            _ => {}
        }
        let rules = self.rules;
        for rule in rules.of_shape(shape) {
            self.walk(part, &rule.path.0, rule.shape);
        }
        match shape {
            Shape::Container => self.container(part),
            Shape::ComposeService => self.image_volumes(part),
            _ => {}
        }
        self.container = outer;
    }

    /// A value that a given rule leads to.
    fn by_form(&mut self, part: NodeId) {
        let tree = self.tree;
        match tree.content(part) {
            Some(Content::Sequence) => {
                for (number, item) in tree.items(part).enumerate() {
                    self.at_item(number, |finder| finder.walk(item, &[], Shape::ByForm));
                }
            }
            Some(Content::Mapping) if !tree.source(part).starts_with("{{") => {
                let is_pod = POD_MEMBERS.iter().any(|key| tree.get(part, key).is_some());
                self.shaped(part, if is_pod { Shape::PodSpec } else { Shape::Container });
            }
            _ => self.image(part),
        }
    }

    /// What a container says of images beside its own.
    fn container(&mut self, part: NodeId) {
        let tree = self.tree;
        let variables = tree.get(part, "env").into_iter().flat_map(|list| tree.items(list).enumerate());
        for (number, variable) in variables {
            let Some(value) = tree.get(variable, "value") else { continue };
            let is_related =
                tree.text_at(variable, "name").is_some_and(|name| name.starts_with(RELATED_IMAGE));
            self.at_key("env", |finder| {
                finder.at_item(number, |finder| {
                    finder.at_key("value", |finder| {
                        match is_related && tree.text(value).is_some_and(|text| !text.is_empty()) {
                            true => finder.image(value),
                            false => finder.guess(value),
                        }
                    });
                });
            });
        }
        for key in ["command", "args"] {
            let arguments = tree.get(part, key).into_iter().flat_map(|list| tree.items(list).enumerate());
            for (number, argument) in arguments {
                self.at_key(key, |finder| finder.at_item(number, |finder| finder.guess(argument)));
            }
        }
    }

    /// Volumes of a service whose type is `image`.
    fn image_volumes(&mut self, part: NodeId) {
        let tree = self.tree;
        let volumes = tree.get(part, "volumes").into_iter().flat_map(|list| tree.items(list).enumerate());
        for (number, volume) in volumes.filter(|(_, volume)| tree.text_at(*volume, "type") == Some("image")) {
            if let Some(source) = tree.get(volume, "source") {
                self.at_key("volumes", |finder| {
                    finder.at_item(number, |finder| finder.at_key("source", |finder| finder.image(source)));
                });
            }
        }
    }

    /// A URL that begins with one of these schemes; the empty one stands for none at all.
    fn url(&mut self, part: NodeId, schemes: &[&str]) {
        let Some(value) = self.tree.value(part) else { return self.image(part) };
        let named = |scheme: &&&str| match scheme.is_empty() {
            true => !value.text.contains("://"),
            false => value.text.starts_with(**scheme),
        };
        match schemes.iter().find(named).copied() {
            Some("") => self.image(part),
            Some(scheme) if value.style != Style::Block => self.image_behind(part, scheme.len()),
            _ => {}
        }
    }
}
