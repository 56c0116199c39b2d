//! What a command is asked for: references of the command line, lists, images files and locks.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use airlift_lists::lock::{LockFile, MAX_LOCK};
use airlift_lists::{
    Choice, Entry, ImagesFile, ListErrors, Position, SetKind, Wanted, check_groups, parse_plain,
};
use airlift_packager::Several;

use crate::asked::empty_set::EmptySet;
use crate::asked::wishes::{AskedEntry, Wishes};
use crate::failure::Failure;
use crate::usage_error::{BadReference, UsageError};

/// A list of references is never this large. Locks may be larger.
const MAX_LIST: u64 = 16 << 20;

/// The place of what stands in no file.
const START: Position = Position { line: 1, column: 1 };

/// The arguments that ask for images.
pub(crate) struct Asked<'a> {
    pub(crate) references: &'a [String],
    /// Lists, images files and locks.
    pub(crate) sets: &'a [PathBuf],
    /// Which groups of images files and locks; none: all.
    pub(crate) groups: &'a [String],
    /// What to carry of images whose entries don't say it.
    pub(crate) choice: &'a Choice,
}

/// What files and arguments ask for.
#[derive(Default)]
struct Gathered {
    wishes: Wishes,
    known_groups: BTreeSet<String>,
    errors: Vec<BadReference>,
    /// The files without any image, and why they have none.
    empty: Vec<EmptySet>,
}

/// All that is asked for, or all that is wrong.
pub(crate) fn gather(asked: &Asked<'_>) -> Result<Wishes, Failure> {
    let mut gathered = Gathered::default();
    gathered.wishes.choice = asked.choice.clone();
    for text in asked.references {
        gathered.add_argument(text, asked.choice);
    }
    for set in asked.sets {
        gathered.add_set(set, &read(set)?, asked);
    }
    let Gathered { wishes, known_groups, errors, empty } = gathered;
    Several::check(errors).map_err(UsageError::from)?;
    check_groups(asked.groups, &known_groups).map_err(UsageError::Groups)?;
    if wishes.entries.is_empty() {
        Several::check(empty).map_err(UsageError::EmptySets)?;
        return Err(UsageError::NoReferences.into());
    }
    Ok(wishes)
}

impl Gathered {
    fn add_argument(&mut self, text: &str, choice: &Choice) {
        match text.parse() {
            Ok(source) => {
                let (wanted, groups) = (Wanted::Image(source), BTreeSet::new());
                let entry = Entry { wanted, choice: choice.clone(), groups, position: START };
                self.wishes.entries.push(AskedEntry { entry, place: None });
            }
            Err(error) => self.errors.push(BadReference::Argument(error)),
        }
    }

    fn add_set(&mut self, set: &Path, bytes: &[u8], asked: &Asked<'_>) {
        let name = shown(set);
        let entries = match SetKind::of(&set.to_string_lossy(), bytes) {
            SetKind::Images => self.images_file(&name, bytes, asked.choice),
            SetKind::Lock => self.lock(&name, bytes, asked.choice),
            SetKind::Plain => {
                let entries = parse_plain(&name, bytes, asked.choice);
                entries.map(|entries| entries.into_iter().map(|entry| in_file(&name, entry)).collect())
            }
        };
        // Without groups, an entry is in all of them.
        let is_chosen = |asked_entry: &AskedEntry| {
            asked_entry.entry.groups.is_empty() || asked_entry.entry.is_in(asked.groups)
        };
        let before = self.wishes.entries.len();
        match entries {
            Ok(entries) => {
                self.wishes.entries.extend(entries.into_iter().filter(is_chosen));
                if self.wishes.entries.len() == before {
                    self.empty.push(EmptySet::new(&name, bytes, asked.groups));
                }
            }
            Err(errors) => self.errors.extend(errors.iter().cloned().map(BadReference::List)),
        }
    }

