//! The rules about sources, on made-up sources that break them.

use super::{Sources, circles, literals, reach, sizes, types};

/// The sources of these files.
fn files(files: &[(&str, &str)]) -> Sources {
    Sources::of(files.iter().map(|(path, text)| ((*path).to_owned(), (*text).to_owned())))
}

/// A crate `a` of these files below its `src`.
fn made_up(files: &[(&str, &str)]) -> Sources {
    Sources::of(files.iter().map(|(path, text)| (format!("crates/a/src/{path}"), (*text).to_owned())))
}

/// The arrows of the one circle that a crate of `lib.rs`, which has these modules, and these files has.
fn circle(lib: &str, files: &[(&str, &str)]) -> Vec<String> {
    let files: Vec<(&str, &str)> = [("lib.rs", lib)].into_iter().chain(files.iter().copied()).collect();
    let broken = circles::circles(&made_up(&files));
    let arrows = broken.iter().flat_map(|sentence| sentence.lines().skip(1));
    arrows.map(|line| line.trim().replace("crates/a/src/", "")).collect()
}

const NONE: [&str; 0] = [];

#[test]
fn two_files_that_name_each_other_are_found() {
    let good = ("one.rs", "use crate::two::Two; pub struct One(Two);");
    assert_eq!(circle("mod one; mod two;", &[good, ("two.rs", "pub struct Two;")]), NONE);
    let found =
        circle("mod one; mod two;", &[good, ("two.rs", "use crate::one::One; pub struct Two(Box<One>);")]);
    assert_eq!(found, ["one.rs → two.rs: Two", "two.rs → one.rs: One"]);
}

#[test]
fn every_way_to_name_something_draws_an_arrow() {
    for names_one in [
        "fn f(_: super::one::One) {}",
        "use super::one; fn f(_: one::One) {}",
        "use super::one as other; fn f(_: other::One) {}",
        "use crate::{one::{self}}; fn f() { one::make() }",
        "fn f() { use crate::one::make; make() }",
        "use super::*; fn f(_: one::One) {}",
        "use crate::one::*; fn f(_: One) {}",
        "use crate::one::Has as _;",
        "fn f() { crate::one::KEPT.with(|x| x) }",
        "fn f() { println!(\"{}\", crate::one::make()) }",
        "fn f() { x!({ a: [crate::one::KEPT] }) }",
        "impl crate::one::Has for u8 {}",
        "fn f() -> bool { <u8 as crate::one::Has>::has() }",
        "#[derive(Serialize)] struct S { #[serde(with = \"crate::one::text\")] a: u8 }",
        "#[derive(Parser)] struct S { #[arg(value_parser = crate::one::make)] a: u8 }",
        "fn f() { let x = crate::one::Kind::Small; }",
        "fn f(x: u8) { match x { crate::one::KEPT => (), _ => () } }",
        "mod inner { fn f(_: super::super::one::One) {} }",
        "use airlift_a::one::One;",
        "#[cfg(unix)] use super::one::One;",
    ] {
        let one = "pub struct One; pub fn make() {} pub const KEPT: u8 = 0; pub trait Has { fn has() -> bool; } \
                   pub enum Kind { Small } pub fn text() {} use super::two::Two; pub struct Own(Two);";
        let two = format!("pub struct Two; {names_one}");
        assert!(
            !circle("pub mod one; mod two;", &[("one.rs", one), ("two.rs", &two)]).is_empty(),
            "{names_one}"
        );
    }
}

#[test]
fn what_names_nothing_draws_no_arrow() {
    for names_none in [
        "pub use crate::one::One;",
        "pub(crate) use super::one::One;",
        "use super::one;",
        "fn f(x: Other) { x.make(); x.one.Own; }",
        "fn f() { other!(x.make()) }",
        "/// See [`crate::one::One`].\nfn f() {}",
        "#[cfg(test)] mod tests { use crate::one::One; }",
        "#[cfg(all(test, unix))] use crate::one::One;",
        "impl Two { #[cfg(test)] fn f(_: crate::one::One) {} }",
        "use std::one::One;",
    ] {
        let one = "pub struct One; use super::two::Two; pub struct Own(Two);";
        let two = format!("pub struct Two; {names_none}");
        assert_eq!(
            circle("pub mod one; mod two;", &[("one.rs", one), ("two.rs", &two)]),
            NONE,
            "{names_none}"
        );
    }
}

