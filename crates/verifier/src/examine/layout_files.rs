//! The two files at the top of a layout, `oci-layout` and `index.json`.

use std::io;

use airlift_bundle::{Finding, Rule, Section};
use airlift_oci::{Digest, layout};

use super::examiner::Examiner;

impl Examiner {
    /// One of the two files, if it is there, is not absurdly large, and can be unpacked. Else a finding says
    /// why not.
    ///
    /// # Errors
    /// If the disk fails.
    pub(super) fn read_layout_file(
        &mut self,
        name: &'static str,
        section: Option<Section>,
        limit: u64,
    ) -> io::Result<Option<Vec<u8>>> {
        let finding = match section {
            None => self.missing_layout_file(name),
            Some(section) if section.size() > limit => {
                let message = format!("{name} has {} bytes; more than {limit} is refused", section.size());
                Finding::new(Rule::LayoutSize, message).at(section.offset())
            }
            Some(section) => {
                self.hashed += section.size();
                match section.read_all() {
                    // In a compressed archive: what can't be unpacked.
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                        let message = format!("{name} can't be read: {error}");
                        Finding::new(Rule::LayoutUnreadable, message).at(section.offset())
                    }
                    outcome => return outcome.map(Some),
                }
            }
        };
        self.findings.push(finding.of(vec![name.to_owned()]));
        Ok(None)
    }

    /// A warning where all is there but `oci-layout`, and not because something is wrong with the archive.
    fn missing_layout_file(&self, name: &str) -> Finding {
        if name == layout::LAYOUT_FILE && self.archive.index().is_some() && !self.archive.has_errors() {
            let message = "oci-layout is missing, which every image layout has; index.json is there (hauler writes such archives)";
            return Finding::new(Rule::LayoutMissing, message).as_warning();
        }
        let message = format!("{name} is missing: this is no image layout, or it is damaged");
        Finding::new(Rule::LayoutMissing, message)
    }

    /// Checks what `oci-layout` says, and learns from it whether this is one of Airlift's own bundles. In
    /// these, each byte of it is known.
    pub(super) fn check_oci_layout(&mut self, bytes: &[u8], id: Option<Digest>) {
        let claimed = layout::parse_layout(bytes);
        // A flipped bit may hide the member's name or the id, but not both.
        let names_id = id.is_some_and(|id| {
            let text = id.to_string();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        });
        self.is_own = names_id || matches!(claimed, Ok(Some(_)));
        let finding = match (claimed, id) {
            (Err(error), _) => Finding::new(Rule::LayoutJson, format!("oci-layout can't be read: {error}")),
            (Ok(Some(claimed)), Some(id)) if claimed != id => Finding::new(
                Rule::BundleId,
                format!(
                    "oci-layout names the bundle id {claimed}, but index.json has the digest {id}: one of them is damaged"
                ),
            ),
            (Ok(_), Some(id)) if self.is_own && bytes != layout::encode_layout(&id) => Finding::new(
                Rule::LayoutJson,
                "oci-layout was altered: it is not what this bundle's has to be",
            ),
            _ => return,
        };
        self.findings.push(finding.of(vec![layout::LAYOUT_FILE.to_owned()]));
    }
}
