//! Docker's own forms of an archive. They are no image layouts; a refusal says how to make one of them.

/// The list of images in Docker's own form of an archive. Today's Docker writes a layout as well.
const LIST: &str = "manifest.json";
/// The list of images before Docker 1.10. Docker still writes it beside the other.
const REPOSITORIES: &str = "repositories";
/// The mark of skopeo's folders (`dir:`).
const VERSION: &str = "version";

/// Which of Docker's files there are.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct DockerFiles {
    list: bool,
    repositories: bool,
    version: bool,
    layers: bool,
}

impl DockerFiles {
    /// Notes a file that is no part of a layout. Returns whether Docker writes such a file beside a layout.
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

    /// The form of a tar archive with these files that isn't an image layout.
    pub(super) fn form_of_tar(self) -> Option<DockerForm> {
        match self {
            DockerFiles { list: true, .. } => Some(DockerForm::Archive),
            DockerFiles { repositories: true, .. } => Some(DockerForm::Legacy),
            _ => None,
        }
    }

    /// The form of a folder with these files that isn't an image layout.
    pub(super) fn form_of_folder(self) -> Option<DockerForm> {
        match self {
            DockerFiles { list: true, version: true, .. } => Some(DockerForm::Folder),
            DockerFiles { layers: true, list, repositories, .. } if list || repositories => {
                Some(DockerForm::Unpacked)
            }
            _ => None,
        }
    }
}

/// A form in which Docker, or a tool for it, stores images, and which is no image layout.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DockerForm {
    /// `docker-archive`: `docker save` wrote it before version 25; podman, skopeo and crane still write it.
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
