//! Secrets stay secret: every fault is played with credentials that are easy to find, and everything that
//! comes out is searched for them.
//!
//! This is a test binary of its own, since what all crates log is caught for the whole process.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test may panic, its helpers too")]

mod support;

use std::io::Write;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use airlift_oci::{Event, Observer};
use airlift_registry::{Error, Options};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use support::faults::{FAULTS, Fault, Outcome, Wish, play};
use support::script::{Reply, Request};
use support::{options, told};

/// In every secret here.
const CANARY: &str = "c4nary";
const PASSWORD: &str = "c4nary-p4ss";

/// How a registry wants its users to log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Login {
    Password,
    Token,
    Identity,
}

impl Login {
    fn entry(self) -> String {
        match self {
            Login::Password | Login::Token => format!(r#"{{"username":"pilot","password":"{PASSWORD}"}}"#),
            Login::Identity => format!(r#"{{"identitytoken":"{CANARY}-refresh"}}"#),
        }
    }

    /// Asks whoever comes without credentials for them, and gives tokens.
    fn guard(self) -> fn(&Request) -> Option<Reply> {
        match self {
            Login::Password => |request| {
                let challenge = ("WWW-Authenticate", "Basic realm=x");
                request.header("authorization").is_none().then(|| Reply::new(401, &[challenge], ""))
            },
            Login::Token | Login::Identity => |request| {
                let host = request.header("host").unwrap_or_default();
                let challenge = format!(r#"Bearer realm="http://{host}/token""#);
                match (request.path(), request.header("authorization")) {
                    ("/token", _) => Some(Reply::new(200, &[], format!(r#"{{"token":"{CANARY}-token"}}"#))),
                    (_, None) => Some(Reply::new(401, &[("WWW-Authenticate", &challenge)], "")),
                    _ => None,
                }
            },
        }
    }
}

/// Repeats all that it was sent, as debugging proxies do.
fn repeated(request: &Request) -> String {
    let body = String::from_utf8_lossy(&request.body).into_owned();
    let headers: Vec<String> =
        request.headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    format!("{} {} {} {body}", request.method, request.target, headers.join(" "))
}

fn repeating(status: u16, request: &Request) -> Reply {
    Reply::new(status, &[], repeated(request))
}

fn repeating_as_json(status: u16, request: &Request) -> Reply {
    let text = repeated(request).replace('"', "");
    Reply::new(
        status,
        &[],
        format!(r#"{{"errors":[{{"code":"{text}","message":"{text}","detail":{{"{text}":["{text}"]}}}}]}}"#),
    )
}

/// Faults that are about secrets alone.
const PARROTS: &[Fault] = &[
    Fault { number: 60, does: "400", wish: Wish::Blob, serve: |r, _| repeating(400, r), out: "", asked: 0 },
    Fault { number: 60, does: "401", wish: Wish::Tag, serve: |r, _| repeating(401, r), out: "", asked: 0 },
    Fault {
        number: 60,
        does: "403",
        wish: Wish::Upload,
        serve: |r, _| repeating_as_json(403, r),
        out: "",
        asked: 0,
    },
    Fault {
        number: 60,
        does: "404",
        wish: Wish::Blob,
        serve: |r, _| repeating_as_json(404, r),
        out: "",
        asked: 0,
    },
    Fault { number: 60, does: "429", wish: Wish::Tag, serve: |r, _| repeating(429, r), out: "", asked: 0 },
    Fault {
        number: 60,
        does: "500",
        wish: Wish::Referrers,
        serve: |r, _| repeating_as_json(500, r),
        out: "",
        asked: 0,
    },
];

/// All that crates say through `tracing` and `log`.
#[derive(Clone, Default)]
struct Said(Arc<Mutex<Vec<u8>>>);

impl Write for Said {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl log::Log for Said {
    fn enabled(&self, _: &log::Metadata<'_>) -> bool {
        true
    }

    fn log(&self, record: &log::Record<'_>) {
        let _ = writeln!(self.clone(), "{} {}", record.target(), record.args());
    }

    fn flush(&self) {}
}

impl Observer for Said {
    fn notice(&self, event: Event) {
        let _ = writeln!(self.clone(), "{event:?}");
    }
}

/// The canary as it is, and as it looks inside base64, wherever in it it lies.
fn forms() -> Vec<String> {
    let mut forms = vec![CANARY.to_owned()];
    for before in 0..3 {
        let text = format!("{}{CANARY}", "x".repeat(before));
        for encoded in [STANDARD_NO_PAD.encode(&text), URL_SAFE_NO_PAD.encode(&text)] {
            // The characters at the ends depend on the neighbours, too.
            let start = (before * 8).div_ceil(6);
            forms.push(encoded[start..text.len() * 8 / 6].to_owned());
        }
    }
    forms
}

fn search(text: &str, place: &str) {
    for form in forms() {
        if let Some(at) = text.find(&form) {
            let mut start = at.saturating_sub(300);
            while !text.is_char_boundary(start) {
                start -= 1;
            }
            panic!("{place} holds {form}: {}", &text[start..at + form.len()]);
        }
    }
}

fn quick(folder: &std::path::Path, host: SocketAddr, login: Login) -> Options {
    let auth_file = folder.join(format!("{}.json", host.port()));
    std::fs::write(&auth_file, format!(r#"{{"auths":{{"{host}":{}}}}}"#, login.entry())).unwrap();
    let short = Duration::from_millis(150);
    Options {
        auth_file: Some(auth_file),
        idle_timeout: short,
        connect_timeout: short,
        retries: 1,
        ..options()
    }
}

#[tokio::test]
async fn no_secret_gets_out() {
    let said = Said::default();
    let writer = said.clone();
    tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_ansi(false)
        .with_writer(move || writer.clone())
        .init();
    log::set_boxed_logger(Box::new(said.clone())).unwrap();
    log::set_max_level(log::LevelFilter::Trace);
    let folder = tempfile::tempdir().unwrap();
    let mut logged_in = 0;
    for login in [Login::Password, Login::Token, Login::Identity] {
        let played = FAULTS.iter().chain(PARROTS).map(|fault| {
            play(fault, login.guard(), |host| quick(folder.path(), host, login), Arc::new(said.clone()))
        });
        for outcome in futures::future::join_all(played).await {
            logged_in += inspect(outcome);
        }
    }
    assert!(logged_in > 3 * FAULTS.len(), "only {logged_in} requests had credentials");
    refused_logins(&said, folder.path()).await;
    let said = String::from_utf8_lossy(&said.0.lock().unwrap()).into_owned();
    for expected in ["answered", "starting new connection", "Retrying"] {
        assert!(said.contains(expected), "'{expected}' was not caught, so other things may not have been");
    }
    search(&said, "what is logged or told");
}

/// Looks at an error and at the requests. Gives how many of those had credentials.
fn inspect(outcome: Outcome) -> usize {
    if let Err(error) = &outcome.result {
        search(&format!("{} {error:?} {error:#?}", told(error)), "an error");
    }
    for request in &outcome.asked {
        // What the registry's own locations hold goes back to it.
        if !request.path().contains("/up") {
            search(&request.target, "a URL");
        }
    }
    for request in &outcome.elsewhere {
        let headers = format!("{:?}", request.headers);
        search(&headers, "a header for somebody else");
    }
    outcome.asked.iter().filter(|request| request.header("authorization").is_some()).count()
}

/// Token services that refuse, and repeat what they were sent.
async fn refused_logins(said: &Said, folder: &std::path::Path) {
    for login in [Login::Token, Login::Identity] {
        for serve in [repeating, repeating_as_json] {
            let script = support::script::Script::all(move |request| match request.path() {
                "/token" => serve(401, request),
                _ => {
                    let host = request.header("host").unwrap_or_default();
                    Reply::new(
                        401,
                        &[("WWW-Authenticate", &format!(r#"Bearer realm="http://{host}/token""#))],
                        "",
                    )
                }
            })
            .await;
            let options = quick(folder, script.address, login);
            let transport = airlift_registry::Transport::new(options, Arc::new(said.clone())).unwrap();
            let from = support::repository(script.address, "a");
            let tag = airlift_oci::Selector::Tag("1".parse().unwrap());
            let result = transport.get_manifest(&from, &tag, airlift_registry::Access::Pull).await;
            let error: Error = result.unwrap_err();
            search(&format!("{} {error:?}", told(&error)), "the error of a login");
        }
    }
}
