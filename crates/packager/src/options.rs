//! How a plan is made: what the caller may choose.

use std::collections::BTreeMap;

use airlift_oci::{Limits, Platform, Referrers, Root};

/// What to do where an image lacks a platform that was asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// Refuse the build.
    #[default]
    Refuse,
    /// Take what the image has; leave out, with a warning, an image that has none.
    Allow,
}

/// What to carry of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ImageChoice {
    /// The platforms; empty: all.
    pub platforms: Vec<Platform>,
    /// Whether signatures and the like come along.
    pub referrers: Referrers,
}

impl ImageChoice {
    /// Adds what another one carries: all is more than some.
    pub fn unite(&mut self, other: &ImageChoice) {
        if self.platforms.is_empty() || other.platforms.is_empty() {
            self.platforms.clear();
        } else {
            let more = other.platforms.iter().filter(|platform| !self.platforms.contains(platform));
            let more: Vec<Platform> = more.cloned().collect();
            self.platforms.extend(more);
        }
        if other.referrers == Referrers::All {
            self.referrers = Referrers::All;
        }
    }
}

/// How to plan.
#[derive(Clone, Debug, Default)]
pub struct PlanOptions {
    /// Large transfers side by side. With one, requests are made one after the other.
    pub jobs: usize,
    /// Larger graphs count as an attack.
    pub limits: Limits,
    /// What to carry of each image, by its name in the bundle. Of an image that is not named here, all of it.
    pub choices: BTreeMap<String, ImageChoice>,
    /// What to do where an image lacks one of the platforms.
    pub missing: Missing,
    /// What to do with foreign layers that the registry doesn't have.
    pub foreign_layers: ForeignLayers,
}

impl PlanOptions {
    /// The platforms to carry of an image; empty: all.
    pub(crate) fn platforms_of(&self, image: &Root) -> &[Platform] {
        self.choice_of(image).map_or(&[], |choice| &choice.platforms)
    }

    /// Whether signatures and the like of an image come along.
    pub(crate) fn referrers_of(&self, image: &Root) -> Referrers {
        self.choice_of(image).map_or(Referrers::All, |choice| choice.referrers)
    }

    fn choice_of(&self, image: &Root) -> Option<&ImageChoice> {
        self.choices.get(image.reference.as_ref()?)
    }
}

/// What to do with foreign layers that the source's registry doesn't have.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ForeignLayers {
    /// Leave them outside, with a warning.
    #[default]
    LeaveOutside,
    /// Fetch them from their addresses: by https, without credentials.
    Fetch,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_two_choices_everything_is_carried() {
        let choice = |platforms: &[&str], referrers| ImageChoice {
            platforms: platforms.iter().map(|platform| platform.parse().unwrap()).collect(),
            referrers,
        };
        let united = |one: ImageChoice, other: ImageChoice| {
            let mut both = one;
            both.unite(&other);
            both
        };
        let (amd, arm) =
            (choice(&["linux/amd64"], Referrers::None), choice(&["linux/arm64"], Referrers::None));
        let both = choice(&["linux/amd64", "linux/arm64"], Referrers::None);
        assert_eq!(united(amd.clone(), arm.clone()), both);
        assert_eq!(united(both.clone(), arm), both);
        assert_eq!(united(amd.clone(), ImageChoice::default()), ImageChoice::default());
        assert_eq!(united(choice(&[], Referrers::None), amd), choice(&[], Referrers::None));
    }
}
