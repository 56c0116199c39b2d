//! Images files.

use std::collections::BTreeMap;

use super::marker::{FoundImage, MarkedLine, Refreshed, Remaining};
use super::plain::end_of_lines;
use crate::choice::Choice;
use crate::entry::Entry;
use crate::images_file::ImagesFile;
use crate::position::{ListErrors, ListText};
use crate::yaml::{self, Content, Member, Node};

/// The group of what was found, unless marked entries stand in another one.
const GROUP: &str = "found";

/// A new images file of what was found.
pub fn fresh_images_file(found: &[FoundImage]) -> Refreshed {
    let remaining = Remaining::new(found);
    let mut lines = vec![format!("version: 1\ngroups:\n  {GROUP}:\n")];
    lines.extend(remaining.unlisted().map(|image| image.line("    - ", "\n")));
    remaining.refreshed(&lines)
}

/// An images file in which the marked entries are those of what was found.
///
/// # Errors
/// If the old file can't be read, or has no place for new entries.
pub fn refresh_images_file(file: &str, old: &[u8], found: &[FoundImage]) -> Result<Refreshed, ListErrors> {
    let images = ImagesFile::parse(file, old, &Choice::default())?;
    let text = ListText::new(file, old)?;
    let mut edit = Edit::new(&text, &images.entries, found);
    if edit.remaining.unlisted().next().is_some() {
        edit.insert(&yaml::read(&text)?)?;
    }
    if old.starts_with("\u{feff}".as_bytes()) {
        edit.lines.insert(0, "\u{feff}".to_owned());
    }
    let refreshed = edit.remaining.refreshed(&edit.lines);
    // It must be what it was before.
    ImagesFile::parse(file, refreshed.text.as_bytes(), &Choice::default())?;
    Ok(refreshed)
}

/// A file that is changed line by line.
struct Edit<'t> {
    text: &'t ListText<'t>,
    remaining: Remaining<'t>,
    /// What becomes of each line of the old file; a line that goes is empty.
    lines: Vec<String>,
    /// The last marked line, and what stands before its reference.
    marked: Option<(usize, &'t str)>,
    end: &'static str,
}

impl<'t> Edit<'t> {
    fn new(text: &'t ListText<'t>, entries: &[Entry], found: &'t [FoundImage]) -> Self {
        // Entries of one line are several of a list of tags, or of a list in brackets: these are no marked
        // ones.
        let mut of_line: BTreeMap<usize, Vec<&Entry>> = BTreeMap::new();
        entries.iter().for_each(|entry| of_line.entry(entry.position.line).or_default().push(entry));
        let end = end_of_lines(text.text());
        let mut edit = Edit { text, remaining: Remaining::new(found), lines: Vec::new(), marked: None, end };
        for (number, line) in text.text().split_inclusive('\n').enumerate() {
            let there = of_line.get(&(number + 1)).map_or(&[][..], Vec::as_slice);
            let marked = match there {
                [entry] => {
                    before(line, entry.position.column).and_then(|before| MarkedLine::of(line, before))
                }
                _ => None,
            };
            let mut kept = Some(line.to_owned());
            for entry in there {
                kept = edit.remaining.keep(entry, line, marked.as_ref());
            }
            if let Some(marked) = marked {
                edit.marked = Some((number, marked.before));
            }
            edit.lines.push(kept.unwrap_or_default());
        }
        edit
    }

    /// Puts new entries behind the marked ones; else into the group; else into a new group.
    fn insert(&mut self, document: &Node) -> Result<(), ListErrors> {
        if let Some((line, before)) = self.marked {
            self.add_behind(line, before);
            return Ok(());
        }
        let Some(groups) = member(document, "groups") else { return Ok(()) };
        match member(&groups.value, GROUP) {
            Some(group) => self.add_to_group(group),
            None => self.add_group(groups),
        }
    }

    fn add_to_group(&mut self, group: &Member) -> Result<(), ListErrors> {
        let (key, indent) = (group.position.line - 1, group.position.column - 1);
        match &group.value.content {
            Content::Sequence(entries) if self.is_block(&group.value) => {
                let Some(first) = entries.first() else { return self.refuse(group) };
                let line = self.lines.get(first.position.line - 1).cloned().unwrap_or_default();
                let indent = line.len() - line.trim_start().len();
                self.add_behind(last_line(&group.value), &format!("{}- ", " ".repeat(indent)));
                Ok(())
            }
            Content::Sequence(entries) if !entries.is_empty() => self.refuse(group),
            _ => {
                self.empty(group, key);
                self.add_behind(key, &format!("{}- ", " ".repeat(indent + 2)));
                Ok(())
            }
        }
    }

