//! The configurations of images, for people: what a container starts, and how the image was made.
//!
//! Most settings are the same for all platforms of an image, so each text is printed once, with the names of
//! its platforms.

use crate::output::{InspectDocument, InspectedConfig, InspectedManifest, InspectedStep};
use crate::ui::facts;
use crate::ui::term::{Stream, Tone, harmless, keep_start};

/// Columns of a line where no terminal says how wide it is.
const WIDTH: usize = 160;
/// More labels or steps than this are only counted.
const MOST: usize = 100;
/// The columns before the instruction of a step.
const BEFORE_STEP: usize = 12;
/// The columns before a value.
const BEFORE_VALUE: usize = 16;

/// What is said of a configuration apart from its settings and steps.
struct Labelled {
    /// The label of its manifest.
    label: String,
    created: Option<String>,
    /// How many labels it has.
    labels: usize,
}

/// Configurations that say the same, in the order in which they are first met. A configuration itself is not
/// kept: a thousand manifests may have one of 4 MiB.
type Groups<T> = Vec<(Vec<Labelled>, T)>;

/// The configurations of all manifests of the document, each text once.
pub(super) fn render(document: InspectDocument<'_>, stream: &Stream) -> String {
    let (mut of_settings, mut of_steps) = (Groups::new(), Groups::new());
    let mut add = |label: &str, config: &InspectedConfig| {
        let labelled = || Labelled {
            label: label.to_owned(),
            created: config.created.clone(),
            labels: config.labels.len(),
        };
        add_to(&mut of_settings, settings(config), labelled());
        add_to(&mut of_steps, steps(&config.history, stream), labelled());
    };
    for image in document.images.iter() {
        gather(&image.manifest, &mut add);
    }
    if let Some(manifest) = &document.manifest {
        gather(manifest, &mut add);
    }
    let mut text = String::new();
    for (group, lines) in of_settings {
        text.push_str(&head("configuration", &group, stream));
        text.push_str(&with_times(&group, lines, stream));
    }
    for (group, steps) in of_steps {
        if !steps.is_empty() {
            text.push_str(&head("history", &group, stream));
            text.push_str(&steps);
        }
    }
    text
}

/// All configurations below a manifest, with its label.
fn gather(manifest: &InspectedManifest<'_>, add: &mut dyn FnMut(&str, &InspectedConfig)) {
    manifest.config.iter().for_each(|config| add(&manifest.label, config));
    manifest.manifests.iter().for_each(|child| gather(&child, add));
}

/// Adds a configuration to the group that says the same.
fn add_to<T: PartialEq>(groups: &mut Groups<T>, said: T, labelled: Labelled) {
    match groups.iter_mut().find(|(_, known)| *known == said) {
        Some((group, _)) => group.push(labelled),
        None => groups.push((vec![labelled], said)),
    }
}

fn head(what: &str, group: &[Labelled], stream: &Stream) -> String {
    let labels: Vec<&str> = group.iter().map(|labelled| labelled.label.as_str()).collect();
    let head = format!("{what} of {}", harmless(&labels.join(", ")));
    format!("\n{}\n", stream.paint.tone(Tone::Bold, &head))
}

/// The settings, and when the images that have them were made: mostly, each platform at another time.
fn with_times(group: &[Labelled], mut lines: Vec<(&'static str, String)>, stream: &Stream) -> String {
    let mut times: Vec<&str> = group.iter().filter_map(|labelled| labelled.created.as_deref()).collect();
    times.dedup();
    if !times.is_empty() {
        lines.insert(0, ("created", times.join(", ")));
    }
    let width = width(stream).saturating_sub(BEFORE_VALUE);
    for (_, value) in &mut lines {
        *value = keep_start(&harmless(value), width);
    }
    facts(stream.paint, &lines) + &more(group.first().map_or(0, |labelled| labelled.labels), "label")
}

/// What a container is started with.
fn settings(config: &InspectedConfig) -> Vec<(&'static str, String)> {
    let command = |words: &[String]| words.iter().map(|word| quoted(word)).collect::<Vec<_>>().join(" ");
    let env = match config.env_names.len() {
        0 => String::new(),
        _ => format!("{} (values are not shown)", config.env_names.join(", ")),
    };
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let mut lines = vec![
        ("author", text(&config.author)),
        ("entrypoint", command(&config.entrypoint)),
        ("cmd", command(&config.cmd)),
        ("user", config.user.clone().unwrap_or("root (none is set)".to_owned())),
        ("working dir", text(&config.working_dir)),
        ("env", env),
        ("ports", config.exposed_ports.join(", ")),
        ("stop signal", text(&config.stop_signal)),
    ];
    lines.extend(config.labels.iter().take(MOST).map(|(name, value)| ("label", format!("{name}={value}"))));
    lines.retain(|(_, value)| !value.is_empty());
    lines
}

/// The steps of a build, a line each, with the layer that each added.
fn steps(history: &[InspectedStep], stream: &Stream) -> String {
    let width = width(stream).saturating_sub(BEFORE_STEP);
    let mut layers = 0;
    let mut text = String::new();
    for step in history.iter().take(MOST) {
        layers += usize::from(!step.empty_layer);
        let layer = if step.empty_layer { String::new() } else { format!("layer {layers}") };
        let instruction = instruction(step.created_by.as_deref().unwrap_or("(no instruction is recorded)"));
        let layer = format!("{layer:BEFORE_STEP$}");
        text.push_str(&format!(
            "{}{}\n",
            stream.paint.tone(Tone::Dim, &layer),
            keep_start(&harmless(&instruction), width)
        ));
    }
    text + &more(history.len(), "step")
}

/// An instruction on one line, without what Docker's old builder writes before all that runs no command.
fn instruction(text: &str) -> String {
    let bare = text.strip_prefix("/bin/sh -c #(nop)").unwrap_or(text);
    bare.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// A word of a command, in quotes where it is not plain.
fn quoted(word: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_./:=,@%+".contains(c);
    match !word.is_empty() && word.chars().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', "'\\''")),
    }
}

fn more(count: usize, what: &str) -> String {
    match count.checked_sub(MOST) {
        None | Some(0) => String::new(),
        Some(more) => {
            format!("and {} (--json has all)\n", crate::ui::size::count(more, &format!("more {what}")))
        }
    }
}

fn width(stream: &Stream) -> usize {
    stream.width.unwrap_or(WIDTH)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instructions_are_one_line_without_what_is_no_instruction() {
        assert_eq!(instruction("/bin/sh -c #(nop)  CMD [\"nginx\"]"), "CMD [\"nginx\"]");
        assert_eq!(instruction("RUN set -x \t&& make\n"), "RUN set -x && make");
    }

    #[test]
    fn words_of_commands_keep_their_limits() {
        assert_eq!(quoted("daemon off;"), "'daemon off;'");
        assert_eq!(quoted("/entry.sh"), "/entry.sh");
        assert_eq!(quoted("it's"), "'it'\\''s'");
        assert_eq!(quoted(""), "''");
    }
}
