//! Docker's own forms of an archive, which are no image layouts: recognised, so that a refusal can say how to
//! make one of them.

use crate::read::archive::Container;

/// Where Docker's own form of an archive lists its images; Docker of today writes a layout as well.
const LIST: &str = "manifest.json";
/// The same before Docker 1.10, and still written beside the other.
const REPOSITORIES: &str = "repositories";
/// The mark of skopeo's folders (`dir:`).
const VERSION: &str = "version";

/// Which of the files there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DockerFiles {
    list: bool,
    repositories: bool,
    version: bool,
    layers: bool,
}

impl DockerFiles {
    /// Takes note of a file that is no part of a layout; whether Docker writes one like it beside the layout.
    pub(super) fn note(&mut self, path: &str) -> bool {
        self.version |= path == VERSION;
        self.layers |= path.ends_with("/layer.tar") || path.ends_with(".tar") || path.ends_with(".tar.gz");
        match path {
            LIST => self.list = true,
            REPOSITORIES => self.repositories = true,
            _ => return false,
        }
        true
    }

    /// The form that these files are of, in what isn't an image layout.
    pub(super) fn form(self, container: Container) -> Option<DockerForm> {
        match container {
            Container::Tar if self.list => Some(DockerForm::Archive),
            Container::Tar if self.repositories => Some(DockerForm::Legacy),
            Container::Folder if self.list && self.version => Some(DockerForm::Folder),
            Container::Folder if self.layers && (self.list || self.repositories) => {
                Some(DockerForm::Unpacked)
            }
            Container::Tar | Container::Folder => None,
        }
    }
}

/// A form of Docker's, or of what is made for it, that is no image layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DockerForm {
    /// What `docker save` wrote before version 25, and podman, skopeo and crane write still
    /// (`docker-archive`).
    Archive,
    /// What `docker save` wrote before version 1.10.
    Legacy,
    /// A `docker-archive` that was unpacked.
    Unpacked,
    /// What `skopeo copy … dir:` writes.
    Folder,
}

impl DockerForm {
    /// What it is, and how to make an image layout of it.
    pub fn advice(self) -> &'static str {
        match self {
            DockerForm::Archive => {
                "this is Docker's own form of an archive (manifest.json without index.json), not an image layout; turn it into one, for example with `skopeo copy docker-archive:FILE oci-archive:NEW`, or save the image again with a current Docker (docker save)"
            }
            DockerForm::Legacy => {
                "this is the form of an archive that Docker wrote before version 1.10 (repositories without manifest.json), not an image layout; load it into a Docker that still takes it and save it again (docker load, docker save), and if that gives no index.json either, `skopeo copy docker-archive:FILE oci-archive:NEW` makes a layout of it"
            }
            DockerForm::Unpacked => {
                "this is Docker's own form of an archive, unpacked (manifest.json without index.json), not an image layout; pack it again (tar -cf FILE -C FOLDER .) and turn it into one, for example with `skopeo copy docker-archive:FILE oci-archive:NEW`"
            }
            DockerForm::Folder => {
                "this is a folder of skopeo's own form (manifest.json and version), not an image layout; turn it into one with `skopeo copy dir:FOLDER oci:NEW`"
            }
        }
    }
}
