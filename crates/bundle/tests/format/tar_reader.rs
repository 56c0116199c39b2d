//! The strict tar reader: it refuses archives that two parsers could read differently.

use crate::tar_file::{Tar, header, names, one, rules, scanned};

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
