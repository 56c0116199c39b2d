//! `login` and `logout`: what is tried, where it is stored, and what is never shown.

use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use airlift_testkit::real::RealRegistry;
use airlift_testkit::scripted::{Answer, Request, Script, ScriptedRegistry};
use airlift_testkit::tool::tool;
use base64::Engine as _;
use serde_json::{Value, json};

use crate::airlift::{Airlift, Ran};
use crate::terminal::Terminal;

const PASSWORD: &str = "correct-horse-battery";
/// Where a login is stored if there is no file yet.
const NEW_FILE: &str = ".config/containers/auth.json";

fn basic() -> String {
    base64::engine::general_purpose::STANDARD.encode(format!("ann:{PASSWORD}"))
}

/// A registry that lets ann in, by her password alone.
fn by_password() -> ScriptedRegistry {
    let answer = |request: &Request| {
        let known = request.header("authorization") == Some(&format!("Basic {}", basic()));
        Some(match known {
            true => Answer::ok("application/json", "{}"),
            false => Answer::error(401, "UNAUTHORIZED", "no").header("WWW-Authenticate", "Basic realm=\"r\""),
        })
    };
    Script::empty().rule(answer).start()
}

fn login(airlift: &Airlift, host: &str, password: &str, more: &[&str]) -> Ran {
    let arguments = ["login", host, "-u", "ann", "--password-stdin", "-vvv", "--retries", "0"];
    let ran = airlift.run_with_input(&[&arguments, more].concat(), format!("{password}\n").as_bytes());
    for secret in [PASSWORD, &basic(), password] {
        assert!(!ran.to_string().contains(secret), "a secret was shown: {ran}");
    }
    ran
}

fn json_of(airlift: &Airlift, file: &str) -> Value {
    serde_json::from_slice(&airlift.read(file)).unwrap()
}

