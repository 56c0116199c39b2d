//! How a crate's files become its modules.

use syn::spanned::Spanned;
use syn::visit::Visit;
use syn::{Item, ItemMod, ItemUse, UseTree};

use super::uses::Uses;
use super::{Module, Sources, Target, functions, types};

/// Adds the modules of the crate that `root`, a `lib.rs` or `main.rs`, begins.
pub(crate) fn add_crate(sources: &mut Sources, root: &str) {
    let folder = root.rsplit_once("/src/").map_or(root, |(folder, _)| folder).to_owned();
    let id = sources.modules.len();
    add_file(sources, &Place { crate_folder: &folder, root: id, parent: None }, root);
    if root.ends_with("/lib.rs") {
        sources.libraries.insert(import_name(&folder), id);
    }
}

/// The name under which others import the library in `folder`.
fn import_name(folder: &str) -> String {
    match folder {
        "crates/cli" => "airlift".to_owned(),
        "fuzz/bodies" => "airlift_fuzz_bodies".to_owned(),
        _ => format!("airlift_{}", folder.rsplit('/').next().unwrap_or(folder)),
    }
}

/// Where a module stands.
struct Place<'a> {
    crate_folder: &'a str,
    root: usize,
    parent: Option<usize>,
}

fn add_file(sources: &mut Sources, place: &Place<'_>, path: &str) -> Option<usize> {
    let file = sources.files.get_mut(path)?;
    let parsed = syn::parse_file(&file.text).unwrap_or_else(|error| panic!("{path}: {error}"));
    if parsed.attrs.iter().any(is_for_tests) {
        return None;
    }
    let tests = parsed.items.iter().filter(|item| attributes(item).iter().any(is_for_tests));
    let tests = tests.map(|item| item.span().end().line + 1 - item.span().start().line);
    file.lines = file.text.lines().count() - tests.sum::<usize>();
    let (folder, name) = path.rsplit_once('/').unwrap_or(("", path));
    let below = match name {
        "lib.rs" | "main.rs" | "mod.rs" => folder.to_owned(),
        _ => format!("{folder}/{}", name.trim_end_matches(".rs")),
    };
    Some(add_module(sources, place, path, &below, parsed.items))
}

/// Adds the module of these items. The files of its own modules lie in the folder `below`.
fn add_module(sources: &mut Sources, place: &Place<'_>, file: &str, below: &str, items: Vec<Item>) -> usize {
    let id = sources.modules.len();
    let mut module = Module {
        crate_folder: place.crate_folder.to_owned(),
        file: file.to_owned(),
        root: place.root,
        parent: place.parent,
        names: Default::default(),
        globs: Vec::new(),
        uses: Uses::default(),
        functions: Vec::new(),
        types: Vec::new(),
    };
    let (inner, items): (Vec<Item>, Vec<Item>) = items
        .into_iter()
        .filter(|item| !attributes(item).iter().any(is_for_tests))
        .partition(|item| matches!(item, Item::Mod(_)));
    items.iter().filter_map(name_of).for_each(|name| add(&mut module, name, Target::Item));
    for item in &items {
        Imports(&mut module).visit_item(item);
    }
    module.uses = Uses::of(&items);
    module.functions = functions::of(&items);
    module.types = types::of(&items);
    sources.modules.push(module);
    for item in inner {
        let Item::Mod(item) = item else { continue };
        let name = item.ident.to_string();
        let place = Place { parent: Some(id), ..*place };
        if let Some(found) = add_inner(sources, &place, file, below, item) {
            add(&mut sources.modules[id], name, Target::Module(found));
        }
    }
    id
}

fn add_inner(
    sources: &mut Sources,
    place: &Place<'_>,
    file: &str,
    below: &str,
    item: ItemMod,
) -> Option<usize> {
    let name = item.ident.to_string();
    if let Some((_, items)) = item.content {
        return Some(add_module(sources, place, file, &format!("{below}/{name}"), items));
    }
    let named = item.attrs.iter().find_map(path_attribute);
    // What is shared with the tests of another crate is a test.
    if named.as_ref().is_some_and(|path| path.contains("/tests/")) {
        return None;
    }
    let folder = file.rsplit_once('/').map_or("", |(folder, _)| folder);
    let named = named.map(|path| format!("{folder}/{path}"));
    let usual = [format!("{below}/{name}.rs"), format!("{below}/{name}/mod.rs")];
    let path = named.into_iter().chain(usual).find(|path| sources.files.contains_key(path));
    let path = path.unwrap_or_else(|| panic!("{file}: the file of `mod {name}` is not found"));
    add_file(sources, place, &path)
}

