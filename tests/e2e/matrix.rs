//! Kinds of content × registries: what is taken, what is refused, and what Airlift says. `docs/registries.md`
//! has the table.
//!
//! `UPDATE_DOCS=1 cargo test -p airlift --test e2e matrix` writes it anew.

mod kinds;

use std::path::PathBuf;

use airlift_server::{Indexes, Options, Referrers};
use airlift_testkit::http::Endpoint;
use airlift_testkit::real::RealRegistry;
use airlift_testkit::tool::workspace_root;

use crate::airlift::{Airlift, Ran};
use crate::made::Embedded;
use kinds::{Kind, kinds};

const START: &str = "<!-- The matrix test writes from here (UPDATE_DOCS=1) -->\n";
const END: &str = "<!-- to here. -->\n";

/// A registry of the table.
enum Registry {
    Real(RealRegistry),
    Own(Embedded),
}

impl Registry {
    fn endpoint(&self) -> &Endpoint {
        match self {
            Registry::Real(registry) => registry.endpoint(),
            Registry::Own(registry) => registry.endpoint(),
        }
    }
}

/// All columns, or `None` where a registry isn't installed.
fn registries() -> Option<Vec<(&'static str, Registry)>> {
    let lenient = "validation: {manifests: {indexes: {platforms: none}}}";
    let own = |referrers, indexes| {
        Registry::Own(Embedded::start(Options { referrers, indexes, ..Options::default() }))
    };
    Some(vec![
        ("Distribution 2.8", Registry::Real(RealRegistry::debian().start()?)),
        ("Distribution 3", Registry::Real(RealRegistry::distribution_v3().start()?)),
        (
            "Distribution 3, `platforms: none`",
            Registry::Real(RealRegistry::distribution_v3().with_config(lenient).start()?),
        ),
        ("go-containerregistry", Registry::Real(RealRegistry::crane().start()?)),
        ("go-containerregistry, referrers API", Registry::Real(RealRegistry::with_referrers().start()?)),
        ("Airlift's own, no referrers API", own(Referrers::Absent, Indexes::Complete)),
        ("Airlift's own, sparse indexes", own(Referrers::Api, Indexes::Sparse)),
    ])
}

/// The result of a push.
enum Outcome {
    /// It arrived, byte for byte; with the content that Airlift had to add.
    Taken { list_written: bool },
    /// Refused before anything was sent.
    RefusedFirst(String),
    /// Refused when the manifest was sent.
    Refused(String),
}

fn push(airlift: &Airlift, bundle: &str, kind: &Kind, target: &Endpoint) -> Outcome {
    kind.prepare(target);
    let ran = airlift.run(&["push", bundle, target.authority(), "--json", "--retries", "0"]);
    if ran.code == 0 {
        for (reference, content) in &kind.arrives {
            let held = target.manifest(&kind.repository, reference);
            assert!(held == content.bytes, "{} {reference} at {}", kind.name, target.authority());
        }
        for blob in &kind.blobs {
            assert!(
                target.blob(&kind.repository, &blob.digest) == blob.bytes,
                "{} {}",
                kind.name,
                blob.digest
            );
        }
        let receipt = ran.json("airlift.receipt/v1");
        return Outcome::Taken { list_written: receipt["images"][0]["fallbackTags"].is_array() };
    }
    assert_eq!(ran.code, 3, "{ran}");
    assert_eq!(target.try_manifest(&kind.repository, &kind.tag).status, 404, "{ran}");
    let moved = kind.blobs.iter().any(|blob| {
        let path = format!("/v2/{}/blobs/{}", kind.repository, blob.digest);
        target.request("HEAD", &path, &[], b"").status == 200
    });
    match ran.stdout.is_empty() {
        true => {
            assert!(!moved, "{}: something was uploaded\n{ran}", kind.name);
            Outcome::RefusedFirst(told(&ran.stderr))
        }
        false => Outcome::Refused(told(&error_of(&ran))),
    }
}

