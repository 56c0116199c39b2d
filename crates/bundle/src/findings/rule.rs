//! The rules: every kind of finding, with its stable id, how bad it is, what it means and what to do.
//!
//! A new rule is one more entry in the list below, in the order of the ids. `docs/guarantees.md` has the same
//! list as a table, which `UPDATE_DOCS=1 cargo test -p airlift-verifier --test verifier rules` writes anew.

use schemars::JsonSchema;
use serde::{Serialize, Serializer};

/// How bad a finding is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
// The name that the published schemas have for it.
#[schemars(rename = "Level")]
pub enum Severity {
    /// The bundle must not be used.
    Error,
    /// Odd, and harmless.
    Warning,
}

/// The file changed after it was written.
const DAMAGED: &str = "Damaged: carry it across again.";
/// The file is as its maker wrote it.
const MADE_SO: &str = "Made like this: another copy doesn't help.";
/// One of the two.
const EITHER: &str = "Damaged, or made like this.";
/// The bundle and the lock were not made of each other.
const NOT_AS_LOCKED: &str =
    "It is another bundle, or another lock: ask the maker. Or build a bundle of this lock.";
const NOTHING: &str = "Nothing.";

/// Makes the enum and its texts of one list, so that a rule is described where it is defined. An entry is:
/// the variant, its id, its severity, what it means, and what to do.
macro_rules! rules {
    ($($variant:ident $id:literal $severity:ident $meaning:literal $remedy:expr;)+) => {
        /// A kind of finding.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum Rule {
            $(#[doc = $meaning] $variant,)+
        }

        impl Rule {
            /// All rules, in the order of their ids.
            pub const ALL: &[Rule] = &[$(Rule::$variant,)+];

            /// The stable name that reports have for it, such as `blob-digest`.
            pub const fn id(self) -> &'static str {
                match self {
                    $(Rule::$variant => $id,)+
                }
            }

            /// How bad it is. Of [`Rule::LayoutMissing`] and [`Rule::MoreFindings`], a finding may be less:
            /// their meaning says when.
            pub const fn severity(self) -> Severity {
                match self {
                    $(Rule::$variant => Severity::$severity,)+
                }
            }

            /// What it means, in a sentence or two of Markdown.
            pub const fn meaning(self) -> &'static str {
                match self {
                    $(Rule::$variant => $meaning,)+
                }
            }

            /// What to do about it, in a sentence or two of Markdown.
            pub const fn remedy(self) -> &'static str {
                match self {
                    $(Rule::$variant => $remedy,)+
                }
            }
        }
    };
}

