//! The strict tar reader: it refuses archives that two parsers could read differently, and reads other
//! styles.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::FileExt;

use airlift_bundle::tar::scan::{ScannedEntry, scan};
use airlift_bundle::{Archive, EntryPath, Finding, OpenError, Severity};
use airlift_oci::Digest;
use tempfile::NamedTempFile;

use crate::tar_file::{Tar, header, pax_record};

fn scanned(file: &File) -> (Vec<ScannedEntry>, Vec<Finding>) {
    let mut entries = Vec::new();
    let length = file.metadata().unwrap().len();
    let findings = scan(file, length, |entry| entries.push(entry)).unwrap();
    (entries, findings)
}

/// The rules that an archive breaks.
fn rules(tar: &Tar) -> Vec<&'static str> {
    let file = tar.save();
    let (entries, findings) = scanned(file.as_file());
    let length = tar.0.len() as u64;
    assert!(entries.iter().all(|entry| entry.data_offset + entry.size <= length), "{entries:?}");
    assert!(findings.iter().all(|finding| finding.is_error() && finding.offset <= Some(length)));
    for finding in &findings {
        assert!(!finding.message.chars().any(char::is_control), "{}", finding.message);
        assert!(finding.message.len() < 700, "{}", finding.message.len());
    }
    findings.into_iter().map(|finding| finding.rule.id()).collect()
}

fn names(tar: &Tar) -> Vec<String> {
    let file = tar.save();
    let (entries, findings) = scanned(file.as_file());
    assert_eq!(findings, []);
    entries.into_iter().map(|entry| entry.path.to_string()).collect()
}

fn one() -> Tar {
    Tar::default().file("index.json", b"{}")
}

#[test]
fn a_sound_archive_breaks_no_rule() {
    assert_eq!(names(&one().file("oci-layout", &[b'x'; 513]).end()), ["index.json", "oci-layout"]);
    assert_eq!(names(&Tar::default().end()), [""; 0]);
    assert_eq!(
        names(&one().end().raw(&[0; 9 * 1024])),
        ["index.json"],
        "zeros up to a record's end are GNU's habit"
    );
}

#[test]
fn cut_archives_are_refused() {
    assert_eq!(rules(&Tar::default()), ["tar-end"], "an empty file");
    assert_eq!(rules(&one()), ["tar-end"], "at an entry's boundary");
    assert_eq!(rules(&one().raw(&[0; 512])), ["tar-end"], "one closing block of two");
    assert_eq!(rules(&one().raw(&[0; 100])), ["tar-end"], "inside the closing blocks");
    let whole = one().end().0;
    for (length, rule) in [
        (1, "tar-truncated"),
        (511, "tar-truncated"),
        (512, "tar-truncated"),
        (513, "tar-truncated"),
        (900, "tar-truncated"),
    ] {
        assert_eq!(rules(&Tar(whole[..length].to_vec())), [rule], "{length}");
    }
}

#[test]
fn anything_behind_the_end_is_refused() {
    assert_eq!(rules(&one().end().raw(b"x")), ["tar-tail"]);
    assert_eq!(rules(&one().end().raw(&one().end().0)), ["tar-tail"], "a second archive");
    assert_eq!(
        rules(&one().raw(&[0; 512]).file("x", b"").end()),
        ["tar-tail"],
        "behind a single block of zeros"
    );
}

#[test]
fn a_name_may_be_there_once() {
    assert_eq!(rules(&one().file("index.json", b"[]").end()), ["tar-duplicate"]);
    assert_eq!(rules(&one().file("./index.json", b"[]").end()), ["tar-duplicate"], "by another spelling");
    assert_eq!(
        rules(&one().entry("index.json/", b'5', b"").end()),
        ["tar-duplicate"],
        "as a file and a folder"
    );
    let long = format!("blobs/sha512/{}", "a".repeat(128));
    let twice =
        Tar::default().pax(&[("path", &long)]).file(&long, b"").entry("././@LongLink", b'L', long.as_bytes());
    assert_eq!(rules(&twice.file(&long, b"").end()), ["tar-duplicate"], "in pax and in GNU form");
}

