//! All errors of a kind at once: if three of twenty references have typos, a run says so of all three.

use std::error::Error;
use std::fmt;

/// Errors of one kind, at least one.
#[derive(Debug)]
pub struct Several<E> {
    first: Box<E>,
    others: Vec<E>,
}

/// What several errors of one kind have in common, in words.
pub trait Plural {
    /// Such as "3 references can't be resolved".
    fn of(count: usize) -> String;
}

impl<E> Several<E> {
    /// The errors; `None` where there is none.
    pub fn of(errors: Vec<E>) -> Option<Self> {
        let mut errors = errors.into_iter();
        errors.next().map(|first| Several { first: Box::new(first), others: errors.collect() })
    }

    /// Nothing, unless there are errors.
    ///
    /// # Errors
    /// The errors, if there are any.
    pub fn check(errors: Vec<E>) -> Result<(), Self> {
        Self::of(errors).map_or(Ok(()), Err)
    }

    /// The first one.
    pub fn first(&self) -> &E {
        &self.first
    }

    /// Each of them as an error of its own.
    pub fn into_each<T: From<Self>>(self) -> Vec<T> {
        std::iter::once(*self.first).chain(self.others).map(|error| T::from(error.into())).collect()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &E> {
        std::iter::once(self.first()).chain(&self.others)
    }
}

impl<E> From<E> for Several<E> {
    fn from(first: E) -> Self {
        Several { first: Box::new(first), others: Vec::new() }
    }
}

/// One error speaks for itself, several are counted.
impl<E: Error + Plural> fmt::Display for Several<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.others.len() {
            0 => fmt::Display::fmt(self.first(), f),
            more => f.write_str(&E::of(more + 1)),
        }
    }
}

impl<E: Error + Plural> Error for Several<E> {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        if self.others.is_empty() { self.first.source() } else { None }
    }
}
