//! `airlift login`: tries a user and a password at a registry, and stores them.

mod prompt;

use std::io::Read as _;
use std::sync::Arc;

use airlift_oci::{Host, Unobserved};
use airlift_registry::{LoginTrial, UserLogin};
use prompt::Prompt;

use crate::args::registry::RegistryArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::LoginDocument;
use crate::ui::Ui;
use crate::ui::interrupt::OnInterrupt;
use crate::ui::term::harmless;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift login registry.example.com                       asks for user and password
  airlift login docker.io -u ann
  airlift login registry.corp:5000 -u robot --password-stdin <password.txt
  airlift login registry.corp:5000 -u robot --password-stdin --auth-file robot.json <password.txt";

/// The longest password that is read.
const MAX_PASSWORD: u64 = 64 << 10;

/// Log in to a registry, and keep the login
///
/// The user and the password are tried at the registry first. If it doesn't let them in, nothing is stored.
/// They are stored where Docker and Podman store them: in the credential helper, if one is set, else in the
/// credential file with mode 0600, see docs/credentials.md. --auth-file names another file.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The registry: HOST[:PORT]; Docker Hub is docker.io
    #[arg(value_name = "HOST")]
    host: String,
    /// The user; without it, asked for on the terminal
    #[arg(short, long, value_name = "USER")]
    username: Option<String>,
    /// Read the password from standard input
    ///
    /// Up to the end of the input; a line break at its end is left out.
    #[arg(long, requires = "username")]
    password_stdin: bool,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui, on_interrupt: &OnInterrupt) -> Result<Exit, Failure> {
    let host: Host = args.host.parse().map_err(UsageError::Host)?;
    let login = tokio::task::block_in_place(|| args.login(&host, on_interrupt))?;
    let transport = args.registry.transport_without_logins(Arc::new(Unobserved))?;
    let trial = transport.try_login(&host, &login).await;
    let trial = trial.map_err(|source| Failure::Login { host: host.clone(), source })?;
    let place = args.registry.login_store().save(&host, &login).await?;
    if ui.json {
        ui.print_json(&LoginDocument::new(&host, login.user(), trial, &place))?;
        return Ok(Exit::Done);
    }
    let place = harmless(&place.to_string()).into_owned();
    let user = harmless(login.user()).into_owned();
    ui.print(&match trial {
        LoginTrial::Accepted => format!("logged in at {host} as {user}; stored in {place}\n"),
        LoginTrial::NotAsked => {
            format!("{host} asks for no login, so the password was not tried; stored in {place} for {user}\n")
        }
    })?;
    Ok(Exit::Done)
}

impl Args {
    /// The user and the password, asked for where they were not given.
    fn login(&self, host: &Host, on_interrupt: &OnInterrupt) -> Result<UserLogin, Failure> {
        let (user, password) = match (&self.username, self.password_stdin) {
            (Some(user), true) => (user.clone(), password_from_stdin()?),
            (given, _) => {
                let mut prompt = Prompt::open()?;
                let user = match given {
                    Some(user) => user.clone(),
                    None => prompt.ask(&format!("User at {host}: "))?,
                };
                let shown = harmless(&user).into_owned();
                let password =
                    prompt.ask_hidden(&format!("Password of {shown} at {host}: "), on_interrupt)?;
                (user, password)
            }
        };
        Ok(UserLogin::new(&user, &password).map_err(UsageError::Login)?)
    }
}

fn password_from_stdin() -> Result<String, Failure> {
    let mut text = String::new();
    let read = std::io::stdin().take(MAX_PASSWORD).read_to_string(&mut text);
    read.map_err(|source| Failure::File { doing: "read the password from", path: "-".into(), source })?;
    let line = text.strip_suffix('\n').unwrap_or(&text);
    Ok(line.strip_suffix('\r').unwrap_or(line).to_owned())
}
