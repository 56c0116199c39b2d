//! Locks that people edited, merged, cut off or made up: each error names its line and column.

use airlift_lists::lock::Lock;

use super::{digest, image, lock};

fn text() -> String {
    lock(vec![image("alpine:3", "a"), image("nginx:1.27", "b")]).to_json().unwrap()
}

/// The errors of a text, each as it is printed.
fn errors(text: &str) -> Vec<String> {
    let errors = Lock::parse("images.lock", text.as_bytes()).expect_err(text);
    errors.iter().map(ToString::to_string).collect()
}

/// The one error of a text, in which `from` was replaced by `to` at its first place.
fn error_after(from: &str, to: &str) -> String {
    let text = text();
    assert!(text.contains(from), "{from}");
    let mut errors = errors(&text.replacen(from, to, 1));
    assert_eq!(errors.len(), 1, "{errors:?}");
    errors.remove(0)
}

#[test]
fn edits_that_change_nothing_are_taken() {
    let (text, known) = (text(), lock(vec![image("alpine:3", "a"), image("nginx:1.27", "b")]));
    let read = |text: &str| Lock::parse("images.lock", text.as_bytes()).unwrap();
    assert_eq!(read(&text.replace('\n', "\r\n")), known);
    assert_eq!(read(&format!("\u{feff}{text}")), known);
    assert_eq!(read(&text.replace("  ", "\t")), known);
    assert_eq!(read(&text.replace("docker.io/library/nginx:1.27", "nginx:1.27")), known);
    assert_eq!(read(&format!("\n {text}\n\n")), known);
    // In another order: written again, they are sorted.
    let swapped = text
        .replace("library/alpine:3", "library/z:1")
        .replace("library/nginx:1.27", "library/alpine:3")
        .replace("library/z:1", "library/nginx:1.27")
        .replace(&digest("a").to_string(), "A")
        .replace(&digest("b").to_string(), &digest("a").to_string())
        .replace('A', &digest("b").to_string());
    let written = read(&swapped).to_json().unwrap();
    assert!(written.find("library/alpine").unwrap() < written.find("library/nginx").unwrap());
    assert!(swapped.find("library/alpine").unwrap() > swapped.find("library/nginx").unwrap());
}

