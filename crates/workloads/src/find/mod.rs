//! Finds references.

mod annotation;
mod finder;
mod guess;
mod image;
mod kustomize;
mod object;
mod options;
mod report;
mod state;
mod walk;

pub use finder::{Finder, MOST_BYTES};
pub use options::{FinderOptions, Guessing};
pub use report::Found;
