//! Objects: what a document is, and which rules it is looked through by.

use super::options::HelmValues;
use super::state::ObjectFinder;
use crate::place::Object;
use crate::problem::NoteKind;
use crate::yaml::NodeId;

/// Kinds that install a chart.
const CHARTS: [&str; 2] = ["HelmChart", "HelmRelease"];

/// What the specification of Compose has at the top of a file.
const COMPOSE_MEMBERS: [&str; 9] =
    ["version", "name", "include", "services", "networks", "volumes", "secrets", "configs", "models"];

/// So deep may lists hold lists.
const DEEPEST_LIST: usize = 8;

impl ObjectFinder<'_, '_, '_> {
    /// Looks through the document.
    pub(super) fn document(&mut self) {
        if let Some(root) = self.tree.root() {
            self.object(root, None, 0);
        }
    }

    /// Looks through an object; items of a list may leave out their kind.
    fn object(&mut self, node: NodeId, kind_of_list: Option<&str>, depth: usize) {
        let tree = self.tree;
        let Some(kind) = tree.text_at(node, "kind").or(kind_of_list) else {
            return self.without_kind(node);
        };
        if let (Some(of_items), Some(items)) = (kind.strip_suffix("List"), tree.get(node, "items")) {
            let of_items = Some(of_items).filter(|kind| !kind.is_empty());
            if depth < DEEPEST_LIST {
                tree.items(items).for_each(|item| self.object(tree.resolved(item), of_items, depth + 1));
            }
            return;
        }
        self.object = self.described(node, kind);
        match kind {
            kind if CHARTS.contains(&kind) => {
                let object = match &self.object.name {
                    Some(name) => format!("{kind} {name}"),
                    None => kind.to_owned(),
                };
                self.report.note(tree.position(node), NoteKind::Chart { object });
            }
            "Kustomization" | "Component" => self.kustomization(node),
            kind => self.by_rules(node, kind),
        }
    }

    /// What an object says of itself.
    fn described(&self, node: NodeId, kind: &str) -> Object {
        let metadata = self.tree.get(node, "metadata");
        let of = |key| metadata.and_then(|metadata| self.tree.text_at(metadata, key)).map(str::to_owned);
        Object { kind: kind.to_owned(), namespace: of("namespace"), name: of("name").or(of("generateName")) }
    }

    /// Files that are known without a kind: Kustomizations by their name, Compose files by their services.
    fn without_kind(&mut self, node: NodeId) {
        let tree = self.tree;
        if is_named_as_kustomization(&self.report.file) {
            self.object = Object { kind: "Kustomization".to_owned(), ..Object::default() };
            self.kustomization(node);
        } else if self.is_compose_file(node) {
            let name = tree.text_at(node, "name").map(str::to_owned);
            self.object = Object { kind: "Compose".to_owned(), namespace: None, name };
            self.by_rules(node, "Compose");
        } else if tree.get(node, "apiVersion").is_none() && self.values == HelmValues::Read {
            self.object = Object { kind: "Values".to_owned(), ..Object::default() };
            self.field.clear();
            self.helm_values(node);
        }
    }

    /// Whether it has services, and no member that a Compose file can't have: values of charts have services,
    /// too.
    fn is_compose_file(&self, node: NodeId) -> bool {
        let members = self.tree.members(node);
        let is_known = |key: &str| COMPOSE_MEMBERS.contains(&key) || key.starts_with("x-");
        members.iter().any(|(key, _)| *key == "services") && members.iter().all(|(key, _)| is_known(key))
    }

    fn by_rules(&mut self, node: NodeId, kind: &str) {
        let rules = self.rules;
        for rule in rules.of_kind(kind) {
            self.field.clear();
            self.container = None;
            self.walk(node, &rule.path.0, rule.shape);
        }
        if kind == "ConfigMap" {
            self.field.clear();
            self.guess_in_config_map(node);
        }
    }
}

fn is_named_as_kustomization(file: &str) -> bool {
    let name = file.rsplit('/').next().unwrap_or(file);
    matches!(name, "kustomization.yaml" | "kustomization.yml" | "Kustomization")
}