    fn images_file(
        &mut self,
        name: &str,
        bytes: &[u8],
        choice: &Choice,
    ) -> Result<Vec<AskedEntry>, ListErrors> {
        let mut file = ImagesFile::parse(name, bytes, choice)?;
        self.known_groups.append(&mut file.groups);
        self.wishes.mirrors.append(&mut file.mirrors);
        Ok(file.entries.into_iter().map(|entry| in_file(name, entry)).collect())
    }

    /// The images of a lock. What it chooses goes before the command line, for that is what was reviewed.
    fn lock(&mut self, name: &str, bytes: &[u8], choice: &Choice) -> Result<Vec<AskedEntry>, ListErrors> {
        let LockFile { lock, positions } = LockFile::parse(name, bytes)?;
        let mut entries = Vec::new();
        for image in lock.images() {
            self.known_groups.extend(image.groups.iter().cloned());
            let mut chosen = image.choice.clone();
            if chosen.platforms.is_empty() {
                chosen.platforms = choice.platforms.clone();
            }
            chosen.referrers = chosen.referrers.or(choice.referrers);
            let position = positions.get(&image.reference).copied().unwrap_or(START);
            let (wanted, groups) = (Wanted::Locked(Box::new(image.clone())), image.groups.clone());
            entries.push(in_file(name, Entry { wanted, choice: chosen, groups, position }));
        }
        Ok(entries)
    }
}

fn in_file(name: &str, entry: Entry) -> AskedEntry {
    let place = Some(format!("{name}:{}", entry.position));
    AskedEntry { entry, place }
}

fn read(list: &Path) -> Result<Vec<u8>, Failure> {
    let is_lock = SetKind::of(&list.to_string_lossy(), b"") == SetKind::Lock;
    let most = if is_lock { MAX_LOCK } else { MAX_LIST };
    let failed = |source| Failure::File { doing: "read", path: shown(list).into(), source };
    let mut bytes = Vec::new();
    if list == Path::new("-") {
        std::io::stdin().lock().take(most + 1).read_to_end(&mut bytes).map_err(failed)?;
    } else {
        refuse_other_kinds(list)?;
        if list.is_dir() {
            let why = "it is a folder; name a text file";
            return Err(failed(io::Error::new(io::ErrorKind::IsADirectory, why)));
        }
        File::open(list).and_then(|file| file.take(most + 1).read_to_end(&mut bytes)).map_err(failed)?;
    }
    if bytes.len() as u64 > most {
        return Err(UsageError::List {
            file: shown(list).into(),
            why: "it is too large: a list has 16 MiB at most, a lock 256 MiB",
        }
        .into());
    }
    Ok(bytes)
}

/// Files that mean something else by their name must not be taken for lists.
fn refuse_other_kinds(list: &Path) -> Result<(), UsageError> {
    let extension = list.extension().map(|extension| extension.to_string_lossy().to_ascii_lowercase());
    match extension {
        Some(extension) if extension == "tar" => {
            Err(UsageError::ListKind { file: list.to_owned(), extension })
        }
        _ => Ok(()),
    }
}

fn shown(list: &Path) -> String {
    if list == Path::new("-") { "standard input".to_owned() } else { list.to_string_lossy().into_owned() }
}

#[cfg(test)]
mod tests {
    use airlift_packager::ImageRequest;

    use super::*;

    fn images(name: &str, text: &str, groups: &[&str]) -> Result<Wishes, Failure> {
        let folder = tempfile::tempdir().unwrap();
        let list = folder.path().join(name);
        std::fs::write(&list, text).unwrap();
        let groups: Vec<String> = groups.iter().map(ToString::to_string).collect();
        gather(&Asked { references: &[], sets: &[list], groups: &groups, choice: &Choice::default() })
    }