fn write(airlift: &Airlift, file: &str, text: &str) {
    let path = airlift.path(file);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

#[test]
fn a_login_at_a_real_registry_is_tried_stored_used_and_erased() {
    let Some(registry) = RealRegistry::debian().with_password("ann", PASSWORD).start() else { return };
    let airlift = Airlift::new();
    let host = registry.authority();
    login(&airlift, host, "wrong-password", &[]).expect(3).says("can't log in").says("nothing was stored");
    assert!(!airlift.path(NEW_FILE).exists());
    login(&airlift, host, PASSWORD, &[]).expect(0).says("logged in at").says(NEW_FILE);
    assert_eq!(json_of(&airlift, NEW_FILE), json!({"auths": {host: {"auth": basic()}}}));
    let mode = std::fs::metadata(airlift.path(NEW_FILE)).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    // It is used: the registry says that it has no such image, and no longer that a login is missing.
    let reference = format!("{host}/a/b:1");
    airlift.run(&["build", &reference, "-o", "b.tar"]).expect(3).says("is not there");
    login(&airlift, host, "wrong-password", &[]).expect(3);
    assert_eq!(json_of(&airlift, NEW_FILE)["auths"][host]["auth"], basic(), "the old login stays");
    airlift.run(&["logout", host]).expect(0).says("erased the login").says(NEW_FILE);
    airlift.run(&["build", &reference, "-o", "b.tar"]).expect(3).says("airlift login");
    airlift.run(&["logout", host]).expect(0).says("there was no login");
}

#[test]
fn a_token_service_is_asked_and_its_refusal_is_a_wrong_password() {
    let answer = |request: &Request| {
        let host = request.header("host").unwrap_or_default();
        let challenge = format!("Bearer realm=\"http://{host}/token\",service=\"s\"");
        let authorization = request.header("authorization").unwrap_or_default();
        Some(match request.path() {
            "/token" if authorization == format!("Basic {}", basic()) => {
                Answer::ok("application/json", "{\"token\":\"good\"}")
            }
            "/token" => Answer::error(401, "UNAUTHORIZED", "wrong"),
            _ if authorization == "Bearer good" => Answer::ok("application/json", "{}"),
            _ => Answer::error(401, "UNAUTHORIZED", "no").header("WWW-Authenticate", &challenge),
        })
    };
    let registry = Script::empty().rule(answer).start();
    let airlift = Airlift::new();
    login(&airlift, &registry.authority(), "wrong-password", &[]).expect(3);
    assert!(!airlift.path(NEW_FILE).exists());
    login(&airlift, &registry.authority(), PASSWORD, &[]).expect(0);
    assert!(airlift.path(NEW_FILE).exists());
}

#[test]
fn what_asks_for_no_login_and_what_is_no_registry_are_named() {
    let airlift = Airlift::new();
    let open = Script::empty().rule(|_| Some(Answer::ok("application/json", "{}"))).start();
    login(&airlift, &open.authority(), PASSWORD, &[]).expect(0).says("asks for no login");
    let negotiate = Answer::error(401, "UNAUTHORIZED", "no").header("WWW-Authenticate", "Negotiate");
    let proxy = Script::empty().rule(move |_| Some(negotiate.clone())).start();
    login(&airlift, &proxy.authority(), PASSWORD, &[]).expect(3).says("Negotiate");
    let page = Script::empty().rule(|_| Some(Answer::ok("text/html", "<html>"))).start();
    login(&airlift, &page.authority(), PASSWORD, &[]).expect(3).says("HTML page");
    let host = page.authority();
    for arguments in [
        &["login", &host, "--password-stdin"][..],
        &["login", "https://registry.example"],
        &["login", &host, "-u", "a:b", "--password-stdin"],
        &["login", &host, "-u", "", "--password-stdin"],
        &["login", &host, "-u", "<token>", "--password-stdin"],
    ] {
        airlift.run_with_input(arguments, b"x").expect(2);
    }
    airlift.run_with_input(&["login", &host, "-u", "a", "--password-stdin"], b"").expect(2).says("is empty");
}

#[test]
fn a_file_keeps_its_other_content_and_a_link_stays_a_link() {
    let registry = by_password();
    let (airlift, host) = (Airlift::new(), registry.authority());
    let old = format!(
        r#"{{"auths":{{"other.example":{{"auth":"eDp5"}},"http://{host}/v1/":{{"auth":"eDp5","email":"a@b"}},
        "{host}/team":{{"auth":"eDp5"}}}},"psFormat":"table","HttpHeaders":{{"X":[1,2.5,null]}}}}"#
    );
    write(&airlift, "real/config.json", &old);
    std::fs::create_dir(airlift.path(".docker")).unwrap();
    std::os::unix::fs::symlink("../real/config.json", airlift.path(".docker/config.json")).unwrap();
    login(&airlift, &host, PASSWORD, &[]).expect(0).says(".docker/config.json");
    assert!(std::fs::symlink_metadata(airlift.path(".docker/config.json")).unwrap().is_symlink());
    let file = json_of(&airlift, "real/config.json");
    assert_eq!((&file["psFormat"], &file["HttpHeaders"]), (&json!("table"), &json!({"X": [1, 2.5, null]})));
    let auths = json!({"other.example": {"auth": "eDp5"}, &host: {"auth": basic()},
        format!("http://{host}/v1/"): {"email": "a@b"}, format!("{host}/team"): {"auth": "eDp5"}});
    assert_eq!(file["auths"], auths);
    assert_eq!(std::fs::read_dir(airlift.path("real")).unwrap().count(), 1, "nothing half-made is left");
    airlift.run(&["logout", &host]).expect(0);
    let auths = json_of(&airlift, "real/config.json")["auths"].clone();
    assert!(auths.get(&host).is_none() && auths["other.example"].is_object(), "{auths}");
    // What can't be read is left as it is.
    for broken in ["{", "[]", r#"{"auths":7}"#] {
        write(&airlift, "real/config.json", broken);
        login(&airlift, &host, PASSWORD, &[]).expect(4).says("nothing was changed");
        assert_eq!(airlift.read("real/config.json"), broken.as_bytes());
    }
    // A file that is named need not be there.
    login(&airlift, &host, PASSWORD, &["--auth-file", "new/robot.json"]).expect(0);
    assert_eq!(json_of(&airlift, "new/robot.json")["auths"][&host]["auth"], basic());
}