fn error_of(ran: &Ran) -> String {
    let receipt = ran.json("airlift.receipt/v1");
    receipt["images"][0]["error"].as_str().unwrap_or_default().to_owned()
}

/// A message without what is different on each run: digests and ports.
fn told(message: &str) -> String {
    let lines = message.lines().filter_map(|line| match line.strip_prefix("airlift: ") {
        Some(line) => line.strip_prefix("error: "),
        None => {
            Some(line.trim()).filter(|line| line.starts_with("caused by: ") || line.starts_with("hint: "))
        }
    });
    let joined = lines.collect::<Vec<_>>().join(" / ");
    let mut told = String::new();
    let mut rest = if joined.is_empty() { message.trim() } else { joined.as_str() };
    while let Some(first) = rest.chars().next() {
        let hex = rest.find(|c: char| !c.is_ascii_hexdigit()).unwrap_or(rest.len());
        let port = rest.strip_prefix("127.0.0.1:");
        if let Some(port) = port {
            told.push_str("HOST");
            rest = port.trim_start_matches(|c: char| c.is_ascii_digit());
        } else if hex >= 12 {
            told.push('…');
            rest = rest[hex..].trim_start_matches('…');
        } else {
            let taken = hex.max(first.len_utf8());
            told.push_str(&rest[..taken]);
            rest = &rest[taken..];
        }
    }
    told
}

#[test]
fn the_table_of_registries_is_what_happens() {
    let Some(registries) = registries() else { return };
    let source = Embedded::start(Options::default());
    let airlift = Airlift::new();
    let mut notes: Vec<String> = Vec::new();
    let header: Vec<&str> = registries.iter().map(|(name, _)| *name).collect();
    let mut table = format!("| | {} |\n|---|{}\n", header.join(" | "), "---|".repeat(header.len()));
    for kind in kinds() {
        kind.seed(source.endpoint());
        let reference = format!("{}/{}{}", source.authority(), kind.repository, kind.reference);
        let bundle = format!("{}.tar", kind.repository.replace('/', "-"));
        let build = ["build", &reference, "-o", &bundle, "--retries", "0"];
        airlift.run(&[&build[..], &kind.options].concat()).expect(0);
        airlift.run(&["verify", &bundle]).expect(0);
        let mut cells = Vec::new();
        for (_, registry) in &registries {
            let mut note = |message: String| {
                let known = notes.iter().position(|known| *known == message);
                1 + known.unwrap_or_else(|| {
                    notes.push(message);
                    notes.len() - 1
                })
            };
            cells.push(match push(&airlift, &bundle, &kind, registry.endpoint()) {
                Outcome::Taken { list_written: false } => "taken".to_owned(),
                Outcome::Taken { list_written: true } => "taken, list written".to_owned(),
                Outcome::RefusedFirst(message) => format!("**refused first** [{}]", note(message)),
                Outcome::Refused(message) => format!("**refused** [{}]", note(message)),
            });
        }
        table.push_str(&format!("| {} | {} |\n", kind.name, cells.join(" | ")));
    }
    let mut text = format!("{table}\nThe messages:\n\n");
    for (number, note) in notes.iter().enumerate() {
        text.push_str(&format!("{}. `{}`\n", number + 1, note.replace('`', "'")));
    }
    compare(&text);
}

fn compare(text: &str) {
    let path: PathBuf = workspace_root().join("docs/registries.md");
    let page = std::fs::read_to_string(&path).expect("the page is there");
    let (before, rest) = page.split_once(START).expect("the page has the table's start");
    let (written, after) = rest.split_once(END).expect("the page has the table's end");
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&path, format!("{before}{START}{text}{END}{after}")).expect("the page can be written");
        return;
    }
    assert!(
        written == text,
        "docs/registries.md is stale; UPDATE_DOCS=1 writes it anew. What happened:\n{text}"
    );
}