    fn names(name: &str, text: &str, groups: &[&str]) -> Vec<String> {
        let images = images(name, text, groups).unwrap();
        images
            .entries
            .iter()
            .filter_map(AskedEntry::request)
            .map(|request| request.source.to_string())
            .collect()
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
        assert!(nothing.unwrap_err().to_string().contains("images.txt has only comments: no image was"));
        let nothing = images("images.txt", "\r\n", &[]);
        assert!(nothing.unwrap_err().to_string().contains("images.txt is empty"));
        let nothing = images("images.lock", "{\"schema\": \"airlift.lock/v1\", \"images\": []}", &[]);
        assert!(nothing.unwrap_err().to_string().contains("images.lock has no images"));
    }

    #[test]
    fn bad_lines_are_named() {
        let all = errors("images.txt", "nginx\n\nNot A Reference\nB\n");
        assert!(all[0].starts_with("3:1: 'Not A Reference' is not"), "{all:?}");
        assert!(all[1].starts_with("4:1: ") && all.len() == 2, "{all:?}");
        assert_eq!(errors("images.txt", "nginx\n\u{0}\n").len(), 1);
    }

    #[test]
    fn other_kinds_of_files_are_refused_by_name() {
        let refused = refuse_other_kinds(Path::new("b.tar"));
        assert!(matches!(refused, Err(UsageError::ListKind { .. })));
        for name in ["images.txt", "images", "images.yaml", "IMAGES.YML", "images.lock", "l.json"] {
            assert!(refuse_other_kinds(Path::new(name)).is_ok(), "{name}");
        }
        for name in ["images", "images.lock", "receipt.json"] {
            let other = images(name, "{\"schema\": \"airlift.receipt/v1\"}", &[]);
            assert!(matches!(other, Err(Failure::Usage(UsageError::References(_)))), "{other:?}");
        }
    }

    #[test]
    fn a_lock_means_its_images_by_their_digests() {
        let digest = format!("sha256:{}", "a".repeat(64));
        let image = |name: &str, more: &str| {
            format!(
                "{{\n\"reference\": \"r.example/{name}:1\",\n\"digest\": \"{digest}\", \"mediaType\": \"m\", \"size\": 7, \"platforms\": [], {more} \"resolved\": \"2026-05-04T10:00:00Z\"}}"
            )
        };
        let choose = "\"choose\": {\"platforms\": [\"linux/arm64\"]}, \"groups\": [\"web\"],";
        let text = format!(
            "{{\"schema\": \"airlift.lock/v1\", \"images\": [{},{}]}}",
            image("a", ""),
            image("b", choose)
        );
        let folder = tempfile::tempdir().unwrap();
        let lock = folder.path().join("i.lock");
        std::fs::write(&lock, text).unwrap();
        let choice = Choice { platforms: vec!["linux/amd64".parse().unwrap()], referrers: None };
        let wishes = gather(&Asked {
            references: &[],
            sets: std::slice::from_ref(&lock),
            groups: &[],
            choice: &choice,
        })
        .unwrap();
        let requests: Vec<ImageRequest> = wishes.entries.iter().filter_map(AskedEntry::request).collect();
        let locked: Vec<_> = requests.iter().map(|request| request.locked.clone().unwrap()).collect();
        assert_eq!((locked[0].digest.to_string(), locked[0].size), (digest, None));
        assert_eq!(locked[1].size, Some(7), "an entry's own platforms stay");
        assert!(requests[1].place.as_ref().unwrap().ends_with("i.lock:4:14"), "{:?}", requests[1].place);
        let groups = ["web".to_owned()];
        let chosen = gather(&Asked { references: &[], sets: &[lock], groups: &groups, choice: &choice });
        assert_eq!(chosen.unwrap().entries.len(), 2, "what has no group is in all of them");
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
            images.entries.iter().filter_map(AskedEntry::request).map(|one| shown(&one)).collect::<Vec<_>>(),
            ["i.yaml:5:7 linux/amd64 All", "i.yaml:6:13 linux/amd64 None", "i.yaml:8:13 linux/arm64 All"]
        );
    }
}
