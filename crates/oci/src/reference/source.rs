//! Where images come from: a registry, or an image layout on disk.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use super::error::ReferenceError;
use super::grammar::Reference;
use super::repository::Repository;
use super::tag::Tag;
use crate::text::without_password;

/// Paths are at most as long as Linux takes them, and names at most as long as references.
const MAX_LAYOUT: usize = 4096 + 2 * 1024;

/// What people write to name images, wherever a reference is taken.
///
/// `oci:` and `oci-archive:` are skopeo's words. An image at Docker Hub with one of these names is written
/// `docker.io/library/oci:1`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SourceReference {
    /// An image of a registry.
    Registry(Reference),
    /// Images of a layout on disk.
    Layout(LayoutReference),
}

/// Images of an image layout: `oci:DIR[:REF][=NAME]` or `oci-archive:FILE[:REF][=NAME]`.
///
/// The path ends at the first colon, as skopeo has it, and the name starts behind the last `=`. A path or
/// pattern with a `=` and no name is written with a `=` at the end; elsewhere, a `=` wants a name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutReference {
    /// How the layout is stored.
    pub form: LayoutForm,
    /// The folder or file; not empty, and without a colon.
    pub path: String,
    /// Which images of it: a full name, a bare tag, a digest or a pattern (`*`, `?`), not empty; `None`: all.
    pub pattern: Option<String>,
    /// The name that the image gets.
    pub name: Option<LayoutName>,
}

/// How a layout is stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum LayoutForm {
    /// As a folder, `oci:`.
    Folder,
    /// As a tar archive, `oci-archive:`.
    Archive,
}

/// The name that an image of a layout gets.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LayoutName {
    /// The repository.
    pub repository: Repository,
    /// The tag; `None`: the tag that the image has in the layout.
    pub tag: Option<Tag>,
}

/// Why a text names no images.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SourceReferenceError {
    /// No reference to an image of a registry.
    #[error(transparent)]
    Registry(#[from] ReferenceError),
    /// No reference to a layout.
    #[error("'{}' is not {}: {reason}", .text.escape_debug(), .form.grammar())]
    Layout {
        /// The text.
        text: String,
        /// How the layout would be stored.
        form: LayoutForm,
        /// What is wrong with it.
        reason: Cow<'static, str>,
    },
    /// The name behind the `=` is none.
    #[error("the name behind the last '=' of '{}' is no good", .text.escape_debug())]
    Name {
        /// The text.
        text: String,
        /// What is wrong with the name.
        source: ReferenceError,
    },
    /// What another tool's word names, and Airlift can't read.
    #[error("'{}' is not something that Airlift can read: {advice}", .text.escape_debug())]
    Transport {
        /// The text.
        text: String,
        /// The way out.
        advice: &'static str,
    },
}

/// Words of skopeo for what is neither a registry nor an image layout, and what to do.
const OTHER_TRANSPORTS: [(&str, &str); 3] = [
    (
        "docker-archive:",
        "it is no image layout; `skopeo copy docker-archive:FILE oci-archive:OUT` makes one, and oci-archive:OUT is taken here",
    ),
    (
        "docker-daemon:",
        "`docker save` writes an image layout if Docker uses containerd's image store, else `skopeo copy docker-daemon:NAME oci-archive:OUT` does; oci-archive:OUT is taken here",
    ),
    (
        "containers-storage:",
        "`skopeo copy containers-storage:NAME oci-archive:OUT` makes an image layout of it, and oci-archive:OUT is taken here",
    ),
];

impl LayoutForm {
    /// All forms.
    const ALL: [LayoutForm; 2] = [LayoutForm::Folder, LayoutForm::Archive];

    /// The word before the path, with its colon.
    pub fn prefix(self) -> &'static str {
        match self {
            LayoutForm::Folder => "oci:",
            LayoutForm::Archive => "oci-archive:",
        }
    }

    fn grammar(self) -> &'static str {
        match self {
            LayoutForm::Folder => "oci:DIR[:REF][=NAME]",
            LayoutForm::Archive => "oci-archive:FILE[:REF][=NAME]",
        }
    }
}

impl SourceReference {
    /// The image at a registry; `None` for layouts.
    pub fn of_registry(&self) -> Option<&Reference> {
        match self {
            SourceReference::Registry(reference) => Some(reference),
            SourceReference::Layout(_) => None,
        }
    }
}

impl LayoutReference {
    /// The image at Docker Hub that the same text would name if there were no layouts, such as
    /// `docker.io/library/oci:1`: perhaps that was meant, where there is no such file.
    pub fn hub_image(&self) -> Option<Reference> {
        format!("docker.io/library/{self}").parse().ok()
    }
}

