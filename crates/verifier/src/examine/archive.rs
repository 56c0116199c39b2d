//! What is wrong with the archive as such: the tar archive, the folder, the frames or the volumes.

use airlift_bundle::read::DockerForm;
use airlift_bundle::{Finding, Rule, Storage};
use airlift_oci::Digest;

use super::examiner::Examiner;

impl Examiner {
    /// Adds what the reader of the archive found: errors in front of all other findings, warnings behind
    /// them.
    pub(super) fn add_archive_findings(&mut self) {
        self.add_archive_errors();
        let warnings = self.archive.findings().iter().filter(|finding| !finding.is_error());
        self.findings.extend(warnings.cloned());
    }

    /// A file that is missing may be so because of what is wrong with the archive: that comes first.
    fn add_archive_errors(&mut self) {
        let errors = self.archive.findings().iter().filter(|finding| finding.is_error());
        self.findings.put_first(errors.cloned().collect());
    }

    /// The manifest of the volumes names a bundle. It has to be the one that the volumes hold.
    pub(super) fn check_id_of_volumes(&mut self, id: Digest) {
        if let Some(set) = self.archive.volumes().filter(|set| set.bundle != id) {
            let message = format!(
                "the manifest of the volumes is that of the bundle {}, but what they hold has the id {id}",
                set.bundle
            );
            self.findings.push(Finding::new(Rule::VolumeManifest, message));
        }
    }

    /// Refuses another tool's layout in frames or volumes: only of Airlift's own bundles there it is known
    /// what each byte has to be.
    pub(super) fn refuse_foreign_frames_and_volumes(&mut self) {
        if self.findings.has_errors() {
            return;
        }
        if self.archive.storage().is_some_and(Storage::is_compressed) {
            let message = "what is in these frames is no bundle of ours; unpack it first (zstd -d)";
            self.findings.push(Finding::new(Rule::ZstForeign, message).of(vec!["frames".to_owned()]));
        }
        if self.archive.volumes().is_some() {
            let message = "what is in these volumes is no bundle of ours; join them first (cat)";
            self.findings.push(Finding::new(Rule::VolumeForeign, message).of(vec!["volumes".to_owned()]));
        }
    }

    /// Says which of Docker's own forms this is and how to make a layout of it. If the archive was cut off as
    /// well, that comes first.
    pub(super) fn refuse_docker_archive(&mut self, form: DockerForm) {
        let finding = Finding::new(Rule::LayoutMissing, form.advice());
        self.findings.push(finding.of(vec!["manifest.json".to_owned()]));
        self.add_archive_errors();
    }
}