fn add(module: &mut Module, name: String, target: Target) {
    module.names.entry(name).or_default().push(target);
}

/// Collects what the `use`s of a module name, those within functions included.
struct Imports<'a>(&'a mut Module);

impl<'ast> Visit<'ast> for Imports<'_> {
    fn visit_item_use(&mut self, item: &'ast ItemUse) {
        for leaf in leaves(item) {
            match leaf {
                Leaf::Glob(path) => self.0.globs.push(path),
                Leaf::Name { path, name } => add(self.0, name, Target::Import(path)),
            }
        }
    }
}

/// One thing that a `use` imports.
pub(crate) enum Leaf {
    Glob(Vec<String>),
    Name { path: Vec<String>, name: String },
}

pub(crate) fn leaves(item: &ItemUse) -> Vec<Leaf> {
    let mut found = Vec::new();
    collect(&item.tree, &mut Vec::new(), &mut found);
    found
}

fn collect(tree: &UseTree, path: &mut Vec<String>, found: &mut Vec<Leaf>) {
    match tree {
        UseTree::Path(inner) => {
            path.push(inner.ident.to_string());
            collect(&inner.tree, path, found);
            path.pop();
        }
        UseTree::Group(group) => group.items.iter().for_each(|tree| collect(tree, path, found)),
        UseTree::Glob(_) => found.push(Leaf::Glob(path.clone())),
        UseTree::Name(name) => found.push(named(path, &name.ident.to_string(), None)),
        UseTree::Rename(rename) => {
            found.push(named(path, &rename.ident.to_string(), Some(rename.rename.to_string())));
        }
    }
}

/// `path::name`, or `path` itself for `path::{self}`.
fn named(path: &[String], name: &str, renamed: Option<String>) -> Leaf {
    let mut path = path.to_vec();
    if name != "self" {
        path.push(name.to_owned());
    }
    let name = renamed.or_else(|| path.last().cloned()).unwrap_or_default();
    Leaf::Name { path, name }
}

/// The name that an item has in its module.
fn name_of(item: &Item) -> Option<String> {
    let ident = match item {
        Item::Const(item) => &item.ident,
        Item::Enum(item) => &item.ident,
        Item::Fn(item) => &item.sig.ident,
        Item::Macro(item) => item.ident.as_ref()?,
        Item::Static(item) => &item.ident,
        Item::Struct(item) => &item.ident,
        Item::Trait(item) => &item.ident,
        Item::Type(item) => &item.ident,
        Item::Union(item) => &item.ident,
        _ => return None,
    };
    Some(ident.to_string())
}

pub(crate) fn attributes(item: &Item) -> &[syn::Attribute] {
    match item {
        Item::Const(item) => &item.attrs,
        Item::Enum(item) => &item.attrs,
        Item::Fn(item) => &item.attrs,
        Item::Impl(item) => &item.attrs,
        Item::Macro(item) => &item.attrs,
        Item::Mod(item) => &item.attrs,
        Item::Static(item) => &item.attrs,
        Item::Struct(item) => &item.attrs,
        Item::Trait(item) => &item.attrs,
        Item::Type(item) => &item.attrs,
        Item::Use(item) => &item.attrs,
        _ => &[],
    }
}

/// Whether an attribute keeps its item for tests: `cfg(test)`, or `cfg(all(test, …))`.
pub(crate) fn is_for_tests(attribute: &syn::Attribute) -> bool {
    fn wants_test(meta: &syn::Meta) -> bool {
        match meta {
            syn::Meta::Path(path) => path.is_ident("test"),
            syn::Meta::List(list) if list.path.is_ident("all") || list.path.is_ident("cfg") => {
                let inner = list.parse_args_with(
                    syn::punctuated::Punctuated::<syn::Meta, syn::Token![,]>::parse_terminated,
                );
                inner.is_ok_and(|inner| inner.iter().any(wants_test))
            }
            _ => false,
        }
    }
    attribute.path().is_ident("cfg") && wants_test(&attribute.meta)
}

/// The file of `#[path = "file"]`.
fn path_attribute(attribute: &syn::Attribute) -> Option<String> {
    match &attribute.meta {
        syn::Meta::NameValue(pair) if pair.path.is_ident("path") => match &pair.value {
            syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) => Some(text.value()),
            _ => None,
        },
        _ => None,
    }
}
