//! The two files at the top of a layout, `oci-layout` and `index.json`.

use std::io;

use airlift_bundle::{Finding, Rule, Section};
use airlift_oci::{Digest, layout};

use crate::examine::Examiner;

impl Examiner<'_> {
    /// A file at the top, if it is there and not absurdly large.
    pub(crate) fn read_top(
        &mut self,
        name: &'static str,
        section: Option<Section>,
        limit: u64,
    ) -> io::Result<Option<Vec<u8>>> {
        let path = || vec![name.to_owned()];
        match section {
            None if name == layout::LAYOUT_FILE && self.is_layout_without_its_mark() => {
                let message = "oci-layout is missing, which every image layout has; index.json is there (hauler writes such archives)";
                self.findings.push(Finding::new(Rule::LayoutMissing, message).as_warning().of(path()));
                Ok(None)
            }
            None => {
                let message = format!("{name} is missing: this is no image layout, or it is damaged");
                self.findings.push(Finding::new(Rule::LayoutMissing, message).of(path()));
                Ok(None)
            }
            Some(section) if section.size() > limit => {
                let message = format!("{name} has {} bytes; more than {limit} is refused", section.size());
                self.findings.push(Finding::new(Rule::LayoutSize, message).at(section.offset()).of(path()));
                Ok(None)
            }
            Some(section) => {
                self.hashed += section.size();
                match section.read_all() {
                    // Of a compressed archive, what can't be unpacked.
                    Err(error) if error.kind() == io::ErrorKind::InvalidData => {
                        let message = format!("{name} can't be read: {error}");
                        let finding = Finding::new(Rule::LayoutUnreadable, message);
                        self.findings.push(finding.at(section.offset()).of(path()));
                        Ok(None)
                    }
                    outcome => outcome.map(Some),
                }
            }
        }
    }

    /// Whether all is there but `oci-layout`, and not because something is wrong with the container.
    fn is_layout_without_its_mark(&self) -> bool {
        let mut findings = self.archive.findings().iter().chain(self.archive.volume_findings());
        self.archive.index().is_some() && !findings.any(|finding| finding.is_error())
    }

    /// Whether `oci-layout` is one, and whether this is one of our bundles; of these, each of its bytes is
    /// known.
    pub(crate) fn judge_layout_file(&mut self, bytes: &[u8], id: Option<Digest>) {
        let claimed = layout::parse_layout(bytes);
        // A flipped bit may hide the member's name or the id, but not both.
        let names_id = id.is_some_and(|id| {
            let text = id.to_string();
            bytes.windows(text.len()).any(|window| window == text.as_bytes())
        });
        self.ours = names_id || matches!(claimed, Ok(Some(_)));
        let finding = match (claimed, id) {
            (Err(error), _) => Finding::new(Rule::LayoutJson, format!("oci-layout can't be read: {error}")),
            (Ok(Some(claimed)), Some(id)) if claimed != id => Finding::new(
                Rule::BundleId,
                format!(
                    "oci-layout names the bundle id {claimed}, but index.json has the digest {id}: one of them is damaged"
                ),
            ),
            (Ok(_), Some(id)) if self.ours && bytes != layout::encode_layout(&id) => Finding::new(
                Rule::LayoutJson,
                "oci-layout was altered: it is not what this bundle's has to be",
            ),
            _ => return,
        };
        self.findings.push(finding.of(vec![layout::LAYOUT_FILE.to_owned()]));
    }
}