#[test]
fn what_is_wrong_is_named_at_its_place() {
    let a = digest("a").to_string();
    for (from, to, wanted) in [
        ("docker.io/library/nginx:1.27", "nginx:1.27:3", "images.lock:24:20: "),
        (
            "docker.io/library/nginx:1.27",
            "docker.io/library/alpine:3",
            "images.lock:24:20: docker.io/library/alpine:3 is there twice: line 5",
        ),
        (&a, "sha256:ab", "images.lock:6:17: 'sha256:ab' is not a sha256 digest"),
        (&a, "latest", "images.lock:6:17: 'latest' is not a digest"),
        (
            "\"size\": 300",
            "\"size\": -1",
            "images.lock:8:15: a size is a whole number of bytes below 2^64, and this is -1",
        ),
        ("\"size\": 300", "\"size\": 18446744073709551616", "images.lock:8:15: a size is"),
        ("\"size\": 300", "\"size\": 3.5", "images.lock:8:15: a size is"),
        ("\"size\": 300", "\"size\": 1e400", "images.lock:8:15: a size is"),
        ("\"size\": 300", "\"size\": \"300\"", "images.lock:8:15: a size is"),
        (
            "\"size\": 300,",
            "\"size\": 300, \"note\": 1,",
            "images.lock:8:20: a lock has no member 'note' here; it may have `reference`",
        ),
        (
            "\"size\": 300,",
            "\"size\": 300, \"size\": 300,",
            "images.lock:8:20: the member 'size' is there twice",
        ),
        ("\"size\": 300,", "", "images.lock:4:5: the member 'size' is missing"),
        ("\"size\": 300,", "\"size\": 300", "images.lock:9:7: expected `,` or `}`"),
        ("2026-05-04T10:00:00Z", "yesterday", "images.lock:21:19: 'yesterday' is not a time in UTC"),
        ("\"platform\": \"linux/amd64\"", "\"platform\": \"\"", "images.lock:11:23: this is empty"),
        ("\"platform\": \"linux/amd64\"", "\"platform\": \"a\\u0000\"", "images.lock:11:23: this is empty"),
        (
            "\"resolved\"",
            "\"choose\": {\"referrers\": \"some\"}, \"resolved\"",
            "images.lock:21:31: 'referrers' is 'all' or 'none'",
        ),
        (
            "\"resolved\"",
            "\"choose\": {\"platforms\": [\"linux\"]}, \"resolved\"",
            "images.lock:21:32: 'linux' is not a platform",
        ),
        ("\"resolved\"", "\"from\": \"a:b:c\", \"resolved\"", "images.lock:21:15: "),
        ("\"resolved\"", "\"groups\": [3], \"resolved\"", "images.lock:21:18: a text in quotes"),
        (
            "airlift.lock/v1",
            "airlift.lock/v2",
            "images.lock:2:3: this lock is of version 2, and this Airlift reads version 1",
        ),
        (
            "airlift.lock/v1",
            "airlift.receipt/v1",
            "images.lock:2:3: this document calls itself 'airlift.receipt/v1'",
        ),
        ("airlift.lock/v1", "airlift.lock/v0", "images.lock:2:3: this document calls itself"),
        ("\"schema\": \"airlift.lock/v1\",", "", "images.lock:1:1: the member 'schema' is missing"),
        ("\"images\"", "\"IMAGES\"", "images.lock:3:3: a lock has no member 'IMAGES' here"),
    ] {
        let error = error_after(from, to);
        assert!(error.starts_with(wanted), "{to}: {error}");
    }
}

#[test]
fn a_digest_stands_in_one_place() {
    let pin = digest("x");
    let error = error_after("nginx:1.27", &format!("nginx:1.27@{pin}"));
    assert!(error.contains("has a tag or a digest"), "{error}");
    let error = error_after("nginx:1.27", &format!("nginx@{pin}"));
    assert!(error.contains("another digest than 'digest'"), "{error}");
    let by_digest = text().replacen("nginx:1.27", &format!("nginx@{}", digest("b")), 1);
    assert!(Lock::parse("images.lock", by_digest.as_bytes()).is_ok());
}

#[test]
fn all_bad_entries_are_named_at_once() {
    let text = text().replace(&digest("a").to_string(), "x").replace(&digest("b").to_string(), "y");
    let errors = errors(&text);
    assert_eq!(errors.len(), 2);
    assert!(errors[0].starts_with("images.lock:6:17:") && errors[1].starts_with("images.lock:25:17:"));
}

#[test]
fn a_conflict_of_a_merge_is_named() {
    let ours = "      \"size\": 300,\n";
    let both = format!("<<<<<<< HEAD\n{ours}=======\n{ours}>>>>>>> monthly\n");
    for line_end in ["\n", "\r\n"] {
        let text = text().replacen(ours, &both, 1).replace('\n', line_end);
        let errors = errors(&text);
        assert!(errors[0].starts_with("images.lock:8:1: this is a mark of a merge"), "{errors:?}");
        let rest = text.replacen("<<<<<<< HEAD", "", 1);
        assert!(self::errors(&rest)[0].starts_with("images.lock:10:1: this is a mark of a merge"));
    }
}

#[test]
fn a_lock_that_was_cut_off_says_so() {
    let text = text();
    for end in (1..text.trim_end().len()).step_by(7) {
        let errors = errors(&text[..end]);
        assert!(errors.len() == 1 && errors[0].contains("cut off"), "{end}: {errors:?}");
    }
    let error = errors(&format!("{text}{{}}"));
    assert!(error[0].starts_with("images.lock:44:1: trailing characters"), "{error:?}");
}