    fn add_group(&mut self, groups: &Member) -> Result<(), ListErrors> {
        let (line, indent) = match &groups.value.content {
            Content::Mapping(members) if !members.is_empty() => match members.first() {
                Some(first) if self.is_block(&groups.value) => {
                    (last_line(&groups.value), first.position.column - 1)
                }
                _ => return self.refuse(groups),
            },
            _ => {
                self.empty(groups, groups.position.line - 1);
                (groups.position.line - 1, groups.position.column + 1)
            }
        };
        let head = format!("{}{GROUP}:{}", " ".repeat(indent), self.end);
        self.add_text(line, &head);
        self.add_behind(line, &format!("{}- ", " ".repeat(indent + 2)));
        Ok(())
    }

    /// Whether a part stands in lines of its own, and not in brackets.
    fn is_block(&self, part: &Node) -> bool {
        let line = self.text.text().lines().nth(part.position.line - 1).unwrap_or_default();
        !line.chars().nth(part.position.column - 1).is_some_and(|c| c == '[' || c == '{')
    }

    /// Takes empty brackets away that stand behind a key.
    fn empty(&mut self, member: &Member, line: usize) {
        if let Some(text) = self.lines.get_mut(line)
            && member.value.position.line - 1 == line
        {
            *text = text.replacen(" []", "", 1).replacen(" {}", "", 1);
        }
    }

    /// Adds the entries for what isn't listed.
    fn add_behind(&mut self, line: usize, before: &str) {
        let new: String = self.remaining.unlisted().map(|image| image.line(before, self.end)).collect();
        self.add_text(line, &new);
    }

    fn add_text(&mut self, line: usize, text: &str) {
        if let Some(behind) = self.lines.get_mut(line) {
            if !behind.is_empty() && !behind.ends_with('\n') {
                behind.push_str(self.end);
            }
            behind.push_str(text);
        }
    }

    fn refuse(&self, member: &Member) -> Result<(), ListErrors> {
        let message = "new entries have no place in brackets: write this as a list in lines of its own";
        Err(self.text.error(member.position, message).into())
    }
}

fn member<'n>(node: &'n Node, key: &str) -> Option<&'n Member> {
    let Content::Mapping(members) = &node.content else { return None };
    members.iter().find(|member| member.key == key)
}

/// The number of the last line in which anything of a part begins, from 0.
fn last_line(part: &Node) -> usize {
    let below = match &part.content {
        Content::Sequence(parts) => parts.iter().map(last_line).max(),
        Content::Mapping(members) => members.iter().map(|member| last_line(&member.value)).max(),
        Content::Scalar(_) | Content::Null => None,
    };
    below.unwrap_or(0).max(part.position.line - 1)
}

/// The bytes before a column of a line, if they are an item's dash and spaces.
fn before(line: &str, column: usize) -> Option<usize> {
    let end = line.char_indices().nth(column - 1).map(|(at, _)| at)?;
    (line.get(..end)?.trim() == "-").then_some(end)
}

#[cfg(test)]
mod tests {
    use super::super::plain::{fresh_plain, refresh_plain};
    use super::*;

    fn found(references: &[(&str, &[&str])]) -> Vec<FoundImage> {
        let image = |(written, files): &(&str, &[&str])| FoundImage {
            written: (*written).to_owned(),
            reference: written.parse().unwrap(),
            files: files.iter().map(ToString::to_string).collect(),
        };
        references.iter().map(image).collect()
    }

    fn refreshed(old: &str, references: &[(&str, &[&str])]) -> String {
        let new = refresh_images_file("i.yaml", old.as_bytes(), &found(references)).unwrap();
        // Once more changes nothing.
        let again = refresh_images_file("i.yaml", new.text.as_bytes(), &found(references)).unwrap();
        assert_eq!(again, Refreshed { text: new.text.clone(), added: 0, removed: 0 }, "{}", new.text);
        new.text
    }

    #[test]
    fn a_new_file_has_a_group_of_what_was_found() {
        let found = found(&[("nginx:1.27", &["b.yaml", "a.yaml"]), ("oci:1", &["c"]), ("null", &["c"])]);
        let file = fresh_images_file(&found);
        assert_eq!(
            file.text,
            "version: 1\ngroups:\n  found:\n    - nginx:1.27  # found in a.yaml and 1 more\n    \
             - docker.io/library/null:latest  # found in c\n    - docker.io/library/oci:1  # found in c\n"
        );
        assert_eq!(
            ImagesFile::parse("i.yaml", file.text.as_bytes(), &Choice::default()).unwrap().entries.len(),
            3
        );
        let nothing = fresh_images_file(&[]).text;
        assert_eq!(refreshed(&nothing, &[("a:1", &["x"])]), format!("{nothing}    - a:1  # found in x\n"));
        assert_eq!(refresh_plain("l", b"", &found).unwrap(), fresh_plain(&found));
    }