#[test]
fn pax_headers_may_not_change_what_an_entry_is() {
    for (records, rule) in [
        (&[("size", "1")][..], "tar-size"),
        (&[("size", "9999999999")], "tar-size"),
        (&[("path", "oci-layout")], "tar-path"),
        (&[("path", "index.json/../x")], "tar-path"),
        (&[("path", "index.json"), ("path", "index.json")], "tar-pax"),
        (&[("linkpath", "x")], "tar-pax"),
        (&[("GNU.sparse.major", "1"), ("GNU.sparse.minor", "0")], "tar-pax"),
        (&[("GNU.sparse.name", "x")], "tar-pax"),
        (&[("hdrcharset", "BINARY")], "tar-pax"),
        (&[("size", "-2")], "tar-pax"),
        (&[("size", "2 ")], "tar-pax"),
        (&[("unknown", "x")], "tar-pax"),
    ] {
        let tar = Tar::default().pax(records).file("index.json", b"{}").end();
        assert_eq!(rules(&tar), [rule], "{records:?}");
    }
    let malformed =
        Tar::default().entry("PaxHeaders/x", b'x', b"11 path=x\n").file("index.json", b"{}").end();
    assert_eq!(rules(&malformed), ["tar-pax"]);
    let twice = Tar::default().pax(&[("mtime", "1")]).pax(&[("mtime", "2")]).file("index.json", b"{}").end();
    assert_eq!(rules(&twice), ["tar-pax"]);
    let both = Tar::default().pax(&[("path", "index.json")]).entry("././@LongLink", b'L', b"index.json");
    assert_eq!(rules(&both.file("index.json", b"{}").end()), ["tar-pax"]);
    assert_eq!(rules(&one().pax(&[("mtime", "1")]).end()), ["tar-pax"], "before nothing");
    assert_eq!(
        rules(&one().entry("x", b'g', pax_record("path", "x").as_bytes()).end()),
        ["tar-type"],
        "global"
    );
}

/// A size that only one of two readers believes leads them to two different next headers.
#[test]
fn the_tar_smuggling_of_cve_2025_62518_is_refused() {
    let inner = Tar::default().file("index.json", b"inner").end();
    let tar =
        Tar::default().pax(&[("size", &inner.0.len().to_string())]).raw(header(b"layer", b'0', 0).as_bytes());
    assert_eq!(rules(&tar.raw(&inner.0).end()), ["tar-size"]);
}

#[test]
fn extended_names_may_not_rename_or_hide_a_folder() {
    let long = format!("blobs/sha512/{}", "a".repeat(128));
    let named = |header: &str, name: &[u8]| {
        Tar::default().entry("././@LongLink", b'L', name).file(header, b"{}").end()
    };
    assert_eq!(names(&named(&long, format!("{long}\0").as_bytes())), [long.as_str()]);
    assert_eq!(names(&named("index.json", b"index.json\0")), ["index.json"]);
    assert_eq!(
        rules(&named(&long, format!("{long}\0\0").as_bytes())),
        ["tar-pax"],
        "some take one NUL for the name's"
    );
    assert_eq!(rules(&named("index.json", long.as_bytes())), ["tar-path"], "another name");
    assert_eq!(
        rules(&named("blobs", long.as_bytes())),
        ["tar-path"],
        "a start that nobody had to cut so short"
    );
    assert_eq!(rules(&named("", long.as_bytes())), ["tar-path"], "no name at all");
    assert_eq!(
        rules(&named(&long, format!("{long}/").as_bytes())),
        ["tar-path"],
        "a slash makes it a folder"
    );
    assert_eq!(rules(&named("index.json", b"index.json\0x")), ["tar-pax"], "something behind the name's end");
    assert_eq!(rules(&Tar::default().file("index.json/", b"{}").end()), ["tar-path"]);
}

