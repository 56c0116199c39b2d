//! `airlift logout`: erases the logins for a registry.

use airlift_oci::Host;

use crate::args::registry::RegistryArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::LogoutDocument;
use crate::ui::Ui;
use crate::ui::term::harmless;
use crate::usage_error::UsageError;

const EXAMPLES: &str = "\
Examples:
  airlift logout registry.example.com
  airlift logout docker.io --auth-file robot.json";

/// Forget the login for a registry
///
/// Erases it from all credential files and helpers that build and push read, see docs/credentials.md; with
/// --auth-file, from that file and the helper that it names. Logins for single namespaces of the registry
/// stay.
#[derive(Debug, clap::Args)]
#[command(after_long_help = EXAMPLES)]
pub(crate) struct Args {
    /// The registry: HOST[:PORT]; Docker Hub is docker.io
    #[arg(value_name = "HOST")]
    host: String,
    #[command(flatten)]
    registry: RegistryArgs,
}

pub(crate) async fn run(args: Args, ui: &Ui) -> Result<Exit, Failure> {
    let host: Host = args.host.parse().map_err(UsageError::Host)?;
    let places = args.registry.login_store().erase(&host).await?;
    if ui.json {
        ui.print_json(&LogoutDocument::new(&host, &places))?;
        return Ok(Exit::Done);
    }
    let mut text = String::new();
    for place in &places {
        text.push_str(&format!("erased the login for {host} from {}\n", harmless(&place.to_string())));
    }
    if places.is_empty() {
        text = format!("there was no login for {host}\n");
    }
    ui.print(&text)?;
    Ok(Exit::Done)
}