#[test]
fn what_is_no_lock_is_said() {
    for (text, wanted) in [
        ("", "images.lock:1:1: the lock is empty"),
        ("\u{feff}\r\n \t\n", "images.lock:1:1: the lock is empty"),
        ("nginx:1.27\n", "images.lock:1:1: a lock is a JSON document that starts with '{'"),
        ("\n version: 1\n", "images.lock:2:2: a lock is a JSON document"),
        ("[]", "images.lock:1:1: a lock is a JSON document"),
        ("{\"images\": []}", "images.lock:1:1: the member 'schema' is missing"),
        ("{\"schema\": 3, \"images\": []}", "images.lock:1:12: a text in quotes"),
        ("{\"schema\": \"airlift.lock/v1\"}", "images.lock:1:1: the member 'images' is missing"),
        ("{\"schema\": \"airlift.lock/v1\", \"images\": 3}", "images.lock:1:41: invalid type"),
    ] {
        let found = errors(text);
        assert!(found[0].starts_with(wanted), "{text:?}: {found:?}");
    }
    let mut latin = b"{\"schema\": \"airlift.lock/v1\",\n \"images\": [\"".to_vec();
    latin.push(0xe9);
    let errors = Lock::parse("images.lock", &latin).unwrap_err();
    assert!(errors.to_string().starts_with("images.lock:2:14: it is not UTF-8"), "{errors}");
}

#[test]
fn deep_nesting_ends_without_a_crash() {
    for open in ["[", "{\"a\":"] {
        let deep = open.repeat(200_000);
        for text in [
            format!("{{\"schema\": {deep}"),
            format!("{{\"schema\": \"airlift.lock/v1\", \"images\": [{deep}"),
            text().replacen("300", &deep, 1),
        ] {
            assert_eq!(errors(&text).len(), 1);
        }
    }
    let closed = format!("{}{}", "[".repeat(100_000), "]".repeat(100_000));
    assert_eq!(errors(&text().replacen("300", &closed, 1)).len(), 1);
}

#[test]
fn columns_count_characters_and_messages_hold_no_control_characters() {
    let text = text().replacen("\"size\": 300,", "\"ü\u{202e}日\\u001b\": \"\u{9b}\", \"size\": 300,", 1);
    let found = errors(&text);
    assert!(found[0].starts_with("images.lock:8:7: a lock has no member 'ü"), "{found:?}");
    assert!(!found[0].contains(['\u{202e}', '\u{1b}', '\u{9b}']), "{found:?}");
    let text = self::text().replacen("      \"size\": 300,", "\"mediaType\": \"ü\", \"size\": 3,", 1);
    assert!(errors(&text)[0].starts_with("images.lock:8:1: the member 'mediaType' is there twice"));
}

#[test]
fn many_images_are_read_and_many_errors_are_cut_short() {
    let images = (0..10_000).map(|n| image(&format!("team/app-{n}:1"), &n.to_string())).collect();
    let text = lock(images).to_json().unwrap();
    assert_eq!(Lock::parse("images.lock", text.as_bytes()).unwrap().images().len(), 10_000);
    let found = errors(&text.replace("sha256:", "md5:"));
    assert!((2..=100).contains(&found.len()), "{}", found.len());
}

/// Whatever is read is written in one way, which reads as the same.
#[test]
fn any_change_of_a_byte_is_refused_or_read_in_one_way() {
    let text = text().into_bytes();
    let mut taken = 0;
    for position in 0..text.len() {
        for byte in [b'"', b'{', b']', b',', b'0', b'\\', b'\n', b' ', 0xff, 0x00] {
            let mut changed = text.clone();
            changed[position] = byte;
            let Ok(lock) = Lock::parse("images.lock", &changed) else { continue };
            let written = lock.to_json().unwrap();
            let again = Lock::parse("images.lock", written.as_bytes()).unwrap();
            assert!(again == lock && again.to_json().unwrap() == written, "{position}: {byte}");
            taken += 1;
        }
    }
    assert!(taken > 100, "{taken}");
}
