//! The name that was most likely meant by a text that is almost one: people paste addresses from browsers,
//! the transports of other tools, and lines with spaces.

use super::host::{Host, split_scheme};

/// A text without the parts that don't belong into a name, and advice on those.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tidied {
    /// What is left.
    pub text: String,
    /// What to do to get there, each a short sentence.
    faults: Vec<String>,
}

impl Tidied {
    /// Tidies a text; `None` where there is nothing to do, or nothing left.
    pub fn new(text: &str) -> Option<Self> {
        let mut faults = Vec::new();
        let mut rest = text.trim();
        if rest.len() < text.len() {
            faults.push("leave the white space out".to_owned());
        }
        if let Some((scheme, name)) = split_scheme(rest) {
            faults.push(format!("leave '{scheme}' out"));
            rest = name;
        }
        let authority = rest.split('/').next().unwrap_or_default();
        if let Some((_, host)) = authority.rsplit_once('@')
            && !host.starts_with("sha")
            && host.parse::<Host>().is_ok()
        {
            faults.push("leave user and password out, which `docker login` takes".to_owned());
            rest = &rest[authority.len() - host.len()..];
        }
        let name = rest.trim_end_matches('/');
        if name.is_empty() || name == ":" {
            return None;
        }
        if name.len() < rest.len() {
            faults.push("leave the slash at its end out".to_owned());
        }
        let lower = lower_case(name);
        if lower != name {
            faults.push("write it in lower case".to_owned());
        }
        (!faults.is_empty()).then_some(Tidied { text: lower, faults })
    }

    /// What to change, and the result: `leave 'docker://' out: nginx:1.27`.
    pub fn advice(&self) -> String {
        format!("{}: {}", self.faults.join(" and "), self.text)
    }
}

/// Everything but a tag, which may have capitals.
pub(crate) fn lower_case(name: &str) -> String {
    let (name, digest) = name.split_at(name.find('@').unwrap_or(name.len()));
    let last = name.rfind('/').map_or(0, |slash| slash + 1);
    let (name, tag) = name.split_at(name[last..].find(':').map_or(name.len(), |colon| last + colon));
    format!("{}{tag}{}", name.to_ascii_lowercase(), digest.to_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_does_not_belong_into_a_name_is_left_out() {
        for (text, advice) in [
            ("docker://nginx:1.27", "leave 'docker://' out: nginx:1.27"),
            ("https://quay.io/a/b/", "leave 'https://' out and leave the slash at its end out: quay.io/a/b"),
            (
                "https://pilot:a@b@quay.io:443/team/app:1",
                "leave 'https://' out and leave user and password out, which `docker login` takes: quay.io:443/team/app:1",
            ),
            (" nginx\n", "leave the white space out: nginx"),
            ("quay.io/Team/App:RC1@sha256:AB", "write it in lower case: quay.io/team/app:RC1@sha256:ab"),
        ] {
            assert_eq!(Tidied::new(text).unwrap().advice(), advice, "{text}");
        }
        for text in ["nginx", "quay.io/a/b:RC1", "nginx@sha256:12", "", " ", "://", "https://"] {
            assert_eq!(Tidied::new(text), None, "{text}");
        }
    }
}
