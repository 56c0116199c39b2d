//! The wall-clock ratios as bars, for the README.

use std::fmt::Write;

use crate::figures::Figures;
use crate::measure::Outcome;

const WIDTH: u32 = 760;
const NAMES: u32 = 250;
const ROW: u32 = 22;
const GAP: u32 = 14;
/// What a bar over all of the room stands for, in times of our own time.
const MOST: f64 = 4.0;

/// A chart: for each work, how many times as long as Airlift each peer takes.
pub(crate) fn svg(figures: &Figures) -> String {
    let height =
        figures.outcomes.iter().map(|outcome| rows(outcome) * ROW + ROW + GAP).sum::<u32>() + 2 * GAP + ROW;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{WIDTH}\" height=\"{height}\" viewBox=\"0 0 {WIDTH} {height}\" \
         font-family=\"system-ui, sans-serif\" font-size=\"13\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#ffffff\"/>\n\
         <text x=\"{GAP}\" y=\"{}\" fill=\"#57606a\">Time on the clock, as a multiple of Airlift's. Longer is slower.</text>\n",
        GAP + 10
    );
    let mut y = 2 * GAP + ROW / 2;
    for outcome in &figures.outcomes {
        y += ROW;
        text(&mut out, GAP, y - 6, "#1f2328", "bold", &format!("{}: {}", outcome.work, outcome.about));
        let (_, ours) = &outcome.contenders[0];
        for (position, (name, took)) in outcome.contenders.iter().enumerate() {
            bar(&mut out, y, name, took.wall / ours.wall, position == 0);
            y += ROW;
        }
        y += GAP;
    }
    out.push_str("</svg>\n");
    out
}

fn rows(outcome: &Outcome) -> u32 {
    u32::try_from(outcome.contenders.len()).unwrap_or(u32::MAX)
}

fn bar(out: &mut String, y: u32, name: &str, times: f64, is_ours: bool) {
    let room = f64::from(WIDTH - NAMES - 70);
    let width = (times.min(MOST) / MOST * room).max(1.0);
    let colour = if is_ours { "#0969da" } else { "#afb8c1" };
    text(out, GAP, y + 15, "#1f2328", "normal", name);
    let _ = writeln!(
        out,
        "<rect x=\"{NAMES}\" y=\"{}\" width=\"{width:.1}\" height=\"{}\" rx=\"2\" fill=\"{colour}\"/>",
        y + 3,
        ROW - 6
    );
    let more = if times > MOST { "… " } else { "" };
    let x = NAMES + width as u32 + 6;
    text(out, x, y + 15, "#57606a", "normal", &format!("{more}{times:.2}"));
}

fn text(out: &mut String, x: u32, y: u32, colour: &str, weight: &str, words: &str) {
    let words = words.replace('&', "&amp;").replace('<', "&lt;");
    let _ =
        writeln!(out, "<text x=\"{x}\" y=\"{y}\" fill=\"{colour}\" font-weight=\"{weight}\">{words}</text>");
}
