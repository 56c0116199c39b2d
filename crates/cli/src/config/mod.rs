//! Files that configure Airlift: the user's own `config.toml`, and the `registries.conf` of other tools.

mod config_file;
mod registries_conf;
mod toml_text;

pub(crate) use config_file::{config_path, user_mirrors};
pub(crate) use registries_conf::registries_conf_mirrors;
