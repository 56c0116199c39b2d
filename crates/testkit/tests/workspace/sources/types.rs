//! The names of types.

use std::collections::BTreeMap;

use syn::visit::{self, Visit};

use super::{Sources, tree};

/// A reader of `Part` has to know which one; two types of a crate that share a name are one name too few.
pub(crate) fn names_twice(sources: &Sources) -> Vec<String> {
    let mut places: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for module in &sources.modules {
        for name in &module.types {
            places.entry((&module.crate_folder, name)).or_default().push(&module.file);
        }
    }
    let twice = places.into_iter().filter(|((_, name), files)| files.len() > 1 && !is_one_per_file(name));
    twice
        .map(|((_, name), files)| {
            format!("{name} is the name of {} types: {}", files.len(), files.join(", "))
        })
        .collect()
}

/// `Args` is what each subcommand's file calls its arguments: the one name that is meant to be there often.
fn is_one_per_file(name: &str) -> bool {
    name == "Args"
}

/// The names of the types that these items define.
pub(crate) fn of(items: &[syn::Item]) -> Vec<String> {
    let mut types = Types::default();
    items.iter().for_each(|item| types.visit_item(item));
    types.0
}

/// The names of the types that items define, those within functions included.
#[derive(Default)]
struct Types(Vec<String>);

impl<'ast> Visit<'ast> for Types {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        let attributes = tree::attributes(item);
        if attributes.iter().any(|one| tree::is_for_tests(one) || is_for_other_systems(one)) {
            return;
        }
        let ident = match item {
            syn::Item::Enum(item) => Some(&item.ident),
            syn::Item::Struct(item) => Some(&item.ident),
            syn::Item::Trait(item) => Some(&item.ident),
            syn::Item::Type(item) => Some(&item.ident),
            syn::Item::Union(item) => Some(&item.ident),
            _ => None,
        };
        self.0.extend(ident.map(ToString::to_string));
        visit::visit_item(self, item);
    }
}

/// `cfg(not(…))`: beside the same type for some systems, that for the others.
fn is_for_other_systems(attribute: &syn::Attribute) -> bool {
    let syn::Meta::List(list) = &attribute.meta else { return false };
    list.path.is_ident("cfg") && list.tokens.to_string().starts_with("not")
}