#[test]
fn a_re_export_counts_as_the_file_that_defines_the_thing() {
    // Through the parent, whose `pub use` is no logic of its own.
    let through = [
        ("part/mod.rs", "mod one; mod two; pub use one::One; pub use two::*;"),
        ("part/one.rs", "use super::Two; pub struct One(Two);"),
        ("part/two.rs", "pub struct Two;"),
    ];
    assert_eq!(circle("mod part;", &through), NONE);
    let logic = [through[0], through[1], ("part/two.rs", "pub struct Two; fn f(_: crate::part::One) {}")];
    let found = circle("mod part;", &logic);
    assert_eq!(found, ["part/one.rs → part/two.rs: Two", "part/two.rs → part/one.rs: One"]);
    // A parent that has logic of its own is in a circle with a child that uses it.
    let parent = [
        ("part.rs", "mod one; pub struct Own; fn f() { one::make() }"),
        ("part/one.rs", "use super::Own; pub fn make() {}"),
    ];
    assert_eq!(circle("mod part;", &parent), ["part.rs → part/one.rs: make", "part/one.rs → part.rs: Own"]);
}

#[test]
fn a_circle_around_several_files_and_crates_is_found() {
    let around = [
        ("one.rs", "use crate::two::b; pub fn a() { b() }"),
        ("two.rs", "use crate::three::c; pub fn b() { c() }"),
        ("three.rs", "use crate::one::a; pub fn c() { a() }"),
        ("four.rs", "use crate::one::a;"),
    ];
    assert_eq!(circle("mod one; mod two; mod three; mod four;", &around).len(), 3);
    let crates = files(&[
        ("crates/a/src/lib.rs", "pub fn a() { airlift_b::b() }"),
        ("crates/b/src/lib.rs", "pub fn b() { airlift_a::a() }"),
    ]);
    assert_eq!(circles::circles(&crates).len(), 1);
}

#[test]
fn globs_that_import_each_other_end() {
    let globs =
        [("one.rs", "pub use super::two::*;"), ("two.rs", "pub use super::one::*; fn f(_: Nothing) {}")];
    assert_eq!(circle("mod one; mod two;", &globs), NONE);
}