#[test]
fn only_files_and_folders_belong_into_a_layout() {
    for kind in b"123467SKgVMDNAX" {
        let tar = Tar::default().entry("x", *kind, b"").file("index.json", b"{}").end();
        assert_eq!(rules(&tar), ["tar-type"], "{}", char::from(*kind));
    }
    for kind in [b'S', b'Z', 0xff] {
        let tar = Tar::default().entry("x", kind, b"data").end();
        assert_eq!(rules(&tar), ["tar-type"]);
    }
    // Links have no data, so the scan goes on behind them.
    let tar = Tar::default().entry("blobs", b'2', b"").entry("x", b'3', b"").file("a\x07", b"").end();
    assert_eq!(rules(&tar), ["tar-type", "tar-type", "tar-path"]);
}

/// A hard link, as the header of an entry without data.
fn hard_link(name: &str, target: &str, size: u64) -> Vec<u8> {
    let mut header = header(name.as_bytes(), b'1', size);
    header.as_old_mut().linkname[..target.len()].copy_from_slice(target.as_bytes());
    header.set_cksum();
    header.as_bytes().to_vec()
}

#[test]
fn hard_links_are_second_names_of_earlier_files() {
    let linked = |target: &str| one().raw(&hard_link("second", target, 0)).file("last", b"").end();
    for target in ["index.json", "./index.json"] {
        let file = linked(target).save();
        let (entries, findings) = scanned(file.as_file());
        assert_eq!(findings, []);
        assert_eq!(entries[1].path.as_str(), "second");
        assert_eq!((entries[1].data_offset, entries[1].size), (entries[0].data_offset, entries[0].size));
        assert_eq!(entries.len(), 3, "and it goes on behind it");
    }
    for target in
        ["", "/index.json", "../index.json", "a/../index.json", "last", "second", "nowhere", "index.json\n"]
    {
        assert_eq!(rules(&linked(target)), ["tar-type"], "{target:?}");
    }
    let folder = Tar::default().entry("f/", b'5', b"").raw(&hard_link("x", "f", 0)).end();
    assert_eq!(rules(&folder), ["tar-type"]);
    let chain = one().raw(&hard_link("b", "index.json", 0)).raw(&hard_link("c", "b", 0)).end();
    assert_eq!(rules(&chain), ["tar-type"]);
    let with_data = one().raw(&hard_link("b", "index.json", 2)).data(b"{}").end();
    assert_eq!(rules(&with_data), ["tar-size"]);
    let twice = one().raw(&hard_link("index.json", "index.json", 0)).end();
    assert_eq!(rules(&twice), ["tar-duplicate"]);
    assert_eq!(rules(&one().raw(&hard_link("../x", "index.json", 0)).end()), ["tar-path"]);
    assert_eq!(rules(&one().raw(&hard_link("index.json", "index.json\0x", 0)).end()), ["tar-path"]);
}

#[test]
fn names_that_lead_out_are_refused() {
    for name in [
        "/index.json",
        "..",
        "../x",
        "blobs/../x",
        "a//b",
        "a/./b",
        "././x",
        "a\\b",
        "\u{1b}[2J",
        "a\n",
        "",
        " \u{7f}",
    ] {
        assert_eq!(rules(&Tar::default().file(name, b"").end()), ["tar-path"], "{name:?}");
    }
    assert_eq!(rules(&Tar::default().raw(header(b"a\xff", b'0', 0).as_bytes()).end()), ["tar-path"]);
    assert_eq!(rules(&Tar::default().pax(&[("path", "a\0b")]).file("a", b"").end()), ["tar-path"]);
    // Some readers stop at a NUL, some don't.
    assert_eq!(rules(&Tar::default().raw(header(b"a\0b", b'0', 0).as_bytes()).end()), ["tar-path"]);
    let mut hidden = header(b"a", b'0', 0);
    hidden.as_ustar_mut().unwrap().prefix[1] = b'x';
    hidden.set_cksum();
    assert_eq!(rules(&Tar::default().raw(hidden.as_bytes()).end()), ["tar-path"]);
    let mut prefixed = header(b"passwd", b'0', 0);
    prefixed.as_ustar_mut().unwrap().prefix[..3].copy_from_slice(b"/et");
    prefixed.set_cksum();
    assert_eq!(rules(&Tar::default().raw(prefixed.as_bytes()).end()), ["tar-path"]);
}