/// A helper that keeps what it gets in files below `kept/`, or fails if its name says so.
fn write_helper(airlift: &Airlift, name: &str) {
    let script = r#"#!/bin/sh
case "$0" in *broken) echo "error with $(cat)"; exit 1;; esac
mkdir -p "$HOME/kept"
case "$1" in
store) cat > "$HOME/kept/entry" ;;
get) cat > "$HOME/kept/asked"
  if [ -f "$HOME/kept/entry" ]; then cat "$HOME/kept/entry"
  else echo "credentials not found in native keychain"; exit 1; fi ;;
erase) cat > "$HOME/kept/erased"; rm "$HOME/kept/entry" ;;
esac
"#;
    let path = format!("bin/docker-credential-{name}");
    write(airlift, &path, script);
    std::fs::set_permissions(airlift.path(&path), PermissionsExt::from_mode(0o755)).unwrap();
}

fn run_with_helpers(airlift: &Airlift, arguments: &[&str]) -> (i32, String) {
    let path = format!("{}:/usr/bin:/bin", airlift.path("bin").display());
    let mut command = airlift.command(arguments);
    command.env("PATH", path).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let _ = child.stdin.take().unwrap().write_all(PASSWORD.as_bytes());
    let output = child.wait_with_output().unwrap();
    let said = String::from_utf8_lossy(&[output.stdout, output.stderr].concat()).into_owned();
    assert!(!said.contains(PASSWORD), "{said}");
    (output.status.code().unwrap(), said)
}