rules! {
    BlobDigest "blob-digest" Error
        "Content has another digest than its name."
        DAMAGED;
    BlobExternal "blob-external" Warning
        "A foreign layer was left out by choice. It is at the `urls` that the finding names."
        "A machine that runs the image needs it from there. Or build again and fetch such layers.";
    BlobMissing "blob-missing" Error
        "Content that an image needs is not there, or is cut off."
        "Damaged: carry it across again. Another tool's layout may also be a partial copy.";
    BlobSize "blob-size" Error
        "Content has another length than its descriptor says."
        EITHER;
    BlobUnlisted "blob-unlisted" Warning
        "No image names this content."
        NOTHING;
    BlobUnreadable "blob-unreadable" Error
        "The system could not read the content, or the file changed while it was read."
        "Check the disk and run the command again.";
    BundleId "bundle-id" Error
        "`index.json` doesn't have the id that `oci-layout` says."
        DAMAGED;
    BundleUnfinished "bundle-unfinished" Error
        "A build wrote this file and has not ended, or was broken off."
        "Run the same `airlift build` again: it goes on from there.";
    ExpectedId "expected-id" Error
        "The bundle doesn't have the id that was expected."
        "It is another bundle: ask its maker.";
    ExtraFile "extra-file" Warning
        "The file is no part of an image layout. Airlift did not look at it."
        NOTHING;
    FolderLimit "folder-limit" Error
        "The folder has too many files."
        MADE_SO;
    FolderType "folder-type" Error
        "A layout folder has a symbolic link, pipe or device. Airlift follows no links."
        "Replace links by the files themselves: `cp -rL FOLDER COPY` makes a copy like that.";
    Graph "graph" Error
        "The images contradict each other, or name something that is no manifest. The finding says which."
        MADE_SO;
    GraphLimit "graph-limit" Error
        "The images nest too deep or are too many. Airlift did not look at them and says nothing about them."
        "If you trust the maker of the bundle, raise the limit by the option that the finding names.";
    IndexEmpty "index-empty" Warning
        "`index.json` names no image."
        NOTHING;
    IndexJson "index-json" Error
        "`index.json` can't be read in one way only."
        EITHER;
    IndexPartial "index-partial" Warning
        "Another tool's layout has all of one platform of an image, and nothing of another one. `docker save` writes such archives."
        "See [platforms.md](platforms.md#partial-archives-of-docker-save).";
    LayoutJson "layout-json" Error
        "`oci-layout` is no such document. In Airlift's own bundles: it is not exactly what it has to be."
        DAMAGED;
    LayoutMissing "layout-missing" Error
        "`oci-layout` or `index.json` is not there, or the archive has Docker's own form. A warning where only `oci-layout` is missing in a sound archive, as in hauler's."
        "Damaged, or no image layout. Of Docker's form, `skopeo copy docker-archive:FILE oci-archive:NEW` makes one.";
    LayoutSize "layout-size" Error
        "`oci-layout` or `index.json` is far too large."
        MADE_SO;
    LayoutUnreadable "layout-unreadable" Error
        "In a compressed archive, `oci-layout` or `index.json` can't be unpacked."
        DAMAGED;
    LockAltered "lock-altered" Error
        "The lock has another media type, another size or other platforms than the image of that digest has."
        "The lock was edited, or merged wrongly: lock the image again.";
    LockDigest "lock-digest" Error
        "The bundle has another digest under a name than the lock."
        NOT_AS_LOCKED;
    LockExtra "lock-extra" Error
        "The bundle has an image that the lock doesn't have."
        NOT_AS_LOCKED;
    LockMissing "lock-missing" Error
        "The lock has an image that the bundle doesn't have."
        NOT_AS_LOCKED;
    LockPlatforms "lock-platforms" Error
        "The bundle carries other platforms of an image than the lock chooses."
        NOT_AS_LOCKED;
    ManifestAbsent "manifest-absent" Warning
        "In another tool's layout, an attestation is not there, but its image is."
        NOTHING;
    ManifestDigest "manifest-digest" Error
        "A manifest has another digest than its name. What lies below it is unknown."
        DAMAGED;
    ManifestForm "manifest-form" Warning
        "A manifest's `schemaVersion` is not 2, or some of its annotations are no strings. Other tools may refuse it."
        MADE_SO;
    ManifestJson "manifest-json" Error
        "A manifest's JSON, media type or form is refused."
        "Made like this: build the image again.";
    ManifestMissing "manifest-missing" Error
        "A manifest is not there."
        "Damaged: carry it across again. Another tool's layout may also be a partial copy.";
    ManifestSize "manifest-size" Error
        "A manifest is too large, or has another length than its descriptor says."
        EITHER;
    ManifestUnknown "manifest-unknown" Warning
        "Content of an unknown type is where an image is expected. Airlift doesn't look below it and doesn't push it."
        "Look at its type.";
    ManifestUnreadable "manifest-unreadable" Error
        "The system could not read a manifest, or the file changed while it was read."
        "Check the disk and run the command again.";
    MoreFindings "more-findings" Error
        "There are more findings than the report lists. A warning where those are warnings only."
        "See the listed ones first.";
    TarChecksum "tar-checksum" Error
        "A tar header is damaged, or something else is in its place."
        DAMAGED;
    TarDuplicate "tar-duplicate" Error
        "A name is there twice, and readers disagree on which one counts."
        MADE_SO;
    TarEnd "tar-end" Error
        "The archive lacks its closing blocks, or is empty."
        "Damaged, namely cut off: carry it across again.";
    TarFormat "tar-format" Error
        "A header is neither POSIX's nor GNU's."
        "Made like this: write the archive with another tool.";
    TarHeader "tar-header" Error
        "In Airlift's own archives: a header is not what it has to be."
        DAMAGED;
    TarLimit "tar-limit" Error
        "The archive has too many entries or findings. Airlift did not look at the rest."
        MADE_SO;
    TarPadding "tar-padding" Error
        "In Airlift's own archives: bytes between two entries are not zero."
        DAMAGED;
    TarPath "tar-path" Error
        "A name is absolute, has `..`, or is one that readers disagree on."
        MADE_SO;
    TarPax "tar-pax" Error
        "An extended header is malformed, or could change what an entry is."
        MADE_SO;
    TarRepacked "tar-repacked" Error
        "In Airlift's own archives: all entries are there, but in other places or with other headers. So this is not the original. Airlift judges the contents by themselves."
        "Take the original. Or unpack this one and use the folder. Or build the bundle again and reuse the content of this one.";
    TarShifted "tar-shifted" Error
        "In Airlift's own archives: from one entry on, none is where it has to be."
        "Damaged: something was put in, taken out or overwritten. Carry it across again.";
    TarSize "tar-size" Error
        "A size is absurd, or readers disagree on it."
        MADE_SO;
    TarTail "tar-tail" Error
        "There are bytes behind the archive's end."
        "Damaged, or something was appended.";
    TarTruncated "tar-truncated" Error
        "The archive is cut off."
        DAMAGED;
    TarType "tar-type" Error
        "An entry is a symbolic link, device, sparse file or global header, or a hard link to something that is no file before it."
        "Pack it again with the files themselves in place of links. The finding says how.";
    VolumeDigest "volume-digest" Error
        "A volume has another digest than the manifest of the set says."
        "Damaged: carry this volume across again.";
    VolumeForeign "volume-foreign" Error
        "The volumes hold no bundle of Airlift's, so it is unknown what each byte has to be."
        "Made like this: join the volumes (`cat`).";
    VolumeManifest "volume-manifest" Error
        "The `.volumes.json` was altered, or is that of another bundle."
        "Carry it across again.";
    VolumeMissing "volume-missing" Error
        "A volume is not there."
        "Put it beside the others. If it is there under another name, the finding says so.";
    VolumeSize "volume-size" Error
        "A volume has another length than the manifest says."
        "Damaged: carry this volume across again.";
    VolumeStart "volume-start" Error
        "The first 4,096 bytes of a volume are others than the manifest says."
        "Damaged, or of another set.";
    VolumeSwapped "volume-swapped" Error
        "A volume is in the place of another one."
        "Rename it.";
    ZstForeign "zst-foreign" Error
        "The frames of a compressed archive hold no bundle of Airlift's, so it is unknown what each byte has to be."
        "Made like this: unpack it (`zstd -d`).";
    ZstFrame "zst-frame" Error
        "A frame of a compressed archive, or what is between its blocks, is not what it has to be."
        DAMAGED;
    ZstFrames "zst-frames" Error
        "A compressed archive is not cut into frames as Airlift does it."
        MADE_SO;
    ZstTable "zst-table" Error
        "The end of a compressed archive (frame digests, seek table) is missing, or doesn't fit the file."
        "Damaged, most often cut off: carry it across again.";
}

impl Rule {
    /// Whether it compares with a lock. Then it finds nothing wrong with the bundle itself.
    pub fn is_of_lock(self) -> bool {
        use Rule::{LockAltered, LockDigest, LockExtra, LockMissing, LockPlatforms};
        matches!(self, LockAltered | LockDigest | LockExtra | LockMissing | LockPlatforms)
    }
}

impl std::fmt::Display for Rule {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.pad(self.id())
    }
}

impl Serialize for Rule {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.id())
    }
}