/// The reader refuses terabytes of zeros without reading them.
#[test]
fn a_tail_without_end_is_refused_unread() {
    let file = Tar::default().file("index.json", b"{}").end().save();
    let length = file.as_file().metadata().unwrap().len();
    for (more, expected) in [(16_u64 << 20, &[][..]), (17 << 20, &["tar-tail"]), (4 << 40, &["tar-tail"])] {
        file.as_file().set_len(length - 1024 + more).unwrap();
        let (_, findings) = scanned(file.as_file());
        assert_eq!(findings.iter().map(|finding| finding.rule.id()).collect::<Vec<_>>(), expected, "{more}");
    }
}

#[test]
fn absurd_sizes_are_refused_unread() {
    let with_field = |field: [u8; 12], kind: u8| {
        let mut header = header(b"index.json", kind, 0);
        header.as_old_mut().size = field;
        header.set_cksum();
        rules(&Tar::default().raw(header.as_bytes()).end())
    };
    let base256 = |low: u64| {
        let mut field = [0; 12];
        field[0] = 0x80;
        field[4..].copy_from_slice(&low.to_be_bytes());
        field
    };
    assert_eq!(with_field(base256(i64::MAX as u64), b'0'), ["tar-truncated"]);
    assert_eq!(with_field(base256(i64::MAX as u64 - 1024), b'0'), ["tar-truncated"]);
    assert_eq!(with_field(base256(1 << 63), b'0'), ["tar-size"]);
    assert_eq!(with_field(base256(u64::MAX), b'0'), ["tar-size"]);
    assert_eq!(with_field([0xff; 12], b'0'), ["tar-size"], "negative");
    let mut wide = base256(5);
    wide[1] = 1;
    assert_eq!(with_field(wide, b'0'), ["tar-size"], "wider than 64 bits");
    for text in [
        *b"-0000000001\0",
        *b"0000000008 \0",
        *b"00 00000001\0",
        *b"            ",
        [0; 12],
        *b"0x000000001\0",
    ] {
        assert_eq!(with_field(text, b'0'), ["tar-size"], "{}", text.escape_ascii());
    }
    assert_eq!(with_field(base256(65 << 10), b'x'), ["tar-pax"], "a pax header of more than 64 KiB");
    assert_eq!(with_field(base256(i64::MAX as u64), b'x'), ["tar-pax"]);
    assert_eq!(with_field(base256(i64::MAX as u64), b'L'), ["tar-pax"]);
    assert_eq!(with_field(*b"00000001000\0", b'5'), ["tar-size"], "a folder with data");
}

#[test]
fn any_flipped_bit_of_a_header_is_noticed() {
    let sound = one().end().0;
    for bit in 0..512 * 8 {
        let mut bytes = sound.clone();
        bytes[bit / 8] ^= 1 << (bit % 8);
        let found = rules(&Tar(bytes));
        // Around the checksum's digits zeros, spaces and NULs mean the same. (In our own archives only one
        // does.)
        let same_number = found.is_empty() && [148, 154, 155].contains(&(bit / 8));
        assert!(same_number || found == ["tar-checksum"], "bit {bit}: {found:?}");
    }
}

#[test]
fn other_tar_dialects_are_refused() {
    let mut v7 = tar::Header::new_old();
    v7.set_path("index.json").unwrap();
    v7.set_size(0);
    v7.set_mode(0o644);
    v7.set_cksum();
    assert_eq!(rules(&Tar::default().raw(v7.as_bytes()).end()), ["tar-format"]);
    let mut star = header(b"index.json", b'0', 0);
    star.as_mut_bytes()[508..].copy_from_slice(b"tar\0");
    star.set_cksum();
    assert_eq!(rules(&Tar::default().raw(star.as_bytes()).end()), ["tar-format"]);
}

