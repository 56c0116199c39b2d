//! The functions of a piece of code.

use syn::spanned::Spanned;
use syn::visit::{self, Visit};

use super::tree;

/// What the rules want to know of a function.
pub(crate) struct Function {
    pub(crate) name: String,
    /// From its `fn` to its last brace.
    pub(crate) lines: usize,
    /// Whether it is public and returns a `Result`, of whatever kind.
    pub(crate) is_fallible: bool,
    pub(crate) has_errors_section: bool,
}

pub(crate) fn of(items: &[syn::Item]) -> Vec<Function> {
    let mut functions = Functions::default();
    items.iter().for_each(|item| functions.visit_item(item));
    functions.0
}

#[derive(Default)]
struct Functions(Vec<Function>);

impl Functions {
    fn add(
        &mut self,
        attributes: &[syn::Attribute],
        public: bool,
        signature: &syn::Signature,
        end: proc_macro2::Span,
    ) {
        self.0.push(Function {
            name: signature.ident.to_string(),
            lines: end.end().line + 1 - signature.span().start().line,
            is_fallible: public && returns_result(signature),
            has_errors_section: attributes.iter().any(is_errors_section),
        });
    }
}

impl<'ast> Visit<'ast> for Functions {
    fn visit_item(&mut self, item: &'ast syn::Item) {
        if !tree::attributes(item).iter().any(tree::is_for_tests) {
            visit::visit_item(self, item);
        }
    }

    fn visit_item_fn(&mut self, function: &'ast syn::ItemFn) {
        self.add(&function.attrs, is_public(&function.vis), &function.sig, function.block.span());
        visit::visit_item_fn(self, function);
    }

    fn visit_impl_item_fn(&mut self, function: &'ast syn::ImplItemFn) {
        if !function.attrs.iter().any(tree::is_for_tests) {
            self.add(&function.attrs, is_public(&function.vis), &function.sig, function.block.span());
            visit::visit_impl_item_fn(self, function);
        }
    }

    fn visit_trait_item_fn(&mut self, function: &'ast syn::TraitItemFn) {
        self.add(&function.attrs, false, &function.sig, function.span());
        visit::visit_trait_item_fn(self, function);
    }
}

fn is_public(visibility: &syn::Visibility) -> bool {
    matches!(visibility, syn::Visibility::Public(_))
}

fn returns_result(signature: &syn::Signature) -> bool {
    let syn::ReturnType::Type(_, returned) = &signature.output else { return false };
    let syn::Type::Path(path) = &**returned else { return false };
    path.path.segments.last().is_some_and(|last| last.ident == "Result")
}

fn is_errors_section(attribute: &syn::Attribute) -> bool {
    let syn::Meta::NameValue(pair) = &attribute.meta else { return false };
    let syn::Expr::Lit(syn::ExprLit { lit: syn::Lit::Str(text), .. }) = &pair.value else { return false };
    pair.path.is_ident("doc") && text.value().trim() == "# Errors"
}
