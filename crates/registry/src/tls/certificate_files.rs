//! Where certificates lie: the CA file, and for one registry `certs.d/HOST[:PORT]/*.crt`, as Docker and
//! Podman have it.

use std::ffi::OsString;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use airlift_oci::reference::{HUB, HUB_API};
use reqwest::Url;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::error::setup::SetupError;

/// The largest CA file that is read; whole system bundles have 250 KB.
const MAX_CA_FILE: u64 = 8 * 1024 * 1024;

/// Where certificates for one registry may lie.
pub(crate) fn folders(variable: impl Fn(&str) -> Option<OsString>) -> Vec<PathBuf> {
    let folder = |name: &str| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let config = folder("XDG_CONFIG_HOME").or_else(|| Some(folder("HOME")?.join(".config")));
    let of_user = config
        .iter()
        .flat_map(|config| ["containers/certs.d", "docker/certs.d"].map(|name| config.join(name)));
    of_user.chain(["/etc/containers/certs.d", "/etc/docker/certs.d"].map(PathBuf::from)).collect()
}

/// How the folder of a registry is called: its host, and its port unless that is the usual one.
pub(crate) fn folder_name(url: &Url) -> Option<String> {
    let host = url.host_str()?;
    let host = if host == HUB_API { HUB } else { host };
    Some(url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}")))
}

/// The certificates in a folder, by their names. One that isn't there, or can't be read, has none.
pub(crate) fn files_in(folder: &Path) -> Vec<PathBuf> {
    let names = airlift_disk::names_in(folder).into_iter().flatten().flatten();
    let entries = names.map(|name| folder.join(name));
    let is_certificate = |path: &PathBuf| path.extension().is_some_and(|extension| extension == "crt");
    let mut files: Vec<PathBuf> = entries.filter(is_certificate).collect();
    files.sort();
    files
}

/// The certificates in a PEM file.
pub(crate) fn read(path: &Path) -> Result<Vec<CertificateDer<'static>>, SetupError> {
    let unreadable = |source| SetupError::CaFile { path: path.to_owned(), source };
    let file = std::fs::File::open(path).map_err(unreadable)?;
    let mut pem = Vec::new();
    file.take(MAX_CA_FILE).read_to_end(&mut pem).map_err(unreadable)?;
    let useless = || SetupError::CaCertificates { path: path.to_owned() };
    let certificates: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let certificates = certificates.map_err(|_| useless())?;
    if certificates.is_empty() {
        return Err(useless());
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_folders_of_one_registry() {
        let home = |name: &str| (name == "HOME").then(|| OsString::from("/h"));
        let expected = [
            "/h/.config/containers/certs.d",
            "/h/.config/docker/certs.d",
            "/etc/containers/certs.d",
            "/etc/docker/certs.d",
        ];
        assert_eq!(folders(home), expected.map(PathBuf::from));
        for (url, name) in [
            ("https://r.example/v2/", "r.example"),
            ("https://r.example:443/v2/", "r.example"),
            ("https://r.example:5000/v2/", "r.example:5000"),
            ("https://[::1]:5000/", "[::1]:5000"),
            ("https://registry-1.docker.io/v2/", "docker.io"),
        ] {
            assert_eq!(folder_name(&Url::parse(url).unwrap()).as_deref(), Some(name));
        }
    }
}
