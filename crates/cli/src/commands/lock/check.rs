//! `airlift lock --check`: is a lock that of its lists? No registry is asked.

use std::path::Path;

use airlift_lists::lock::{Difference, Lock, compare};

use super::show;
use crate::asked::wishes::Wishes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::LockCheckDocument;
use crate::ui::Ui;

pub(super) fn run(path: &Path, wishes: &Wishes, lock: &Lock, ui: &Ui) -> Result<Exit, Failure> {
    let entries: Vec<_> = wishes.entries.iter().map(|asked| asked.entry.clone()).collect();
    let differences = compare(&entries, lock).map_err(|twice| wishes.asked_twice(twice))?;
    let text = |difference: &Difference| match difference {
        Difference::Missing { entry, .. } => {
            let place = wishes.entries.get(*entry).and_then(|asked| asked.place.as_deref());
            place.map_or(difference.to_string(), |place| format!("{difference} ({place})"))
        }
        _ => difference.to_string(),
    };
    let texts: Vec<String> = differences.iter().map(text).collect();
    if ui.json {
        ui.print_json(&LockCheckDocument::new(path, &differences, &texts))?;
    } else {
        ui.print(&show::check(path, &texts, ui.out.paint))?;
    }
    Ok(if differences.is_empty() { Exit::Done } else { Exit::No })
}
