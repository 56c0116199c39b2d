//! An image layout, opened in place: our archive, another tool's tar, or a folder.
//!
//! Opening finds out where things lie and what is wrong with the container; it hashes nothing. Whether the contents are
//! what they are called is the verifier's business.

use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::Digest;
use crate::defect::{Defect, Severity};
use crate::layout;
use crate::path::EntryPath;
use crate::scan::{Scan, scan};
use crate::section::Section;

/// Why a layout could not even be looked at.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// It can't be opened or read.
    #[error("can't read {}", .path.display())]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// It is compressed as a whole.
    #[error("{} is compressed ({format}); unpack it first: an image layout is a plain tar archive or a folder", .path.display())]
    Compressed {
        /// The file.
        path: PathBuf,
        /// The format.
        format: &'static str,
    },
    /// It is neither a tar archive nor a folder.
    #[error("{} is not a bundle: neither a tar archive nor a folder with an image layout", .path.display())]
    NotALayout {
        /// The file.
        path: PathBuf,
    },
}

/// What kind of container a layout came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// A tar archive.
    Tar,
    /// A folder.
    Folder,
}

/// An opened layout.
#[derive(Debug)]
pub struct Archive {
    path: PathBuf,
    form: Form,
    /// The tar's one descriptor; `None` for a folder, whose files are opened as they are needed.
    file: Option<Arc<File>>,
    size: u64,
    files: BTreeMap<EntryPath, Place>,
    blobs: HashMap<Digest, EntryPath>,
    defects: Vec<Defect>,
}

#[derive(Clone, Copy, Debug)]
struct Place {
    offset: u64,
    size: u64,
}

impl Archive {
    /// Opens a tar archive or a folder.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let read = |source| OpenError::Read { path: path.to_owned(), source };
        let metadata = std::fs::metadata(path).map_err(read)?;
        if metadata.is_dir() {
            return crate::folder::open(path).map_err(read);
        }
        if !metadata.is_file() {
            return Err(OpenError::NotALayout { path: path.to_owned() });
        }
        let file = File::open(path).map_err(read)?;
        let size = file.metadata().map_err(read)?.len();
        if let Some(format) = compression(&file).map_err(read)? {
            return Err(OpenError::Compressed { path: path.to_owned(), format });
        }
        let Scan { entries, defects } = scan(&file, size).map_err(read)?;
        let unreadable_from_the_start = entries.is_empty()
            && defects.iter().any(|d| d.offset == Some(0) && matches!(d.rule, "tar-checksum" | "tar-format"));
        if unreadable_from_the_start && !has_layout_name(&file).map_err(read)? {
            return Err(OpenError::NotALayout { path: path.to_owned() });
        }
        let mut archive = Archive::empty(path, Form::Tar, size);
        archive.file = Some(Arc::new(file));
        archive.defects = defects;
        for entry in entries {
            archive.add(entry.path, entry.data_offset, entry.size);
        }
        Ok(archive)
    }

    pub(crate) fn empty(path: &Path, form: Form, size: u64) -> Self {
        Archive {
            path: path.to_owned(),
            form,
            file: None,
            size,
            files: BTreeMap::new(),
            blobs: HashMap::new(),
            defects: Vec::new(),
        }
    }

    /// Takes note of a file; of two with one name the first counts, the scan has reported it.
    pub(crate) fn add(&mut self, path: EntryPath, offset: u64, size: u64) {
        if let Some(digest) = path.digest() {
            self.blobs.entry(digest).or_insert_with(|| path.clone());
        } else if !matches!(path.as_str(), layout::LAYOUT_FILE | layout::INDEX_FILE) {
            let message = format!("{path} is no part of an image layout and was not looked at");
            let offset = (self.form == Form::Tar).then_some(offset);
            self.defects.push(Defect { severity: Severity::Warning, rule: "extra-file", message, offset });
        }
        self.files.entry(path).or_insert(Place { offset, size });
        if self.form == Form::Folder {
            self.size = self.size.saturating_add(size);
        }
    }

    pub(crate) fn add_defect(&mut self, defect: Defect) {
        self.defects.push(defect);
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it came in.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Bytes in all: the file's, or those of a folder's files together.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// What is wrong with the container itself.
    pub fn defects(&self) -> &[Defect] {
        &self.defects
    }

    /// The digests by which content is filed, in no order.
    pub fn blobs(&self) -> impl Iterator<Item = &Digest> {
        self.blobs.keys()
    }

    /// The tar's descriptor; `None` for a folder.
    pub fn file(&self) -> Option<&Arc<File>> {
        self.file.as_ref()
    }

    /// A file at the layout's top; `None` where there is none.
    pub fn top(&self, name: &'static str) -> io::Result<Option<Section>> {
        self.section_of(&EntryPath::top(name))
    }

    /// The content filed under a digest, unproven; `None` where there is none.
    pub fn blob(&self, digest: &Digest) -> io::Result<Option<Section>> {
        match self.blobs.get(digest) {
            Some(path) => self.section_of(path),
            None => Ok(None),
        }
    }

    fn section_of(&self, path: &EntryPath) -> io::Result<Option<Section>> {
        let Some(place) = self.files.get(path) else {
            return Ok(None);
        };
        let file = match &self.file {
            Some(file) => Arc::clone(file),
            None => Arc::new(crate::os::open_no_follow(&self.path.join(path.as_str()))?),
        };
        Ok(Some(Section::new(file, place.offset, place.size)))
    }
}

/// The compression that a file starts with, by its magic number.
fn compression(file: &File) -> io::Result<Option<&'static str>> {
    let mut magic = [0; 6];
    crate::os::read_full_at(file, &mut magic, 0)?;
    Ok(match magic {
        [0x1f, 0x8b, ..] => Some("gzip"),
        [0x28, 0xb5, 0x2f, 0xfd, ..] => Some("zstd"),
        [0xfd, b'7', b'z', b'X', b'Z', 0] => Some("xz"),
        [b'B', b'Z', b'h', ..] => Some("bzip2"),
        _ => None,
    })
}

/// Whether the file starts like one of our bundles, header damage or not: then it is a damaged bundle, not another file.
fn has_layout_name(file: &File) -> io::Result<bool> {
    let mut start = [0; 1024];
    let count = crate::os::read_full_at(file, &mut start, 0)?;
    let holds = |needle: &[u8]| start[..count].windows(needle.len()).any(|window| window == needle);
    Ok(holds(layout::LAYOUT_FILE.as_bytes()) || holds(layout::BUNDLE_ID.as_bytes()))
}
