//! Finds images of a layout by a name, a pattern or a digest, and names those that are close where none fits.
//! `build`, `push` and `inspect` find images by this alone.

use std::fmt;

use wildmatch::WildMatch;

use crate::text::without_password;
use crate::{Digest, Reference, Repository, Root, reference};

/// Fewer hex digits could be a short name, or a typing error.
const FEWEST_DIGITS: usize = 6;
/// How many names are listed where nothing was found.
const LISTED: usize = 8;
/// How much of a name has to fit for it to count as close, from 0 to 1.
const CLOSE: f64 = 0.6;

/// What the user typed: a name, a pattern in which `*` is any text, a digest, or a digest's first 6 digits or
/// more.
#[derive(Clone, Debug)]
pub struct Pattern {
    text: String,
    wild: WildMatch,
    /// What it means to Docker, with everything that may be left out.
    reference: Option<Reference>,
    repository: Option<Repository>,
}

impl Pattern {
    /// Reads a pattern; any text is one.
    pub fn new(text: &str) -> Self {
        let text = text.trim();
        Pattern {
            text: text.to_owned(),
            wild: WildMatch::new(text),
            reference: text.parse().ok(),
            repository: text.parse().ok(),
        }
    }

    /// The positions of the roots that are meant: by their names, else by their digests.
    pub fn find<'a>(&self, roots: impl IntoIterator<Item = (usize, &'a Root)> + Clone) -> Vec<usize> {
        let named = self.find_by_name(roots.clone());
        if named.is_empty() {
            positions(roots, |root| self.is_start_of(&root.descriptor.digest))
        } else {
            named
        }
    }

    /// The positions of the roots that have such a name.
    pub fn find_by_name<'a>(&self, roots: impl IntoIterator<Item = (usize, &'a Root)>) -> Vec<usize> {
        positions(roots, |root| self.is_name_of(root))
    }

    /// Whether it is the digest or the start of it, with or without the algorithm before it.
    pub fn is_start_of(&self, digest: &Digest) -> bool {
        let (algorithm, hex) = match self.text.split_once(':') {
            Some((algorithm, hex)) => (Some(algorithm), hex),
            None => (None, self.text.as_str()),
        };
        let hex = hex.trim_end_matches(['…', '*']).to_ascii_lowercase();
        hex.len() >= FEWEST_DIGITS
            && algorithm.is_none_or(|algorithm| digest.algorithm().name() == algorithm)
            && digest.hex().starts_with(&hex)
    }

    fn is_name_of(&self, root: &Root) -> bool {
        root.reference.as_ref().is_some_and(|reference| self.fits(reference))
    }

    /// Whether it fits a name.
    pub fn fits(&self, name: &str) -> bool {
        let parsed = name.parse::<Reference>().ok();
        let is_the_same = |parsed: &Reference| {
            self.reference.as_ref() == Some(parsed) || self.repository.as_ref() == Some(parsed.repository())
        };
        names_of(name).iter().any(|name| self.wild.matches(name)) || parsed.as_ref().is_some_and(is_the_same)
    }

    /// How similar the closest of a root's names is to it, from 0 to 1.
    fn likeness(&self, root: &Root) -> f64 {
        let wanted = self.text.trim_matches('*').to_ascii_lowercase();
        let like = |name: &String| match name.contains(&wanted) && wanted.len() > 1 {
            true => 1.0,
            false => strsim::normalized_damerau_levenshtein(&wanted, name),
        };
        // All hex digits look similar.
        names(root).iter().filter(|name| !name.contains('@')).map(like).fold(0.0, f64::max)
    }
}

fn positions<'a>(
    roots: impl IntoIterator<Item = (usize, &'a Root)>,
    is_meant: impl Fn(&Root) -> bool,
) -> Vec<usize> {
    roots.into_iter().filter(|(_, root)| is_meant(root)).map(|(position, _)| position).collect()
}

/// What a pattern may match: the full name, the name without its host, and Docker's short one, each also
/// without tag and digest.
fn names(root: &Root) -> Vec<String> {
    root.reference.as_deref().map(names_of).unwrap_or_default()
}

fn names_of(reference: &str) -> Vec<String> {
    let mut names = vec![reference.to_owned()];
    if let Ok(parsed) = reference.parse::<Reference>() {
        let repository = parsed.repository().to_string();
        let end = reference.strip_prefix(&repository).unwrap_or_default();
        let tag = parsed.tag().map(|tag| format!(":{tag}")).unwrap_or_default();
        for name in [repository.as_str(), reference::familiar(&repository), parsed.repository().path()] {
            names.extend([end, &tag, ""].map(|end| format!("{name}{end}")));
        }
    }
    names
}

/// A pattern that fits no image, with the names that there are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmatched {
    pattern: String,
    /// The names that are close, or else all; the closest first, and images before what is attached to them.
    names: Vec<String>,
    are_close: bool,
    /// How many others there are.
    more: usize,
}