    #[test]
    fn marked_entries_follow_what_is_found_and_the_others_stay() {
        let old = "\u{feff}# ours\r\nversion: 1\r\ngroups:\r\n  base:\r\n    -   nginx:1.27   # by hand\r\n    - gone:1 # found in a.yaml\r\n    - stays:1    # found in a.yaml\r\n    - {ref: redis:7, platforms: linux/amd64} # found in a.yaml\r\n  last: [x:1, y:1] # found in z\r\n";
        let new = refreshed(
            old,
            &[
                ("nginx:1.27", &["n.yaml"]),
                ("docker.io/library/stays:1", &["b.yaml"]),
                ("new:1", &["c.yaml"]),
                ("y:1", &["c.yaml"]),
            ],
        );
        let expected = old.replace("    - gone:1 # found in a.yaml\r\n", "").replace(
            "# found in a.yaml\r\n    - {ref",
            "# found in b.yaml\r\n    - new:1  # found in c.yaml\r\n    - {ref",
        );
        assert_eq!(new, expected);
    }

    #[test]
    fn new_entries_find_a_place_in_any_file() {
        let wanted: &[(&str, &[&str])] = &[("new:1", &["f"])];
        for (old, expected) in [
            ("version: 1\ngroups: {}\n", "version: 1\ngroups:\n  found:\n    - new:1  # found in f\n"),
            (
                "version: 1\ngroups:\n  found: []\n",
                "version: 1\ngroups:\n  found:\n    - new:1  # found in f\n",
            ),
            (
                "groups:\n found: # mine\n - a:1\n # end\nversion: 1\n",
                "groups:\n found: # mine\n - a:1\n - new:1  # found in f\n # end\nversion: 1\n",
            ),
            (
                "groups:\n    base:\n    - a:1\n    - ref: b:1\n      platforms: [linux/amd64,\n        linux/arm64]\nversion: 1",
                "groups:\n    base:\n    - a:1\n    - ref: b:1\n      platforms: [linux/amd64,\n        linux/arm64]\n    found:\n      - new:1  # found in f\nversion: 1",
            ),
            (
                "version: 1\ngroups:\n  a:\n    - a:1\n    - b:1",
                "version: 1\ngroups:\n  a:\n    - a:1\n    - b:1\n  found:\n    - new:1  # found in f\n",
            ),
        ] {
            assert_eq!(refreshed(old, wanted), expected, "{old}");
        }
        for old in [
            "version: 1\ngroups: {a: [b]}\n",
            "version: 1\ngroups:\n  found: [a]\n",
            "{version: 1, groups: {}}",
        ] {
            let refused = refresh_images_file("i.yaml", old.as_bytes(), &found(wanted));
            assert!(refused.is_err(), "{old}: {refused:?}");
        }
    }

    #[test]
    fn a_file_with_errors_is_not_touched() {
        let refused = refresh_images_file("i.yaml", b"version: 1\ngroups:\n  a: [B]\n", &[]).unwrap_err();
        assert!(refused.to_string().starts_with("i.yaml:3:7: "), "{refused}");
        assert!(refresh_plain("l", b"No No\n", &[]).is_err());
    }

    #[test]
    fn plain_lists_are_refreshed_alike() {
        let old = "# ours\nnginx:1.27   # by hand\ngone:1  # found in a\nstays:1 # found in a\n\nlast:1";
        let images = found(&[("nginx:1.27", &["n"]), ("stays:1", &["b"]), ("new:1", &["c"])]);
        let new = refresh_plain("l", old.as_bytes(), &images).unwrap();
        assert_eq!(
            new.text,
            "# ours\nnginx:1.27   # by hand\nstays:1 # found in b\nnew:1  # found in c\n\nlast:1"
        );
        assert_eq!((new.added, new.removed), (1, 1));
        let again = refresh_plain("l", new.text.as_bytes(), &images).unwrap();
        assert_eq!(again, Refreshed { text: new.text, added: 0, removed: 0 });
        let appended = refresh_plain("l", b"last:1", &found(&[("new:1", &["c"])])).unwrap();
        assert_eq!(appended.text, "last:1\nnew:1  # found in c\n");
    }
}
