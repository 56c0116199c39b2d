//! What is wrong with the container as such: the tar archive, the folder, the frames or the volumes.

use std::path::Path;

use airlift_bundle::read::archive::DockerForm;
use airlift_bundle::{Finding, Rule};
use airlift_oci::Digest;

use crate::examine::Examiner;

impl Examiner<'_> {
    pub(crate) fn take_container_defects(&mut self) {
        self.take_container_errors();
        let all = self.archive.findings().iter().cloned();
        self.findings.extend(all.filter(|finding| !finding.is_error()));
    }

    /// What says which volumes belong together says of which bundle they are, too.
    pub(crate) fn hold_against_volumes(&mut self, id: Digest) {
        if let Some(set) = self.archive.volumes().filter(|set| set.bundle != id) {
            let message = format!(
                "the manifest of the volumes is that of the bundle {}, but what they hold has the id {id}",
                set.bundle
            );
            self.findings.push(Finding::new(Rule::VolumeManifest, message));
        }
    }

    /// Of what is compressed, or in volumes, only our own bundles are known byte for byte.
    pub(crate) fn refuse_unplanned_containers(&mut self) {
        if self.findings.forbid() {
            return;
        }
        if self.archive.storage().is_some_and(airlift_bundle::Storage::is_compressed) {
            let message = "what is in these frames is no bundle of ours; unpack it first (zstd -d)";
            self.findings.push(Finding::new(Rule::ZstForeign, message).of(vec!["frames".to_owned()]));
        }
        if self.archive.volumes().is_some() {
            let message = "what is in these volumes is no bundle of ours; join them first (cat)";
            self.findings.push(Finding::new(Rule::VolumeForeign, message).of(vec!["volumes".to_owned()]));
        }
    }

    /// A file that is missing may be so because of what is wrong with the container: that comes first.
    pub(crate) fn take_container_errors(&mut self) {
        let all = self.archive.findings().iter().cloned();
        self.findings.put_first(all.filter(Finding::is_error).collect());
    }

    /// Says what it is and how to make a layout of it. Where it was cut off as well, that comes first.
    pub(crate) fn take_docker_archive(&mut self, form: DockerForm) {
        let finding = Finding::new(Rule::LayoutMissing, form.advice());
        self.findings.push(finding.of(vec!["manifest.json".to_owned()]));
        self.take_container_errors();
    }
}

/// What is wrong with a file that has the name of an unfinished build.
pub(crate) fn unfinished(path: &Path) -> Finding {
    let message = "this is an unfinished build, not a bundle: the build has not ended, or was broken off";
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    Finding::new(Rule::BundleUnfinished, message).of(vec![name.into_owned()])
}