impl From<Reference> for SourceReference {
    fn from(reference: Reference) -> Self {
        SourceReference::Registry(reference)
    }
}

impl FromStr for SourceReference {
    type Err = SourceReferenceError;

    fn from_str(text: &str) -> Result<Self, SourceReferenceError> {
        for form in LayoutForm::ALL {
            let rest = text.strip_prefix(form.prefix());
            if let Some(rest) = rest.filter(|rest| !is_authority(rest)) {
                return parse_layout(text, form, rest).map(SourceReference::Layout);
            }
        }
        match OTHER_TRANSPORTS.iter().find(|(prefix, _)| text.starts_with(prefix)) {
            Some((_, advice)) => {
                Err(SourceReferenceError::Transport { text: without_password(text), advice })
            }
            None => Ok(SourceReference::Registry(text.parse()?)),
        }
    }
}

/// Whether a host follows, as in `oci://registry.example/app`: that is an address, and not a path.
fn is_authority(rest: &str) -> bool {
    rest.starts_with("//") && !rest.starts_with("///")
}

fn parse_layout(text: &str, form: LayoutForm, rest: &str) -> Result<LayoutReference, SourceReferenceError> {
    let refuse = |reason: String| {
        let text = without_password(text);
        Err(SourceReferenceError::Layout { text, form, reason: reason.into() })
    };
    if text.len() > MAX_LAYOUT {
        return refuse(format!("it has {} bytes, and at most {MAX_LAYOUT} are taken", text.len()));
    }
    if text.chars().any(char::is_control) {
        return refuse("it has control characters".to_owned());
    }
    let (images, name) = match rest.rsplit_once('=') {
        Some((images, "")) if !images.contains('=') => {
            return refuse(
                "no name is behind the '=': leave the '=' out to keep the image's own name".to_owned(),
            );
        }
        Some((images, "")) => (images, None),
        Some((images, name)) => (images, Some(parse_name(text, name)?)),
        None => (rest, None),
    };
    let (path, pattern) = match images.split_once(':') {
        Some((path, pattern)) => (path, Some(pattern)),
        None => (images, None),
    };
    if path.is_empty() {
        let word = form.prefix().trim_end_matches(':');
        let reason = format!("it has no path (an image at Docker Hub is docker.io/library/{word}:TAG)");
        return refuse(reason);
    }
    if path.starts_with("//") {
        return refuse(format!(
            "write the path without '//': {}/{}",
            form.prefix(),
            path.trim_start_matches('/')
        ));
    }
    if pattern == Some("") {
        return refuse("nothing is behind the colon: leave it out to take all images".to_owned());
    }
    Ok(LayoutReference { form, path: path.to_owned(), pattern: pattern.map(str::to_owned), name })
}

fn parse_name(text: &str, name: &str) -> Result<LayoutName, SourceReferenceError> {
    let refuse = |source| SourceReferenceError::Name { text: without_password(text), source };
    name.parse().map_err(refuse)
}

impl FromStr for LayoutName {
    type Err = ReferenceError;

    fn from_str(text: &str) -> Result<Self, ReferenceError> {
        let reference: Reference = text.parse()?;
        if reference.digest().is_some() {
            let reason = "a name is given without a digest, because the content has one";
            return Err(super::error::malformed(text, reason));
        }
        let last = text.rsplit_once('/').map_or(text, |(_, last)| last);
        let tag = reference.tag().filter(|_| last.contains(':')).map(str::parse).transpose()?;
        Ok(LayoutName { repository: reference.repository().clone(), tag })
    }
}

impl fmt::Display for SourceReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceReference::Registry(reference) => reference.fmt(f),
            SourceReference::Layout(layout) => layout.fmt(f),
        }
    }
}

/// What parses to the same.
impl fmt::Display for LayoutReference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.form.prefix(), self.path)?;
        if let Some(pattern) = &self.pattern {
            write!(f, ":{pattern}")?;
        }
        match &self.name {
            Some(name) => write!(f, "={name}"),
            None if self.path.contains('=') || self.pattern.as_ref().is_some_and(|p| p.contains('=')) => {
                f.write_str("=")
            }
            None => Ok(()),
        }
    }
}