#[test]
fn legal_styles_of_other_writers_are_read() {
    let long = format!("blobs/sha512/{}", "a".repeat(128));
    let mut gnu = tar::Header::new_gnu();
    gnu.set_path("blobs/sha256/x").unwrap();
    gnu.set_size(1);
    gnu.set_mode(0o600);
    gnu.set_cksum();
    let tar = Tar::default()
        .entry("./", b'5', b"")
        .entry("./blobs/", b'5', b"")
        .entry("./blobs/", b'5', b"")
        .raw(gnu.as_bytes())
        .data(b"x")
        .pax(&[("mtime", "1700000000.5"), ("SCHILY.xattr.user.x", "a=b"), ("path", &long)])
        .file(&long, b"y")
        .entry("./oci-layout", 0, b"{}")
        .pax(&[("size", "2")])
        .file("./index.json", b"{}")
        .end();
    assert_eq!(names(&tar), ["blobs/sha256/x", long.as_str(), "oci-layout", "index.json"]);
    let mut split = header("f".repeat(90).as_bytes(), b'0', 0);
    split.as_ustar_mut().unwrap().prefix[..5].copy_from_slice(b"blobs");
    split.set_cksum();
    assert_eq!(names(&Tar::default().raw(split.as_bytes()).end()), [format!("blobs/{}", "f".repeat(90))]);
}

#[test]
fn the_tar_crates_long_names_are_read() {
    let long = format!("blobs/sha512/{}", "b".repeat(128));
    let mut builder = tar::Builder::new(NamedTempFile::new().unwrap());
    let mut header = tar::Header::new_gnu();
    header.set_size(3);
    header.set_mode(0o644);
    builder.append_data(&mut header, &long, &b"abc"[..]).unwrap();
    let mut file = builder.into_inner().unwrap();
    file.flush().unwrap();
    let (entries, findings) = scanned(file.as_file());
    assert_eq!((entries[0].path.as_str(), entries[0].size, findings), (long.as_str(), 3, vec![]));
}

/// 9 GiB, once by a pax record beside a zero size and once in base-256; nothing but the headers is written.
#[test]
fn sizes_beyond_octal_are_read_in_both_forms() {
    const SIZE: u64 = 9 << 30;
    let pax = Tar::default().pax(&[("size", &SIZE.to_string())]).raw(header(b"x", b'0', 0).as_bytes());
    let base256 = Tar::default().raw(header(b"x", b'0', SIZE).as_bytes());
    let both = Tar::default().pax(&[("size", &SIZE.to_string())]).raw(header(b"x", b'0', SIZE).as_bytes());
    for tar in [pax, base256, both] {
        let file = tar.save();
        let start = tar.0.len() as u64;
        file.as_file().set_len(start + SIZE + 1024).unwrap();
        let (entries, findings) = scanned(file.as_file());
        assert_eq!(findings, []);
        assert_eq!((entries[0].data_offset, entries[0].size), (start, SIZE));
        file.as_file().set_len(start + SIZE - 1).unwrap();
        assert_eq!(scanned(file.as_file()).1[0].rule.id(), "tar-truncated");
    }
}

#[test]
fn what_is_no_archive_is_refused_at_once() {
    let open = |bytes: &[u8]| Archive::open(Tar(bytes.to_vec()).save().path());
    for (start, name) in [
        (&b"\x1f\x8b\x08\x00\x00\x00"[..], "gzip"),
        (b"\x28\xb5\x2f\xfd\x00\x00", "zstd"),
        (b"\xfd7zXZ\x00", "xz"),
        (b"BZh91AY", "bzip2"),
    ] {
        assert!(matches!(open(start), Err(OpenError::Compressed { format, .. }) if format == name));
    }
    assert!(matches!(open(&[b'x'; 4096]), Err(OpenError::NotALayout { .. })));
    assert!(matches!(Archive::open(std::path::Path::new("/dev/null")), Err(OpenError::NotALayout { .. })));
    assert!(matches!(Archive::open(std::path::Path::new("/no/such/file")), Err(OpenError::Read { .. })));
    // Our own first entry with a damaged header is a damaged bundle, not another kind of file.
    let mut damaged = crate::images::Images::sample().archive();
    damaged[100] ^= 1;
    assert_eq!(open(&damaged).unwrap().findings()[0].rule.id(), "tar-checksum");
}

