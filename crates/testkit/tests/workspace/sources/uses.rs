//! The paths and the literals that a piece of code has, those within macros and attributes included.

use proc_macro2::{TokenStream, TokenTree};
use syn::visit::{self, Visit};

use super::tree::{self, Leaf};

/// What was collected.
#[derive(Default)]
pub(crate) struct Uses {
    /// In code, and as the ends of private `use`s. A re-export is no use of a name.
    pub(crate) paths: Vec<Vec<String>>,
    /// What all `use`s name, re-exports and globs included.
    pub(crate) imports: Vec<Vec<String>>,
    /// The texts of string literals, documentation excepted.
    pub(crate) texts: Vec<String>,
    with_tests: bool,
}

impl Uses {
    pub(crate) fn of(items: &[syn::Item]) -> Self {
        let mut uses = Uses::default();
        items.iter().for_each(|item| uses.visit_item(item));
        uses
    }

    /// Those of a whole file, tests and modules within it included.
    pub(crate) fn of_file(file: &syn::File) -> Self {
        let mut uses = Uses { with_tests: true, ..Uses::default() };
        uses.visit_file(file);
        uses
    }

    /// All paths, as they are written.
    pub(crate) fn named(&self) -> impl Iterator<Item = String> {
        self.paths.iter().chain(&self.imports).map(|path| path.join("::"))
    }

    /// Reads tokens that syn keeps as they are. Fields and methods, which follow a dot, are no paths.
    fn scan(&mut self, tokens: TokenStream) {
        let mut path: Vec<String> = Vec::new();
        let (mut colons, mut after_dot) = (0, false);
        for token in tokens {
            let is_next = path.is_empty() || colons == 2;
            match &token {
                TokenTree::Ident(name) if is_next && !after_dot => path.push(name.to_string()),
                TokenTree::Punct(sign) if sign.as_char() == ':' && !path.is_empty() && colons < 2 => {
                    colons += 1;
                    continue;
                }
                _ => {
                    self.end(&mut path);
                    if let TokenTree::Ident(name) = &token
                        && !after_dot
                    {
                        path.push(name.to_string());
                    }
                }
            }
            (colons, after_dot) = (0, false);
            match token {
                TokenTree::Group(group) => self.scan(group.stream()),
                TokenTree::Literal(literal) => self.visit_lit(&syn::Lit::new(literal)),
                TokenTree::Punct(sign) => after_dot = matches!(sign.as_char(), '.' | '\''),
                TokenTree::Ident(_) => {}
            }
        }
        self.end(&mut path);
    }

    fn end(&mut self, path: &mut Vec<String>) {
        if !path.is_empty() {
            self.paths.push(std::mem::take(path));
        }
    }
}

impl<'ast> Visit<'ast> for Uses {
    fn visit_path(&mut self, path: &'ast syn::Path) {
        self.paths.push(path.segments.iter().map(|segment| segment.ident.to_string()).collect());
        visit::visit_path(self, path);
    }

    fn visit_item_use(&mut self, item: &'ast syn::ItemUse) {
        let is_private = matches!(item.vis, syn::Visibility::Inherited);
        for leaf in tree::leaves(item) {
            match leaf {
                Leaf::Name { path, .. } => {
                    self.imports.push(path.clone());
                    self.paths.extend(is_private.then_some(path));
                }
                Leaf::Glob(path) => self.imports.push(path),
            }
        }
    }

    fn visit_macro(&mut self, used: &'ast syn::Macro) {
        self.visit_path(&used.path);
        self.scan(used.tokens.clone());
    }

    fn visit_attribute(&mut self, attribute: &'ast syn::Attribute) {
        match &attribute.meta {
            syn::Meta::List(list) => self.scan(list.tokens.clone()),
            syn::Meta::NameValue(pair) if !pair.path.is_ident("doc") => self.visit_expr(&pair.value),
            _ => {}
        }
    }

    fn visit_lit_str(&mut self, text: &'ast syn::LitStr) {
        // Such as of `#[serde(with = "module::of::both")]`.
        if let Ok(path) = text.parse::<syn::Path>()
            && path.segments.len() > 1
        {
            self.visit_path(&path);
        }
        self.texts.push(text.value());
    }

    fn visit_lit_byte_str(&mut self, text: &'ast syn::LitByteStr) {
        self.texts.push(String::from_utf8_lossy(&text.value()).into_owned());
    }

    fn visit_item(&mut self, item: &'ast syn::Item) {
        if self.with_tests || !tree::attributes(item).iter().any(tree::is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if self.with_tests || !function.attrs.iter().any(tree::is_for_tests) {
            visit::visit_impl_item_fn(self, function);
        }
    }
}
