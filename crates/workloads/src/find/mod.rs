//! Finds references.

mod annotation;
mod finder;
mod guess;
mod image;
mod kustomize;
mod member;
mod object;
mod options;
mod report;
mod state;
mod values;
mod walk;

pub use finder::{Finder, MOST_BYTES};
pub use options::{FinderOptions, Guessing, HelmValues};
pub use report::Found;
