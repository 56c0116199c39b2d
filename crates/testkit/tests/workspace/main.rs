//! What the workspace is made of: who may import whom, what is reached, under which licences, in how many
//! versions.
//!
//! Each rule is a function from a [`graph::Graph`] to the sentences that say how it is broken, so each is
//! tried on made-up graphs as well: a rule that can't fail holds nothing. `deny.toml` says the same to
//! cargo-deny.
#![allow(clippy::expect_used, reason = "a test that can't be set up has to fail")]

mod files;
mod graph;
mod made_up;
mod rules;

use std::sync::LazyLock;

use graph::Graph;

/// Asked for once: it takes cargo a second.
static WORKSPACE: LazyLock<Graph> = LazyLock::new(Graph::of_the_workspace);

/// Fails with all sentences, one a line.
fn assert_none(broken: Vec<String>) {
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

#[test]
fn members_import_only_what_the_design_lets_them() {
    assert_none(rules::imports(&WORKSPACE));
}

#[test]
fn the_testkit_is_for_tests_only() {
    assert_none(rules::testkit_is_dev_only(&WORKSPACE));
}

#[test]
fn bundle_and_verifier_reach_no_network() {
    assert_none(rules::offline(&WORKSPACE));
    assert_none(files::offline_sources());
}

#[test]
fn some_packages_have_one_importer() {
    assert_none(rules::exclusive(&WORKSPACE));
}

#[test]
fn every_licence_is_allowed() {
    assert_none(rules::licences(&WORKSPACE));
}

#[test]
fn nothing_decompresses_what_registries_send() {
    assert_none(rules::no_decompression(&WORKSPACE));
}

#[test]
fn big_packages_are_there_once() {
    assert_none(rules::one_version(&WORKSPACE));
}

#[test]
fn everything_comes_from_the_one_registry() {
    assert_none(rules::sources(&WORKSPACE));
}

#[test]
fn manifests_inherit_from_the_workspace() {
    assert_none(files::manifests(&WORKSPACE));
}

#[test]
fn deny_toml_says_the_same() {
    assert_none(files::deny_toml());
}

#[test]
fn no_file_names_a_place_on_somebodys_machine() {
    assert_none(files::machine_paths());
}
