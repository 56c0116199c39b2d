//! What the terminal can do, colours, and texts from outside made fit for it.

use std::borrow::Cow;
use std::io::{IsTerminal, Write};
use std::path::Path;

pub(crate) use airlift_oci::text::harmless;
use airlift_oci::text::message_without_passwords;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// When to use colours.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum ColorChoice {
    /// On a terminal, unless NO_COLOR is set.
    #[default]
    Auto,
    /// Always.
    Always,
    /// Never.
    Never,
}

/// What a text is, as far as its colour is concerned.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Tone {
    /// Nothing in particular.
    #[default]
    Plain,
    /// Less important.
    Dim,
    /// What the eye should find first.
    Bold,
    /// It is well.
    Good,
    /// It is odd.
    Odd,
    /// It is bad.
    Bad,
    /// A name.
    Name,
}

/// One output stream, as far as it concerns how things look there.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stream {
    /// Whether a person looks at it directly.
    pub(crate) is_terminal: bool,
    /// Columns; `None` where lines should never be wrapped.
    pub(crate) width: Option<usize>,
    /// The colours.
    pub(crate) paint: Paint,
}

impl Stream {
    /// Standard output.
    pub(crate) fn stdout(color: ColorChoice) -> Self {
        Self::of(&std::io::stdout(), color)
    }

    /// Standard error.
    pub(crate) fn stderr(color: ColorChoice) -> Self {
        Self::of(&std::io::stderr(), color)
    }

    fn of(stream: &(impl IsTerminal + std::os::fd::AsFd), color: ColorChoice) -> Self {
        let is_terminal = stream.is_terminal();
        let columns = || rustix::termios::tcgetwinsize(stream).ok().map(|size| usize::from(size.ws_col));
        let width = is_terminal.then(|| columns().filter(|columns| *columns >= 20).unwrap_or(80));
        let set = |name: &str| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let coloured = match color {
            ColorChoice::Always => true,
            ColorChoice::Never => false,
            ColorChoice::Auto => is_terminal && !dumb && !set("NO_COLOR"),
        };
        Stream { is_terminal, width, paint: Paint { coloured } }
    }
}

/// Whether output to standard output is lost, because the caller closed it: Rust then opens `/dev/null` in
/// its place, for reading and writing.
///
/// Some callers open it like this themselves to discard output. So only a command whose output is never
/// discarded should ask, such as `build -o -`.
pub(crate) fn stdout_leads_nowhere() -> bool {
    let stdout = std::io::stdout();
    let both_ways =
        rustix::fs::fcntl_getfl(&stdout).is_ok_and(|flags| flags.contains(rustix::fs::OFlags::RDWR));
    let device =
        |found: rustix::io::Result<rustix::fs::Stat>| found.ok().map(|stat| (stat.st_mode, stat.st_rdev));
    let null = device(rustix::fs::stat("/dev/null"));
    both_ways && null.is_some() && device(rustix::fs::fstat(&stdout)) == null
}

/// A part of an error or a warning, fit for a terminal and for a log: with control characters escaped, and
/// without the passwords that people put in front of hosts, also where a file is wanted.
pub(crate) fn message(text: &str) -> String {
    harmless(&message_without_passwords(text)).into_owned()
}

/// Writes to standard error. A failure is ignored: it could be reported nowhere else.
pub(crate) fn to_stderr(text: &str) {
    let mut stderr = std::io::stderr().lock();
    let _ = stderr.write_all(text.as_bytes());
    let _ = stderr.flush();
}

/// Colours texts, or leaves them alone.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Paint {
    pub(crate) coloured: bool,
}

impl Paint {
    /// `text` in the colour of `tone`.
    pub(crate) fn tone<'a>(self, tone: Tone, text: &'a str) -> Cow<'a, str> {
        let code = match tone {
            _ if !self.coloured || text.is_empty() => return Cow::Borrowed(text),
            Tone::Plain => return Cow::Borrowed(text),
            Tone::Dim => "2",
            Tone::Bold => "1",
            Tone::Good => "32",
            Tone::Odd => "33",
            Tone::Bad => "1;31",
            Tone::Name => "36",
        };
        Cow::Owned(format!("\x1b[{code}m{text}\x1b[0m"))
    }
}

/// A path with control characters escaped, as it may be printed.
pub(crate) fn shown(path: &Path) -> String {
    harmless(&path.display().to_string()).into_owned()
}

/// How many columns a text takes.
pub(crate) fn columns(text: &str) -> usize {
    text.width()
}

/// The end of a text, if all of it doesn't fit. Labels of blobs differ at their ends.
pub(crate) fn keep_end(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut start = text.len();
    for (position, _) in text.char_indices().rev() {
        if columns(&text[position..]) + 1 > width {
            break;
        }
        start = position;
    }
    format!("…{}", &text[start..])
}

/// The start of a text, if all of it doesn't fit.
pub(crate) fn keep_start(text: &str, width: usize) -> String {
    if columns(text) <= width {
        return text.to_owned();
    }
    let mut taken = 1;
    let fits = |c: &char| {
        taken += c.width().unwrap_or(0);
        taken <= width
    };
    let start: String = text.chars().take_while(fits).collect();
    format!("{start}…")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_from_outside_reaches_the_terminal_as_a_command() {
        assert_eq!(harmless("it's \"fine\" → ä"), "it's \"fine\" → ä");
        assert_eq!(harmless("a\x1b[2Jb\r\n\u{202e}c"), "a\\u{1b}[2Jb\\r\\n\\u{202e}c");
    }

    #[test]
    fn long_labels_lose_their_start() {
        assert_eq!(keep_end("nginx:1.27 linux/amd64 layer 3", 40), "nginx:1.27 linux/amd64 layer 3");
        let cut = keep_end("registry.example.com/nginx:1.27 linux/amd64 layer 3", 20);
        assert_eq!((cut.as_str(), columns(&cut)), ("…linux/amd64 layer 3", 20));
    }

    #[test]
    fn long_texts_lose_their_end() {
        assert_eq!(keep_start("RUN make", 8), "RUN make");
        assert_eq!(keep_start("RUN make all", 8), "RUN mak…");
        assert_eq!(columns(&keep_start("日本語日本語", 8)), 7);
    }

    #[test]
    fn colours_only_where_wanted() {
        assert_eq!(Paint { coloured: false }.tone(Tone::Bad, "x"), "x");
        assert_eq!(Paint { coloured: true }.tone(Tone::Bad, "x"), "\x1b[1;31mx\x1b[0m");
    }
}
