//! Extended headers and other dialects of tar: what changes the meaning of an entry is refused, and other
//! styles with one meaning are read.

use std::io::Write;

use tempfile::NamedTempFile;

use crate::tar_file::{Tar, header, names, one, pax_record, rules, scanned};

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
