//! The images of a build: from the command line, from lists and from images files.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use airlift_lists::{
    Choice, Entry, ImagesFile, ListErrors, ListText, SetKind, Wanted, check_groups, parse_plain,
};
use airlift_oci::SourceReference;
use airlift_oci::reference::MirrorRule;
use airlift_packager::{ImageChoice, ImageRequest, Several};

use crate::failure::{BadReference, Failure, UsageError};

/// A list of references is never this large.
const MAX_LIST: u64 = 16 << 20;

/// What a build was asked for.
pub(crate) struct Asked<'a> {
    pub(crate) references: &'a [String],
    pub(crate) lists: &'a [PathBuf],
    /// Which groups of images files; none: all.
    pub(crate) groups: &'a [String],
    /// What to carry of images whose entries don't say it.
    pub(crate) choice: &'a Choice,
}

/// The images of a build, and where to fetch them.
#[derive(Debug, Default)]
pub(crate) struct Images {
    /// In the order in which they were given.
    pub(crate) requests: Vec<ImageRequest>,
    /// The mirrors of images files.
    pub(crate) mirrors: Vec<MirrorRule>,
}

/// What files and arguments ask for.
#[derive(Default)]
struct Gathered {
    requests: Vec<ImageRequest>,
    mirrors: Vec<MirrorRule>,
    known_groups: BTreeSet<String>,
    errors: Vec<BadReference>,
}

/// All images, or all that is wrong.
pub(crate) fn gather(asked: &Asked<'_>) -> Result<Images, Failure> {
    let mut gathered = Gathered::default();
    for text in asked.references {
        gathered.add_argument(text, asked.choice);
    }
    for list in asked.lists {
        gathered.add_list(list, &read(list)?, asked)?;
    }
    Several::check(gathered.errors).map_err(UsageError::from)?;
    check_groups(asked.groups, &gathered.known_groups).map_err(UsageError::Groups)?;
    let Gathered { requests, mirrors, .. } = gathered;
    if requests.is_empty() { Err(UsageError::NoReferences.into()) } else { Ok(Images { requests, mirrors }) }
}

impl Gathered {
    fn add_argument(&mut self, text: &str, choice: &Choice) {
        match text.parse() {
            Ok(SourceReference::Layout(_)) => self.errors.push(BadReference::Layout(text.to_owned())),
            Ok(source) => {
                self.requests.push(ImageRequest { source, locked: None, choice: chosen(choice), place: None })
            }
            Err(error) => self.errors.push(BadReference::Argument(error)),
        }
    }

    fn add_list(&mut self, list: &Path, bytes: &[u8], asked: &Asked<'_>) -> Result<(), UsageError> {
        let name = shown(list);
        let entries = match kind(list, bytes)? {
            SetKind::Images => ImagesFile::parse(&name, bytes, asked.choice).map(|mut file| {
                self.known_groups.append(&mut file.groups);
                self.mirrors.append(&mut file.mirrors);
                file.entries
            }),
            _ => parse_plain(&name, bytes, asked.choice),
        };
        // Without groups, an entry is in all of them.
        let is_chosen = |entry: &Entry| entry.groups.is_empty() || entry.is_in(asked.groups);
        let chosen = entries.map(|entries| entries.into_iter().filter(is_chosen).collect());
        match chosen.and_then(|entries| check_sources(&name, bytes, entries)) {
            Ok(entries) => {
                self.requests.extend(entries.into_iter().filter_map(|entry| request(&name, entry)))
            }
            Err(errors) => self.errors.extend(errors.iter().cloned().map(BadReference::List)),
        }
        Ok(())
    }
}

/// Refuses what only a lock can be made of, and layouts.
fn check_sources(name: &str, bytes: &[u8], entries: Vec<Entry>) -> Result<Vec<Entry>, ListErrors> {
    let text = ListText::new(name, bytes)?;
    let refused = entries.iter().filter_map(|entry| {
        let message = match &entry.wanted {
            Wanted::Tags(query) => {
                format!(
                    "tags of {} are selected when a list is locked: for a build, name them",
                    query.repository
                )
            }
            Wanted::Image(SourceReference::Layout(layout)) => {
                format!("bundles are not made from layouts such as {layout} yet")
            }
            Wanted::Image(SourceReference::Registry(_)) => return None,
        };
        Some(text.error(entry.position, message))
    });
    ListErrors::of(refused.collect()).map_or(Ok(entries), Err)
}

/// The request for an image that a list names.
fn request(file: &str, entry: Entry) -> Option<ImageRequest> {
    let Wanted::Image(source) = entry.wanted else { return None };
    let place = Some(format!("{file}:{}", entry.position));
    Some(ImageRequest { source, locked: None, choice: chosen(&entry.choice), place })
}

fn chosen(choice: &Choice) -> ImageChoice {
    ImageChoice { platforms: choice.platforms.clone(), referrers: choice.referrers.unwrap_or_default() }
}

fn read(list: &Path) -> Result<Vec<u8>, Failure> {
    let failed = |source| Failure::File { doing: "read", path: shown(list).into(), source };
    let mut bytes = Vec::new();
    if list == Path::new("-") {
        std::io::stdin().lock().take(MAX_LIST + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        refuse_other_kinds(list)?;
        if list.is_dir() {
            let why = "it is a folder; name a text file";
            return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, why)));
        }
        File::open(list).and_then(|file| file.take(MAX_LIST + 1).read_to_end(&mut bytes)).map_err(failed)?;
    }
    if bytes.len() as u64 > MAX_LIST {
        return Err(UsageError::List { file: shown(list).into(), why: "it has more than 16 MiB" }.into());
    }
    Ok(bytes)
}

