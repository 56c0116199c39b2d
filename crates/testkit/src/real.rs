//! Real registries, each in a temporary folder on a port that the system chose.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;

use crate::http::Endpoint;
use crate::process::Daemon;
use crate::tool::tool;

/// Which registry it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Distribution2,
    Distribution3,
    Crane,
    WithReferrers,
}

/// A registry that is to be started.
#[derive(Clone, Debug)]
pub struct RegistryBuilder {
    kind: Kind,
    password: Option<(String, String)>,
    tls: bool,
    deletion: bool,
    config: String,
}

/// A running registry. Dropping it ends it and removes what it stored.
pub struct RealRegistry {
    endpoint: Endpoint,
    ca_file: Option<PathBuf>,
    // In this order: the process ends before its folder goes.
    daemon: Daemon,
    folder: TempDir,
}

impl RealRegistry {
    /// Debian's docker-registry (Distribution 2.8): the strict majority, without a referrers API.
    pub fn debian() -> RegistryBuilder {
        RegistryBuilder::new(Kind::Distribution2)
    }

    /// Distribution v3, which can be configured to accept sparse indexes (see
    /// [`RegistryBuilder::with_config`]).
    pub fn distribution_v3() -> RegistryBuilder {
        RegistryBuilder::new(Kind::Distribution3)
    }

    /// The registry within go-containerregistry's crane.
    pub fn crane() -> RegistryBuilder {
        RegistryBuilder::new(Kind::Crane)
    }

    /// go-containerregistry's registry with the referrers API switched on (`tests/tools/referrers-registry`).
    pub fn with_referrers() -> RegistryBuilder {
        RegistryBuilder::new(Kind::WithReferrers)
    }

    /// `127.0.0.1:PORT`, as it stands before the first `/` of a reference.
    pub fn authority(&self) -> &str {
        self.endpoint.authority()
    }

    /// How to talk to it, its certificate and password included.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// The certificate of a registry [with TLS](RegistryBuilder::with_tls), as PEM; nothing else trusts it.
    pub fn ca_file(&self) -> Option<&Path> {
        self.ca_file.as_deref()
    }

    /// Where it keeps its configuration and, in `data`, its content.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}

impl RegistryBuilder {
    fn new(kind: Kind) -> Self {
        RegistryBuilder { kind, password: None, tls: false, deletion: true, config: String::new() }
    }

    fn is_distribution(&self) -> bool {
        matches!(self.kind, Kind::Distribution2 | Kind::Distribution3)
    }

    /// Requires this login for every request. Only for Distribution.
    pub fn with_password(mut self, user: &str, password: &str) -> Self {
        assert!(self.is_distribution(), "go-containerregistry's registry knows no passwords");
        self.password = Some((user.to_owned(), password.to_owned()));
        self
    }

    /// Speaks TLS with a certificate of its own for 127.0.0.1 and localhost. Only for Distribution.
    pub fn with_tls(mut self) -> Self {
        assert!(self.is_distribution(), "go-containerregistry's registry is started without TLS here");
        self.tls = true;
        self
    }

    /// Switches deletion off. Only for Distribution.
    pub fn without_deletion(mut self) -> Self {
        assert!(self.is_distribution(), "only Distribution has a switch");
        self.deletion = false;
        self
    }

    /// Adds top-level YAML to the configuration, such as
    /// `validation: {manifests: {indexes: {platforms: none}}}`. Only for Distribution.
    pub fn with_config(mut self, yaml: &str) -> Self {
        assert!(self.is_distribution(), "go-containerregistry's registry has no configuration");
        writeln!(self.config, "{yaml}").expect("a String takes everything");
        self
    }

