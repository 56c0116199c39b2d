//! The rules about the workspace as a whole: which crate imports which, licences and versions of packages,
//! circles between files, names, sizes.
//!
//! Each rule is a function from [`Packages`] or [`Sources`] to sentences, one for each place that breaks it.
//! Each is also tried on made-up packages or sources that break it: a rule that can't fail holds nothing.
//! `deny.toml` has the same rules about packages for cargo-deny.
#![allow(clippy::expect_used, reason = "a test that can't be set up has to fail")]

mod files;
mod packages;
mod sources;

use std::sync::LazyLock;

use packages::{Packages, rules};
use sources::{Sources, circles, literals, reach, sizes, types};

/// Read once: it takes cargo a second.
static PACKAGES: LazyLock<Packages> = LazyLock::new(Packages::of_the_workspace);

/// Read once: parsing takes a second.
static SOURCES: LazyLock<Sources> = LazyLock::new(Sources::of_the_workspace);

/// Fails with all sentences, one a line.
fn assert_none(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn members_import_only_what_the_design_lets_them() {
    assert_none(rules::imports(&PACKAGES));
}

#[test]
fn the_testkit_is_for_tests_only() {
    assert_none(rules::testkit_is_dev_only(&PACKAGES));
}

#[test]
fn bundle_and_verifier_reach_no_network() {
    assert_none(rules::unreachable(&PACKAGES));
    assert_none(reach::forbidden(&SOURCES));
}

#[test]
fn some_packages_have_one_importer() {
    assert_none(rules::exclusive(&PACKAGES));
}

#[test]
fn every_licence_is_allowed() {
    assert_none(rules::licences(&PACKAGES));
}

#[test]
fn nothing_decompresses_what_registries_send() {
    assert_none(rules::no_decompression(&PACKAGES));
}

#[test]
fn big_packages_are_there_once() {
    assert_none(rules::one_version(&PACKAGES));
}

#[test]
fn everything_comes_from_the_one_registry() {
    assert_none(rules::sources(&PACKAGES));
}

#[test]
fn manifests_inherit_from_the_workspace() {
    assert_none(files::manifests(&PACKAGES));
}

#[test]
fn deny_toml_says_the_same() {
    assert_none(files::deny_toml());
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    assert_none(files::machine_paths());
}

#[test]
fn files_are_in_no_circle() {
    assert_none(circles::circles(&SOURCES));
}

#[test]
fn libraries_name_no_flags() {
    assert_none(literals::flags(&SOURCES));
}

#[test]
fn no_two_types_of_a_crate_share_a_name() {
    assert_none(types::names_twice(&SOURCES));
}

#[test]
fn functions_are_short() {
    assert_none(sizes::functions(&SOURCES));
}

#[test]
fn files_are_short() {
    assert_none(sizes::files(&SOURCES));
}

#[test]
fn public_functions_say_when_they_fail() {
    assert_none(sizes::errors_sections(&SOURCES));
}

#[test]
fn comments_end_where_code_does() {
    assert_none(files::wide_comments());
}

#[test]
fn the_page_on_the_architecture_names_files_that_are_there() {
    assert_none(files::paths_of_the_architecture());
}