impl Unmatched {
    /// Of these roots none fits `pattern`.
    pub fn new<'a>(pattern: &Pattern, roots: impl IntoIterator<Item = &'a Root>) -> Self {
        let mut roots: Vec<_> = roots.into_iter().map(|root| (root, pattern.likeness(root))).collect();
        roots.sort_by(|(a, a_like), (b, b_like)| {
            a.subject.is_some().cmp(&b.subject.is_some()).then(b_like.total_cmp(a_like))
        });
        let total = roots.len();
        let are_close = roots.iter().any(|(_, like)| *like >= CLOSE);
        let offered = roots.into_iter().filter(|(_, like)| !are_close || *like >= CLOSE);
        let names: Vec<String> = offered.take(LISTED).map(|(root, _)| root.name()).collect();
        Unmatched { pattern: pattern.text.clone(), more: total - names.len(), names, are_close }
    }
}

/// `'ngnix' (did you mean nginx:1.27?)`
impl fmt::Display for Unmatched {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}' ", without_password(&self.pattern).escape_debug())?;
        match (&self.names[..], self.are_close, self.more) {
            ([], ..) => f.write_str("(there is no image)"),
            (names, true, _) => write!(f, "(did you mean {}?)", names.join(" or ")),
            ([name], false, 0) => write!(f, "(there is {name})"),
            (names, false, 0) => write!(f, "(there are {})", names.join(", ")),
            (names, false, more) => write!(f, "(there are {} and {more} more)", names.join(", ")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Descriptor;

    fn root(reference: &str, number: u8) -> Root {
        let digest = Digest::sha256(&[number]);
        let descriptor = Descriptor::new(crate::media_type::OCI_INDEX, digest, 7);
        Root::new(descriptor, Some(reference.to_owned()).filter(|reference| !reference.is_empty()))
    }

    fn roots() -> Vec<Root> {
        let pinned = format!("quay.io/a/b:v2@{}", Digest::sha256(b"x"));
        let mut signature = root("docker.io/library/nginx:sha256-0123.sig", 5);
        signature.subject = Some(Digest::sha256(&[0]));
        let names =
            ["docker.io/library/nginx:1.27", "r.example:5000/team/web:1", "r.example:5000/team/app:1"];
        let mut roots: Vec<Root> = names.into_iter().zip(0..).map(|(name, i)| root(name, i)).collect();
        roots.extend([root(&pinned, 3), root("", 4), signature]);
        roots
    }

    fn found(text: &str) -> Vec<usize> {
        Pattern::new(text).find(roots().iter().enumerate().take(5))
    }

    #[test]
    fn what_may_be_left_out_is_left_out() {
        for text in [
            "docker.io/library/nginx:1.27",
            "library/nginx:1.27",
            "nginx:1.27",
            "nginx",
            "ngin*",
            "docker.io/nginx",
        ] {
            assert_eq!(found(text), [0], "{text}");
        }
        for text in [
            "r.example:5000/team/web:1",
            "R.example:5000/team/web:1",
            "team/web:1",
            "team/web",
            " team/web ",
            "*/web:?",
        ] {
            assert_eq!(found(text), [1], "{text}");
        }
        for text in ["quay.io/a/b:v2", "a/b:v2", "a/b", "quay.io/a/b", "quay.io/*"] {
            assert_eq!(found(text), [3], "{text}");
        }
        assert_eq!(found("team/*"), [1, 2]);
        assert_eq!((found("web"), found("nginx:1.2"), found("latest")), (vec![], vec![], vec![]));
    }

    #[test]
    fn a_digest_may_be_cut_short() {
        let digest = Digest::sha256(&[4]);
        let hex = digest.hex();
        for text in
            [&digest.to_string(), &hex[..6], &format!("sha256:{}…", &hex[..12]), &hex[..8].to_uppercase()]
        {
            assert_eq!(found(text), [4], "{text}");
        }
        assert_eq!((found(&hex[..5]), found(&format!("sha512:{}", &hex[..8]))), (vec![], vec![]));
    }

    #[test]
    fn close_names_come_first_and_signatures_last() {
        let said = |text: &str| Unmatched::new(&Pattern::new(text), &roots()).to_string();
        assert_eq!(said("ngnix:1.27"), "'ngnix:1.27' (did you mean nginx:1.27?)");
        assert_eq!(said("web"), "'web' (did you mean r.example:5000/team/web:1?)");
        let all = said("zzzzzzzzzzzzzzzz");
        assert!(all.contains("there are ") && all.contains("nginx:1.27"), "{all}");
        assert!(all.ends_with("nginx:sha256-0123.sig)"), "{all}");
        let many: Vec<Root> = (0..20).map(|number| root(&format!("r.example/n{number}:1"), number)).collect();
        let said = Unmatched::new(&Pattern::new("zzzzzzzzzzzzzzzz"), &many).to_string();
        assert!(said.ends_with(" and 12 more)"), "{said}");
        assert_eq!(Unmatched::new(&Pattern::new("a"), []).to_string(), "'a' (there is no image)");
    }
}