impl fmt::Display for LayoutName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.repository.fmt(f)?;
        match &self.tag {
            Some(tag) => write!(f, ":{tag}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error;

    use super::*;

    fn layout(text: &str) -> LayoutReference {
        match text.parse() {
            Ok(SourceReference::Layout(layout)) => layout,
            other => panic!("{text}: {other:?}"),
        }
    }

    fn parts(text: &str) -> (LayoutForm, String, Option<String>, Option<String>) {
        let LayoutReference { form, path, pattern, name } = layout(text);
        (form, path, pattern, name.map(|name| name.to_string()))
    }

    #[test]
    fn layouts_have_a_path_a_pattern_and_a_name() {
        let digest = format!("sha256:{}", "0".repeat(64));
        let full = format!("docker.io/library/nginx:1@{digest}");
        for (rest, path, pattern, name) in [
            ("app", "app", None, None),
            ("/var/my images/app.tar", "/var/my images/app.tar", None, None),
            ("app:1.27", "app", Some("1.27"), None),
            ("app:h.example:5000/a/b:1", "app", Some("h.example:5000/a/b:1"), None),
            ("app:nginx*", "app", Some("nginx*"), None),
            (&format!("app:{digest}"), "app", Some(digest.as_str()), None),
            (&format!("app:{full}"), "app", Some(full.as_str()), None),
            ("app=r.example/team/app:1", "app", None, Some("r.example/team/app:1")),
            ("app=team/app", "app", None, Some("docker.io/team/app")),
            ("app:v1=h:5000/a", "app", Some("v1"), Some("h:5000/a")),
            ("a=b/c=d:1", "a=b/c", None, Some("docker.io/library/d:1")),
            ("a=b/c=", "a=b/c", None, None),
            ("a:b=c=", "a", Some("b=c"), None),
        ] {
            let owned = |text: Option<&str>| text.map(str::to_owned);
            for (form, prefix) in [(LayoutForm::Folder, "oci:"), (LayoutForm::Archive, "oci-archive:")] {
                let text = format!("{prefix}{rest}");
                assert_eq!(parts(&text), (form, path.to_owned(), owned(pattern), owned(name)), "{text}");
                let again = layout(&text).to_string();
                assert_eq!(layout(&again), layout(&text), "{again}");
            }
        }
    }

    #[test]
    fn everything_else_is_a_reference() {
        for text in
            ["nginx", "oci", "oci/app:1", "docker.io/library/oci:1", "h:5000/oci-archive:1", "oci-archives:1"]
        {
            let parsed: SourceReference = text.parse().unwrap();
            assert_eq!(parsed, SourceReference::Registry(text.parse().unwrap()), "{text}");
            assert_eq!(parsed.to_string().parse(), Ok(parsed));
        }
    }

    #[test]
    fn what_names_no_images_is_refused() {
        for (text, reason) in [
            ("oci:", "it has no path (an image at Docker Hub is docker.io/library/oci:TAG)"),
            ("oci-archive::x", "no path (an image at Docker Hub is docker.io/library/oci-archive:TAG)"),
            ("oci-archive:=x", "it has no path"),
            ("oci:a:", "leave it out to take all images"),
            ("oci-archive:rc.tar=", "no name is behind the '='"),
            ("oci:a:1.27=", "no name is behind the '='"),
            ("oci:a\u{1b}[2J", "control characters"),
            ("oci:///a/b", "write the path without '//': oci:/a/b"),
            ("oci://r.example/b", "leave 'oci://' out: r.example/b"),
            ("oci:a=b@sha256:x", "the name behind the last '=' of"),
            ("oci:a=B C", "the name behind the last '='"),
            ("oci:a==", "a="),
            ("docker-archive:a.tar", "skopeo copy docker-archive:FILE oci-archive:OUT"),
            ("docker-daemon:a:1", "docker save"),
            ("containers-storage:a:1", "skopeo copy containers-storage:NAME"),
            ("Not A Reference", "is not an image reference"),
        ] {
            match text.parse::<SourceReference>() {
                Err(error) => {
                    let shown = error.to_string();
                    assert!(shown.contains(reason), "{text:?}: {shown}");
                    assert!(!shown.contains('\u{1b}'), "{shown}");
                }
                Ok(parsed) if text == "oci:a==" => assert_eq!(parsed.to_string(), "oci:a=="),
                Ok(parsed) => panic!("{text:?}: {parsed:?}"),
            }
        }
        let long = format!("oci:{}", "a".repeat(MAX_LAYOUT));
        assert!(long.parse::<SourceReference>().unwrap_err().to_string().len() < 1000);
    }

    #[test]
    fn a_name_has_no_digest() {
        let text = format!("oci:a=b@sha256:{}", "0".repeat(64));
        let error = text.parse::<SourceReference>().unwrap_err();
        let reason = error.source().unwrap().to_string();
        assert!(reason.contains("a name is given without a digest"), "{reason}");
    }

    #[test]
    fn perhaps_an_image_at_docker_hub_was_meant() {
        assert_eq!(layout("oci:1.0").hub_image().unwrap().to_string(), "docker.io/library/oci:1.0");
        assert_eq!(layout("oci:./dir").hub_image(), None);
    }
}