    /// Starts it, and returns when it answers. `None` where it is not installed (see [`tool`]).
    pub fn start(self) -> Option<RealRegistry> {
        let program = tool(match self.kind {
            Kind::Distribution2 => "docker-registry",
            Kind::Distribution3 => "registry",
            Kind::Crane => "crane",
            Kind::WithReferrers => "referrers-registry",
        })?;
        let folder =
            tempfile::Builder::new().prefix("registry-").tempdir().expect("a temporary folder can be made");
        let ca_file = self.tls.then(|| write_certificate(folder.path()));
        if let Some((user, password)) = &self.password {
            write_password(folder.path(), user, password)?;
        }
        let mut command = Command::new(program);
        command.current_dir(folder.path()).env("OTEL_TRACES_EXPORTER", "none");
        match self.kind {
            Kind::Crane => {
                command.args(["registry", "serve", "--address", "127.0.0.1:0"]);
            }
            Kind::WithReferrers => {}
            Kind::Distribution2 | Kind::Distribution3 => {
                std::fs::write(folder.path().join("config.yml"), self.yaml(folder.path()))
                    .expect("its folder takes files");
                command.args(["serve", "config.yml"]);
            }
        }
        let (daemon, port) = Daemon::start(&mut command, port_in);
        let endpoint = self.endpoint(port, ca_file.as_deref());
        endpoint.request("GET", "/v2/", &[], b"").expect_status(200);
        Some(RealRegistry { endpoint, ca_file, daemon, folder })
    }

    fn endpoint(&self, port: u16, ca_file: Option<&Path>) -> Endpoint {
        let mut endpoint = Endpoint::new(format!("127.0.0.1:{port}"));
        if let Some(file) = ca_file {
            endpoint = endpoint.with_ca(file);
        }
        match &self.password {
            Some((user, password)) => endpoint.with_password(user, password),
            None => endpoint,
        }
    }

    fn yaml(&self, folder: &Path) -> String {
        let data = folder.join("data");
        let mut yaml = format!(
            "version: 0.1\n\
             log: {{level: info, accesslog: {{disabled: true}}}}\n\
             storage: {{filesystem: {{rootdirectory: '{}'}}, delete: {{enabled: {}}}}}\n\
             http:\n  addr: 127.0.0.1:0\n  secret: testing\n",
            data.display(),
            self.deletion
        );
        if self.tls {
            yaml.push_str("  tls: {certificate: cert.pem, key: key.pem}\n");
        }
        if self.password.is_some() {
            yaml.push_str("auth: {htpasswd: {realm: testing, path: htpasswd}}\n");
        }
        yaml + &self.config
    }
}

/// The port in `listening on 127.0.0.1:42287, tls` (Distribution, the one with referrers) or `serving on port
/// 42287` (crane).
fn port_in(line: &str) -> Option<u16> {
    let (_, rest) = line.split_once("listening on ").or_else(|| line.split_once("serving on port "))?;
    let end = rest.find(|c: char| c != '.' && c != ':' && !c.is_ascii_digit()).unwrap_or(rest.len());
    rest[..end].rsplit(':').next()?.parse().ok()
}

fn write_certificate(folder: &Path) -> PathBuf {
    let names = vec!["127.0.0.1".to_owned(), "localhost".to_owned()];
    let made = rcgen::generate_simple_self_signed(names).expect("a certificate can be made");
    let path = folder.join("cert.pem");
    std::fs::write(&path, made.cert.pem()).expect("its folder takes files");
    std::fs::write(folder.join("key.pem"), made.signing_key.serialize_pem()).expect("its folder takes files");
    path
}

/// Distribution takes bcrypt only; the lowest cost is what tests need.
fn write_password(folder: &Path, user: &str, password: &str) -> Option<()> {
    let made = Command::new(tool("htpasswd")?).args(["-nbBC", "4", user, password]).output();
    let made = made.expect("htpasswd runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    std::fs::write(folder.join("htpasswd"), made.stdout).expect("its folder takes files");
    Some(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_the_port_from_what_they_print() {
        assert_eq!(
            port_in("level=info msg=\"listening on 127.0.0.1:42287\" go.version=go1.19.8"),
            Some(42287)
        );
        assert_eq!(port_in("level=info msg=\"listening on 127.0.0.1:9, tls\" version=2.8.2"), Some(9));
        assert_eq!(port_in("2026/11/21 10:16:48 serving on port 36111"), Some(36111));
        assert_eq!(port_in("level=info msg=\"redis not configured\""), None);
    }
}