/// Files that mean something else by their name must not be taken for lists.
fn refuse_other_kinds(list: &Path) -> Result<(), UsageError> {
    let extension = list.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension {
        Some(extension) if matches!(extension.as_str(), "lock" | "json" | "tar") => {
            Err(UsageError::ListKind { file: list.to_owned(), extension })
        }
        _ => Ok(()),
    }
}

/// The kind of a list. Locks are not taken.
fn kind(list: &Path, bytes: &[u8]) -> Result<SetKind, UsageError> {
    match SetKind::of(&list.to_string_lossy(), bytes) {
        SetKind::Lock => Err(UsageError::ListKind { file: shown(list).into(), extension: "json".to_owned() }),
        kind => Ok(kind),
    }
}

fn shown(list: &Path) -> String {
    if list == Path::new("-") { "standard input".to_owned() } else { list.to_string_lossy().into_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(name: &str, text: &str, groups: &[&str]) -> Result<Images, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join(name);
        std::fs::write(&list, text).unwrap();
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        gather(&Asked { references: &[], lists: &[list], groups: &groups, choice: &Choice::default() })
    }

    fn names(name: &str, text: &str, groups: &[&str]) -> Vec<String> {
        let images = images(name, text, groups).unwrap();
        images.requests.iter().map(|request| request.source.to_string()).collect()
    }

    /// All errors, each from its line on.
    fn errors(name: &str, text: &str) -> Vec<String> {
        match images(name, text, &[]) {
            Err(Failure::Usage(UsageError::References(errors))) => {
                let text = |error: &BadReference| error.to_string();
                errors
                    .iter()
                    .map(text)
                    .map(|text| text.split_once("txt:").map_or(text.clone(), |(_, rest)| rest.to_owned()))
                    .collect()
            }
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn comments_and_blank_lines_are_passed_over() {
        let text = "\u{feff}# the web\nnginx:1.27   # pinned\r\n\n  quay.io/a/b:1\t#x\n   # end";
        assert_eq!(names("images.txt", text, &[]), ["docker.io/library/nginx:1.27", "quay.io/a/b:1"]);
        let nothing = images("images.txt", "# nothing\n", &[]);
        assert!(matches!(nothing, Err(Failure::Usage(UsageError::NoReferences))));
    }

    #[test]
    fn bad_lines_are_named() {
        let all = errors("images.txt", "nginx\n\nNot A Reference\nB\noci:dir\n");
        assert!(all[0].starts_with("3:1: 'Not A Reference' is not"), "{all:?}");
        assert!(all[1].starts_with("4:1: ") && all.len() == 2, "{all:?}");
        assert!(errors("images.txt", "oci:dir\n")[0].starts_with("1:1: bundles are not made from layouts"));
        assert_eq!(errors("images.txt", "nginx\n\u{0}\n").len(), 1);
    }

    #[test]
    fn other_kinds_of_files_are_refused_by_name() {
        for name in ["images.lock", "b.tar", "B.JSON"] {
            let refused = refuse_other_kinds(Path::new(name));
            assert!(matches!(refused, Err(UsageError::ListKind { .. })), "{name}");
        }
        for name in ["images.txt", "images", "images.yaml", "IMAGES.YML"] {
            assert!(refuse_other_kinds(Path::new(name)).is_ok(), "{name}");
        }
        let lock = images("images", "{\"schema\": \"airlift.lock/v1\"}", &[]);
        assert!(matches!(lock, Err(Failure::Usage(UsageError::ListKind { .. }))), "{lock:?}");
    }

    const FILE: &str = "version: 1\ndefaults: {platforms: [linux/amd64]}\ngroups:\n  a:\n    - nginx\n    - {ref: redis, referrers: none}\n  b:\n    - {ref: nginx, platforms: linux/arm64}\n  c: [{repo: nginx, tags: {newest: 1}}]\n";

    #[test]
    fn groups_are_chosen() {
        assert_eq!(names("i.yaml", &FILE.replace("  c:", "  #"), &[]).len(), 3);
        assert_eq!(names("i.yaml", &FILE.replace("  c:", "  #"), &["b"]), ["docker.io/library/nginx:latest"]);
        let error = images("i.yaml", &FILE.replace("  c:", "  #"), &["d"]).unwrap_err();
        assert_eq!(error.to_string(), "there is no group 'd' (there is a, b)");
    }

    #[test]
    fn each_image_has_the_choice_of_its_entry_and_its_place() {
        let images = images("i.yaml", &FILE.replace("  c:", "  #"), &[]).unwrap();
        let shown = |request: &ImageRequest| {
            let platforms: Vec<String> = request.choice.platforms.iter().map(ToString::to_string).collect();
            let place = request.place.clone().unwrap_or_default();
            let line = place.rsplit_once('/').map_or(place.clone(), |(_, line)| line.to_owned());
            format!("{line} {} {:?}", platforms.join(","), request.choice.referrers)
        };
        assert_eq!(
            images.requests.iter().map(shown).collect::<Vec<_>>(),
            ["i.yaml:5:7 linux/amd64 All", "i.yaml:6:13 linux/amd64 None", "i.yaml:8:13 linux/arm64 All"]
        );
    }

    #[test]
    fn selectors_are_resolved_when_a_list_is_locked() {
        let all = errors("i.yaml", FILE);
        assert!(
            all[0].contains("9:7: tags of docker.io/library/nginx are selected when a list is locked"),
            "{all:?}"
        );
    }
}
