//! The `airlift` command: arguments, what is printed, progress and exit codes.
//!
//! This crate is a library for one reason: tests compare the schemas with the types of the documents.
//! Everything but [`main`] and [`output`] is private. This crate knows nothing of formats, registries or
//! hashing.

mod args;
mod asked;
mod cli;
mod clock;
mod commands;
mod config;
mod editing;
mod exit;
mod failure;
mod files;
mod hint;
mod locks;
pub mod output;
mod planning;
mod pushing;
mod runtime;
mod sets;
mod ui;
mod usage_error;

use std::error::Error;
use std::io::Write;
use std::process::ExitCode;

use airlift_lists::ListError;
use airlift_oci::text::without_password;
use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{CommandFactory, Parser};
use cli::{Cli, Command};
use commands::{
    build, check, completions, copy, demo, diff, images, inspect, lock, login, logout, pin, prune, push,
    unpin, verify,
};
use exit::Exit;
use failure::Failure;
use ui::Ui;
use ui::interrupt::{self, OnInterrupt};
use ui::term::{ColorChoice, Paint, Stream, Tone, harmless, message, to_stderr};

/// Runs the command that the process was started with.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return print_parsed(error),
    };
    let ui = Ui::new(&cli.global);
    ui::log::start(&ui);
    let exit = match start(cli.command, &ui) {
        Ok(exit) => exit,
        Err(failure) => {
            ui.progress().close();
            if failure.is_broken_pipe() {
                ui.note(failure.of_broken_pipe());
            } else {
                to_stderr(&error_text(&failure, ui.err.paint));
            }
            failure.exit()
        }
    };
    ExitCode::from(exit as u8)
}

/// Prints help, the version, or an error of the arguments: clap has made a text of each.
fn print_parsed(error: clap::Error) -> ExitCode {
    let error = escaped(error);
    let exit = match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => Exit::Done,
        _ => Exit::Usage,
    };
    match error.print().and_then(|()| std::io::stdout().flush()) {
        Ok(()) => ExitCode::from(exit as u8),
        Err(error) => {
            let failure = Failure::Stdout(error);
            if !failure.is_broken_pipe() {
                to_stderr(&error_text(&failure, Stream::stderr(ColorChoice::Auto).paint));
            }
            ExitCode::from(failure.exit() as u8)
        }
    }
}

/// The same error, fit to be shown: without the passwords that people put in front of hosts, and with control
/// characters in the arguments escaped.
fn escaped(mut error: clap::Error) -> clap::Error {
    let harmless = |text: &str| harmless(&without_password(text)).into_owned();
    let spelt = |(kind, value): (ContextKind, &ContextValue)| match value {
        ContextValue::String(text) => Some((kind, ContextValue::String(harmless(text)))),
        ContextValue::Strings(texts) => {
            let texts = texts.iter().map(|text| harmless(text));
            Some((kind, ContextValue::Strings(texts.collect())))
        }
        _ => None,
    };
    let spelt: Vec<_> = error.context().filter_map(spelt).collect();
    for (kind, value) in spelt {
        error.insert(kind, value);
    }
    error
}

fn start(command: Command, ui: &Ui) -> Result<Exit, Failure> {
    let runtime = runtime::start().map_err(Failure::Start)?;
    let exit = runtime.block_on(async {
        let on_interrupt = OnInterrupt::default();
        tokio::spawn(interrupt::watch(ui.clone(), on_interrupt.clone()));
        match command {
            Command::Build(args) => build::run(args, ui, &on_interrupt).await,
            Command::Lock(args) => lock::run(args, ui).await,
            Command::Images(args) => images::run(&args, ui),
            Command::Pin(args) => pin::run(&args, ui, &on_interrupt),
            Command::Unpin(args) => unpin::run(&args, ui, &on_interrupt),
            Command::Check(args) => check::run(args, ui, &on_interrupt).await,
            Command::Verify(args) => verify::run(&args, ui),
            Command::Push(args) => push::run(args, ui, &on_interrupt).await,
            Command::Copy(args) => copy::run(args, ui, &on_interrupt).await,
            Command::Diff(args) => diff::run(&args, ui),
            Command::Prune(args) => prune::run(args, ui, &on_interrupt).await,
            Command::Inspect(args) => inspect::run(&args, ui),
            Command::Login(args) => login::run(args, ui, &on_interrupt).await,
            Command::Logout(args) => logout::run(args, ui).await,
            Command::Demo(args) => demo::run(args, ui, &on_interrupt).await,
            Command::Completions(args) => completions::run(&args, Cli::command(), ui),
        }
    });
    // Tasks that still run, such as a read that hangs, are not waited for.
    runtime.shutdown_background();
    exit
}

/// Messages of the HTTP libraries that say nothing by themselves: their causes do.
const PREAMBLES: [&str; 3] = ["error sending request", "client error (Connect)", "tcp connect error"];

/// The lines of a file that an error is about; they hold nothing that terminals obey.
fn indented(excerpt: Option<String>, by: &str) -> String {
    excerpt.iter().flat_map(|excerpt| excerpt.lines()).map(|line| format!("{by}{line}\n")).collect()
}

/// The error with all its causes, a line each, and what to do next.
fn error_text(failure: &Failure, paint: Paint) -> String {
    let mut text =
        format!("airlift: {}: {}\n", paint.tone(Tone::Bad, "error"), message(&failure.to_string()));
    text.push_str(&indented(failure.place().map(ListError::excerpt), "    "));
    for part in failure.parts() {
        text.push_str(&format!("  {} {}\n", paint.tone(Tone::Dim, "-"), message(&part.text)));
        text.push_str(&indented(part.excerpt, "      "));
    }
    let mut cause = failure.source();
    while let Some(error) = cause {
        let cause_text = error.to_string();
        if !PREAMBLES.contains(&cause_text.as_str()) {
            text.push_str(&format!("  {} {}\n", paint.tone(Tone::Dim, "caused by:"), message(&cause_text)));
        }
        cause = error.source();
    }
    if let Some(hint) = hint::of_failure(failure) {
        text.push_str(&format!("  {} {}\n", paint.tone(Tone::Name, "hint:"), message(&hint)));
    }
    text
}
