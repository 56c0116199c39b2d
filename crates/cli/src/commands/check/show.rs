//! The texts of `airlift check`.

use airlift_checker::{CheckedImage, State};
use airlift_oci::text::with_causes;
use airlift_oci::{Digest, reference};

use super::places::PlacedSubject;
use crate::hint;
use crate::ui::size;
use crate::ui::table::{Cell, Column, Table};
use crate::ui::term::{Stream, Tone, harmless};

/// So many missing parts of an image are shown, unless more detail is asked for.
const SHOWN: usize = 5;
/// So many different hints are given for one state: images fail for different reasons.
const MOST_HINTS: usize = 5;
/// The states in the order in which they are shown.
const ORDER: [State; 5] = [State::Lost, State::Damaged, State::Incomplete, State::Drift, State::Unreachable];

/// A row for each image that is not whole, with what is wrong; then how many there are of each state.
pub(super) fn result(checked: &[(PlacedSubject, CheckedImage)], verbosity: u8, stream: &Stream) -> String {
    let mut table = Table::new([("state", Column::Word), ("image", Column::Text), ("digest", Column::Text)]);
    let mut last_error = String::new();
    for state in ORDER {
        for (asked, image) in checked.iter().filter(|(_, image)| image.state == state) {
            table.row([
                Cell::new(tone(state), state.to_string()),
                Cell::new(Tone::Name, reference::familiar(&asked.subject.name)),
                digests(image).into(),
            ]);
            add_details(&mut table, asked, image, verbosity, &mut last_error);
        }
    }
    let is_bad = checked.iter().any(|(_, image)| image.state != State::Ok);
    let rows = if is_bad { table.render(stream) + "\n" } else { String::new() };
    format!("{rows}{}{}", summary(checked, stream), advice(checked, stream))
}

/// The lines below a row.
fn add_details(
    table: &mut Table,
    asked: &PlacedSubject,
    image: &CheckedImage,
    verbosity: u8,
    last_error: &mut String,
) {
    let mut line = |text: String| table.across([Cell::new(Tone::Plain, format!("  {}", harmless(&text)))]);
    if let Some(target) = &asked.target {
        line(format!("asked for as {target}"));
    }
    if image.state == State::Drift && image.tag_digest.is_none() {
        line("its tag is gone; its digest is there".to_owned());
    }
    let parts = image.missing.iter().map(|part| ("missing", part));
    let parts = parts.chain(image.damaged.iter().map(|part| ("other bytes", part)));
    let limit = if verbosity > 0 { usize::MAX } else { SHOWN };
    parts
        .clone()
        .take(limit)
        .for_each(|(what, part)| line(format!("{what}: {} {}", part.place, part.digest)));
    let more = parts.count().saturating_sub(limit);
    if more > 0 {
        line(format!("and {more} more; -v shows all"));
    }
    if let Some(error) = &image.error {
        let text = with_causes(error);
        if text == *last_error {
            line("for the same reason".to_owned());
        } else {
            line(text.clone());
            *last_error = text;
        }
    }
}

/// What should be there, and what the tag stands for instead.
fn digests(image: &CheckedImage) -> String {
    match (&image.digest, &image.tag_digest) {
        (Some(digest), Some(now)) => format!("{} → {}", short(digest), short(now)),
        (Some(digest), None) => short(digest),
        (None, _) => String::new(),
    }
}

fn summary(checked: &[(PlacedSubject, CheckedImage)], stream: &Stream) -> String {
    let count = |state: State| checked.iter().filter(|(_, image)| image.state == state).count();
    let ok = count(State::Ok);
    let all = size::count(checked.len(), "image");
    let verdict = if ok == checked.len() { Tone::Good } else { Tone::Bad };
    let mut parts = vec![stream.paint.tone(verdict, &format!("{ok} ok")).into_owned()];
    let others = ORDER.into_iter().map(|state| (state, count(state))).filter(|(_, count)| *count > 0);
    parts.extend(others.map(|(state, count)| format!("{count} {state}")));
    format!("{all}: {}\n", parts.join(", "))
}

/// The hints for each state that there is, each once.
fn advice(checked: &[(PlacedSubject, CheckedImage)], stream: &Stream) -> String {
    let mut text = String::new();
    for state in ORDER {
        let images = checked.iter().filter(|(_, image)| image.state == state);
        let mut hints: Vec<String> = Vec::new();
        for hint in images.filter_map(|(placed, image)| hint::of_checked(image, placed.at)) {
            if hints.len() < MOST_HINTS && !hints.contains(&hint) {
                hints.push(hint);
            }
        }
        for hint in hints {
            let label = stream.paint.tone(Tone::Name, "hint:");
            text.push_str(&format!("{label} {state}: {}\n", harmless(&hint)));
        }
    }
    text
}

fn tone(state: State) -> Tone {
    match state {
        State::Ok => Tone::Good,
        State::Drift | State::Unreachable => Tone::Odd,
        State::Lost | State::Incomplete | State::Damaged => Tone::Bad,
    }
}

fn short(digest: &Digest) -> String {
    format!("{}:{}", digest.algorithm(), digest.short())
}