#[test]
fn a_helper_keeps_the_login_if_one_is_set() {
    let registry = by_password();
    let (airlift, host) = (Airlift::new(), registry.authority());
    write_helper(&airlift, "mine");
    write_helper(&airlift, "broken");
    let stdin = ["login", &host, "-u", "ann", "--password-stdin"];
    let old = format!(r#"{{"credsStore":"mine","auths":{{"{host}":{{"auth":"eDp5"}}}}}}"#);
    write(&airlift, ".docker/config.json", &old);
    let (code, said) = run_with_helpers(&airlift, &stdin);
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("stored in docker-credential-mine"), "{said}");
    let kept = json_of(&airlift, "kept/entry");
    assert_eq!(kept, json!({"ServerURL": host, "Username": "ann", "Secret": PASSWORD}));
    assert_eq!(json_of(&airlift, ".docker/config.json"), json!({"credsStore": "mine", "auths": {}}));

    let (code, said) = run_with_helpers(&airlift, &["logout", &host]);
    assert!(code == 0 && said.contains("from docker-credential-mine"), "{said}");
    assert_eq!(airlift.read("kept/erased"), host.as_bytes());
    let (code, said) = run_with_helpers(&airlift, &["logout", &host]);
    assert!(code == 0 && said.contains("there was no login"), "{said}");

    // If a helper fails, the login isn't put into the file.
    for helper in ["broken", "absent", "../../bin/x"] {
        let text = format!(r#"{{"credHelpers":{{"{host}":"{helper}"}}}}"#);
        write(&airlift, ".docker/config.json", &text);
        let (code, said) = run_with_helpers(&airlift, &stdin);
        assert!(code == 4 && said.contains("docker-credential-"), "{helper}: {code} {said}");
        assert_eq!(airlift.read(".docker/config.json"), text.as_bytes());
    }
}

#[test]
fn a_login_is_erased_where_it_can_be_beside_a_helper_that_fails() {
    let (airlift, host) = (Airlift::new(), "r.example");
    let login = json!({host: {"auth": "eDp5"}});
    let files = [".config/containers/auth.json", ".docker/config.json"];
    write(&airlift, files[0], &json!({"auths": login, "credHelpers": {host: "absent"}}).to_string());
    write(&airlift, files[1], &json!({"auths": login}).to_string());
    let (code, said) = run_with_helpers(&airlift, &["logout", host]);
    assert!(code == 4 && said.contains("docker-credential-absent"), "{code} {said}");
    for file in files {
        assert_eq!(json_of(&airlift, file)["auths"], json!({}), "{file}");
    }
}

#[test]
fn a_login_and_a_logout_have_a_document_without_a_secret() {
    let (airlift, registry) = (Airlift::new(), by_password());
    let host = registry.authority();
    let document = login(&airlift, &host, PASSWORD, &["--json"]).expect(0).json("airlift.login/v1");
    let file = airlift.path(NEW_FILE).to_str().unwrap().to_owned();
    let stored = json!({"file": file});
    assert_eq!(
        document,
        json!({"schema": "airlift.login/v1", "host": host, "user": "ann", "accepted": true, "stored": stored})
    );
    let logout = |erased: Value| {
        let document = airlift.run(&["logout", &host, "--json"]).expect(0).json("airlift.logout/v1");
        assert_eq!(document, json!({"schema": "airlift.logout/v1", "host": host, "erased": erased}));
    };
    logout(json!([stored]));
    logout(json!([]));
    write_helper(&airlift, "mine");
    write(&airlift, NEW_FILE, r#"{"credsStore":"mine"}"#);
    let stdin = ["login", &host, "-u", "ann", "--password-stdin", "--json"];
    let (code, said) = run_with_helpers(&airlift, &stdin);
    assert_eq!(code, 0, "{said}");
    let document: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(document["stored"], json!({"helper": "docker-credential-mine"}));
}

/// If root logs in for a user, the file stays the user's.
#[test]
fn the_file_keeps_its_owner() {
    use std::os::unix::fs::MetadataExt;
    let (airlift, registry) = (Airlift::new(), by_password());
    let (host, name) = (registry.authority(), registry.authority() + "/a/b:1");
    write(&airlift, "auth.json", "{}");
    write(&airlift, "failed.txt", "r.example/a:1\n");
    let files = ["auth.json", "failed.txt"];
    let owner = |file: &str| std::fs::metadata(airlift.path(file)).map(|it| (it.uid(), it.gid())).unwrap();
    for file in files {
        // Only root can give files away.
        let _ = std::os::unix::fs::chown(airlift.path(file), Some(1234), Some(1234));
    }
    let before = files.map(owner);
    login(&airlift, &host, PASSWORD, &["--auth-file", "auth.json"]).expect(0);
    airlift.run(&["build", &name, "-o", "b.tar", "--failed", "failed.txt"]).expect(3);
    assert_eq!(files.map(owner), before);
    airlift.run(&["logout", &host, "--auth-file", "auth.json"]).expect(0);
    assert_eq!(files.map(owner), before);
    let mode = std::fs::metadata(airlift.path("auth.json")).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

/// Whether all of them have a login, or none has; nothing else is beside the file.
fn check_all(airlift: &Airlift, hosts: &[String], have_logins: bool) {
    let auths = json_of(airlift, NEW_FILE)["auths"].clone();
    for host in hosts {
        assert_eq!(auths.get(host).is_some(), have_logins, "{host}: {auths}");
    }
    assert_eq!(std::fs::read_dir(airlift.path(".config/containers")).unwrap().count(), 1);
}

#[test]
fn logins_at_once_lose_nothing() {
    let registries: Vec<_> = (0..8).map(|_| by_password()).collect();
    let hosts: Vec<String> = registries.iter().map(|registry| registry.authority()).collect();
    let airlift = Airlift::new();
    let at_once = |run: &(dyn Fn(&str) + Sync)| {
        std::thread::scope(|scope| {
            hosts.iter().for_each(|host| drop(scope.spawn(move || run(host))));
        });
    };
    at_once(&|host| {
        login(&airlift, host, PASSWORD, &[]).expect(0);
    });
    check_all(&airlift, &hosts, true);
    at_once(&|host| {
        airlift.run(&["logout", host]).expect(0).says("erased the login");
    });
    check_all(&airlift, &hosts, false);
}

/// A terminal by script(1): the question comes first, and the answer is not shown.
#[test]
fn a_password_is_asked_for_on_the_terminal_and_not_shown() {
    let registry = by_password();
    let airlift = Airlift::new();
    let airless = airlift.run(&["login", &registry.authority(), "-u", "ann"]);
    if airless.code == 2 {
        // Where the tests themselves have a terminal, it would have asked there.
        airless.says("--password-stdin");
    }
    let Some(script) = tool("script") else { return };
    let mut terminal =
        Terminal::start(&script, &airlift, &format!("$AIRLIFT login {}", registry.authority()));
    terminal.answer("ann\n");
    terminal.answer("correct-horse-battery\n");
    let shown = terminal.rest();
    assert!(shown.contains("logged in at") && shown.contains("User at"), "{shown}");
    assert!(shown.contains("Password of ann") && !shown.contains(PASSWORD), "{shown}");
    assert_eq!(json_of(&airlift, NEW_FILE)["auths"][registry.authority()]["auth"], basic());
}

/// The terminal shows again what is typed, also if the run ends while it asks for a password.
#[test]
fn a_signal_at_the_question_for_a_password_leaves_the_terminal_as_it_was() {
    let Some(script) = tool("script") else { return };
    let (registry, airlift) = (by_password(), Airlift::new());
    for (signal, code) in [("HUP", 129), ("QUIT", 131), ("INT", 130), ("TERM", 143)] {
        let login = format!("$AIRLIFT login {} -u ann", registry.authority());
        let shell = format!("sh -c 'echo $$ >pid; exec {login}'; echo code $?; stty -a");
        let mut terminal = Terminal::start(&script, &airlift, &shell);
        terminal.wait_for_question();
        let process = String::from_utf8(airlift.read("pid")).unwrap();
        let kill = format!("kill -{signal} {process}");
        assert!(Command::new("sh").args(["-c", &kill]).status().unwrap().success());
        let shown = terminal.rest();
        assert!(shown.contains(&format!("code {code}")), "{signal}: {shown}");
        assert!(shown.split_whitespace().any(|flag| flag == "echo"), "{signal}: {shown}");
    }
}

/// Ctrl-Z and `fg`: the shell in between shows what is typed, and the question doesn't.
#[test]
fn a_stop_at_the_question_for_a_password_shows_no_password_later() {
    let (Some(script), Some(bash)) = (tool("script"), tool("bash")) else { return };
    let (registry, airlift) = (by_password(), Airlift::new());
    let login = format!("$AIRLIFT login {} -u ann", registry.authority());
    let jobs = format!("set -m; {login}; echo stopped $?; stty -a; fg; stty -a");
    let mut terminal = Terminal::start(&script, &airlift, &format!("{} -c '{jobs}'", bash.display()));
    terminal.answer("half of it\u{1a}");
    terminal.answer("correct-horse-battery\n");
    let shown = terminal.rest();
    assert!(shown.contains("stopped 1") && shown.contains("logged in at"), "{shown}");
    assert!(!shown.contains(PASSWORD) && !shown.contains("half of it"), "{shown}");
    assert_eq!(shown.split_whitespace().filter(|flag| *flag == "echo").count(), 2, "{shown}");
    assert_eq!(json_of(&airlift, NEW_FILE)["auths"][registry.authority()]["auth"], basic());
}