#[test]
fn a_flag_in_a_library_is_found() {
    let flags = |text: &str| literals::flags(&made_up(&[("lib.rs", text)]));
    for bad in [
        r#"const A: &str = "use --jobs";"#,
        r#"fn f() { format!("{} (--max-{what})", 1) }"#,
        "const A: &str = \"one \\\n    --jobs\";",
        r##"const A: &str = r#"--jobs"#;"##,
        r#"const A: &[u8] = b"--jobs";"#,
        r#"#[derive(Error)] #[error("more than {0}; see --jobs")] struct A;"#,
        r#"fn f(flag: &str) { format!("--{flag}") }"#,
    ] {
        assert_eq!(flags(bad).len(), 1, "{bad}");
    }
    for good in [
        r#"const A: &str = "a--b -- x ---------- BEGIN -----x";"#,
        "/// What `--jobs` gives.\nfn f() {}",
        r#"#[cfg(test)] mod tests { const A: &str = "--jobs"; }"#,
    ] {
        assert_eq!(flags(good), NONE, "{good}");
    }
    let cli = files(&[("crates/cli/src/lib.rs", r#"const A: &str = "--jobs";"#)]);
    assert_eq!(literals::flags(&cli), NONE);
}

#[test]
fn a_type_name_that_is_there_twice_is_found() {
    let twice =
        |other: &str| types::names_twice(&made_up(&[("lib.rs", "mod one; struct Part;"), ("one.rs", other)]));
    for bad in [
        "enum Part {}",
        "trait Part {}",
        "type Part = u8;",
        "fn f() { struct Part; }",
        "mod inner { struct Part; }",
    ] {
        assert_eq!(
            twice(bad),
            ["Part is the name of 2 types: crates/a/src/lib.rs, crates/a/src/one.rs"],
            "{bad}"
        );
    }
    for good in
        ["use super::Part;", "fn Part() {}", "#[cfg(test)] mod tests { struct Part; }", "struct Args;"]
    {
        assert_eq!(twice(good), NONE, "{good}");
    }
    let same_file = types::names_twice(&made_up(&[("lib.rs", "struct Part; mod inner { struct Part; }")]));
    assert_eq!(same_file.len(), 1);
    let by_system = "#[cfg(unix)] struct Part; #[cfg(not(unix))] struct Part;";
    assert_eq!(types::names_twice(&made_up(&[("lib.rs", by_system)])), NONE);
    let two_crates =
        files(&[("crates/a/src/lib.rs", "struct Part;"), ("crates/b/src/lib.rs", "struct Part;")]);
    assert_eq!(types::names_twice(&two_crates), NONE);
}

#[test]
fn a_file_or_a_socket_where_none_belongs_is_found() {
    let with = |name: &str, text: &str| {
        let crates = ["oci", "lists", "workloads", "disk", "bundle", "verifier"].map(|other| {
            (format!("crates/{other}/src/lib.rs"), if other == name { text } else { "" }.to_owned())
        });
        reach::forbidden(&Sources::of(crates))
    };
    for bad in [
        "use std::fs::File;",
        "use std::{fs, fmt};",
        "pub use std::path::*;",
        "fn f() { std::io::stdin() }",
        "#[cfg(test)] use std::fs;",
    ] {
        assert_eq!((with("oci", bad).len(), with("lists", bad).len()), (1, 1), "{bad}");
        assert_eq!(with("disk", bad), NONE, "{bad}");
    }
    for name in ["oci", "lists", "workloads", "disk", "bundle", "verifier"] {
        assert_eq!(
            with(name, "use std::net::TcpStream;"),
            [format!("crates/{name}/src/lib.rs uses std::net::TcpStream")]
        );
        assert_eq!(with(name, "use std::fmt; /// std::net\nfn f() {}"), NONE);
    }
    assert_eq!(with("disk", "fn f() { rustix::net::socket() }").len(), 1);
    let gone = reach::forbidden(&files(&[("crates/other/src/lib.rs", "")]));
    assert_eq!(gone.len(), 6, "{gone:?}");
}

#[test]
fn a_long_function_and_a_long_file_are_found() {
    let body = "    f();\n".repeat(59);
    let long = format!("/// Some\n/// lines.\nfn f() {{\n{body}}}\n");
    assert_eq!(sizes::functions(&made_up(&[("lib.rs", &long)])), ["crates/a/src/lib.rs: fn f has 61 lines"]);
    assert_eq!(sizes::functions(&made_up(&[("lib.rs", &long.replacen("    f();\n", "", 1))])), NONE);
    let method = format!("impl A {{ {long} }}");
    assert_eq!(sizes::functions(&made_up(&[("lib.rs", &method)])).len(), 1);
    let test = format!("#[cfg(test)]\nmod tests {{\n{long}\n}}\n");
    assert_eq!(sizes::functions(&made_up(&[("lib.rs", &test)])), NONE);

    let lines = "//\n".repeat(421);
    assert_eq!(sizes::files(&made_up(&[("lib.rs", &lines)])), ["crates/a/src/lib.rs has 421 lines"]);
    let with_tests = format!("{}{test}", &lines[3..]);
    assert_eq!(sizes::files(&made_up(&[("lib.rs", &with_tests)])), NONE);
}

#[test]
fn a_missing_errors_section_is_found() {
    let missing = |text: &str| sizes::errors_sections(&made_up(&[("lib.rs", text)]));
    for bad in [
        "/// Does it.\npub fn f() -> Result<(), E> {}",
        "pub fn f() -> std::io::Result<()> {}",
        "impl A { pub async fn f() -> io::Result<()> {} }",
    ] {
        assert_eq!(missing(bad), ["crates/a/src/lib.rs: fn f doesn't say when it fails"], "{bad}");
    }
    for good in [
        "/// Does it.\n///\n/// # Errors\n///\n/// If it can't.\npub fn f() -> Result<(), E> {}",
        "pub(crate) fn f() -> Result<(), E> {}",
        "pub fn f() -> u8 {}",
    ] {
        assert_eq!(missing(good), NONE, "{good}");
    }
    // One of twenty may do without.
    let said = "/// # Errors\npub fn f() -> Result<(), E> {}\n".repeat(19);
    assert_eq!(missing(&format!("{said}pub fn f() -> Result<(), E> {{}}")), NONE);
}
