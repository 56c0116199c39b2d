//! The archives and folders that are made of images in memory. Shared with the verifier's tests.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use airlift_bundle::{EntryPath, Existing, Form, Plan};
use airlift_oci::{Limits, Unobserved};

use crate::images::Images;

impl Images {
    pub(crate) fn plan(&self) -> Arc<Plan> {
        Arc::new(Plan::new(self.try_graph(Limits::default()).unwrap()).unwrap())
    }

    /// Writes the archive; `order` gets the blobs' numbers and says in which order they come.
    pub(crate) fn write(&self, output: &Path, order: impl FnOnce(&mut Vec<usize>)) -> Arc<Plan> {
        let plan = self.plan();
        let (writer, _) = Form::Tar.output().open(output).unwrap().output.writer(&plan).unwrap();
        let blobs: Vec<_> = plan.blobs().collect();
        let mut numbers = (0..blobs.len()).collect();
        order(&mut numbers);
        for number in numbers {
            let mut blob = writer.blob(&blobs[number]).unwrap();
            for piece in self.contents[&blobs[number].digest].chunks(13) {
                blob.write(piece).unwrap();
            }
            blob.finish().unwrap();
        }
        writer.write_known().unwrap();
        writer.publish(Existing::Keep, &Unobserved).unwrap();
        plan
    }

    /// The archive's bytes.
    pub(crate) fn archive(&self) -> Vec<u8> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("bundle.tar");
        self.write(&path, |_| ());
        fs::read(path).unwrap()
    }

    /// All files of another tool's layout, by path.
    pub(crate) fn foreign_files(&self) -> Vec<(String, Vec<u8>)> {
        let mut files = vec![
            ("oci-layout".to_owned(), br#"{"imageLayoutVersion": "1.0.0"}"#.to_vec()),
            ("index.json".to_owned(), self.foreign_index().into_bytes()),
        ];
        files.extend(
            self.contents
                .iter()
                .map(|(digest, content)| (EntryPath::of_blob(digest).to_string(), content.clone())),
        );
        files
    }

    /// Writes a layout folder, as other tools do.
    pub(crate) fn write_folder(&self, folder: &Path) {
        for (path, content) in self.foreign_files() {
            let path = folder.join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }
}