#[test]
fn a_swapped_file_changes_nothing_for_those_who_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("b.tar");
    std::fs::write(&path, one().end().0).unwrap();
    let archive = Archive::open(&path).unwrap();
    std::fs::rename(
        Tar::default().file("index.json", b"[]").end().save().into_temp_path().keep().unwrap(),
        &path,
    )
    .unwrap();
    assert_eq!(archive.index().unwrap().read_all().unwrap(), b"{}");
}

#[test]
fn a_file_that_shrinks_is_an_error_and_one_that_grows_is_read_to_its_first_end() {
    let file = one().end().save();
    let archive = Archive::open(file.path()).unwrap();
    file.as_file().set_len(513).unwrap();
    let section = archive.index().unwrap();
    assert!(section.read_all().is_err());
    assert!(section.digest(airlift_oci::Algorithm::Sha256, |_| ()).is_err());
    let findings = scan(file.as_file(), 100, |_| ()).unwrap();
    assert!(!findings.is_empty());
    file.as_file().write_all_at(&one().file("x", b"").end().0, 0).unwrap();
    assert!(!scan(file.as_file(), 1024, |_| ()).unwrap().is_empty());
}

#[test]
fn extra_files_are_named_up_to_a_number_and_then_counted() {
    let mut tar = Tar::default();
    for number in 0..250 {
        tar = tar.file(&format!("extra/{number}"), b"");
    }
    let archive = Archive::open(tar.end().save().path()).unwrap();
    let findings = archive.findings();
    assert!(
        findings
            .iter()
            .all(|finding| finding.rule.id() == "extra-file" && finding.severity == Severity::Warning)
    );
    assert_eq!(findings.len(), 101);
    assert!(findings[100].message.starts_with("150 more files"), "{}", findings[100].message);
    let upper = EntryPath::of_blob(&Digest::sha256(b"x"))
        .to_string()
        .to_uppercase()
        .replace("BLOBS/SHA256", "blobs/sha256");
    let archive = Archive::open(Tar::default().file(&upper, b"x").end().save().path()).unwrap();
    assert_eq!(archive.blobs().count(), 0, "an upper-case name is no digest");
    assert_eq!(archive.findings()[0].rule.id(), "extra-file");
}

#[test]
fn a_flood_of_defects_ends_the_scan() {
    let mut tar = Tar::default();
    for _ in 0..1_200 {
        tar = tar.entry("x", b'2', b"");
    }
    let found = rules(&tar.end());
    assert_eq!((found.len(), found.last()), (1_001, Some(&"tar-limit")));
}

#[test]
fn folders_are_listed_without_following_or_blocking() {
    let folder = tempfile::tempdir().unwrap();
    let images = crate::images::Images::sample();
    images.write_folder(folder.path());
    let at = |name: &str| folder.path().join(name);
    std::os::unix::fs::symlink("/etc/passwd", at("blobs/sha256/link")).unwrap();
    std::os::unix::fs::symlink("/", at("root")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("pipe"), rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    std::fs::create_dir_all(at("blobs/sha256/deep/deeper")).unwrap();
    let archive = Archive::open(folder.path()).unwrap();
    let mut rules: Vec<_> = archive.findings().iter().map(|finding| finding.rule.id()).collect();
    rules.sort_unstable();
    assert_eq!(rules, ["extra-file", "folder-type", "folder-type", "folder-type"]);
    assert_eq!(archive.blobs().count(), images.contents.len());

    // A file that was there when the folder was listed may be a link when it is read.
    let index = archive.index().unwrap();
    std::fs::remove_file(at("index.json")).unwrap();
    rustix::fs::mknodat(rustix::fs::CWD, at("index.json"), rustix::fs::FileType::Fifo, 0o600.into(), 0)
        .unwrap();
    assert!(index.read_all().is_err(), "a pipe is not waited for");
    std::fs::remove_file(at("index.json")).unwrap();
    std::os::unix::fs::symlink("oci-layout", at("index.json")).unwrap();
    assert!(index.read_all().is_err(), "a link is not followed");
}
