//! Bytes, durations and counts as people write and read them.

use std::time::Duration;

const UNITS: [&str; 5] = ["KiB", "MiB", "GiB", "TiB", "PiB"];

/// `1536` as `1.5 KiB`.
pub(crate) fn human(bytes: u64) -> String {
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut value = bytes as f64 / 1024.0;
    let mut unit = 0;
    // What would be printed as 1024.0 is one of the next unit.
    while value >= 1023.95 && unit + 1 < UNITS.len() {
        value /= 1024.0;
        unit += 1;
    }
    format!("{value:.1} {}", UNITS[unit])
}

/// `832000` as `812.5 KiB (832,000 bytes)`; below a KiB the exact number alone.
pub(crate) fn exact(bytes: u64) -> String {
    match bytes {
        0..1024 => human(bytes),
        _ => format!("{} ({} bytes)", human(bytes), grouped(bytes)),
    }
}

/// `1234567` as `1,234,567`.
pub(crate) fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (position, digit) in digits.chars().enumerate() {
        if position > 0 && (digits.len() - position).is_multiple_of(3) {
            out.push(',');
        }
        out.push(digit);
    }
    out
}

/// `2` and `image` as `2 images`.
pub(crate) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", grouped(number as u64))
}

/// A duration, as exactly as people want to know it.
pub(crate) fn duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    match seconds {
        0 => format!("{} ms", duration.as_millis()),
        1..10 => format!("{:.1} s", duration.as_secs_f64()),
        10..60 => format!("{seconds} s"),
        60..3600 => format!("{} min {:02} s", seconds / 60, seconds % 60),
        _ => format!("{} h {:02} min", seconds / 3600, seconds / 60 % 60),
    }
}

/// Bytes a second; `None` where the time is too short to say.
pub(crate) fn rate(bytes: u64, time: Duration) -> Option<String> {
    let seconds = time.as_secs_f64();
    (seconds > 0.0005).then(|| format!("{}/s", human((bytes as f64 / seconds) as u64)))
}

/// Reads `10M`, `512K`, `1GiB`, `1.5G`, `4096`. K, M, G, T and KiB, … are powers of 1024, kB, MB, … of 1000.
pub(crate) fn parse(text: &str) -> Result<u64, String> {
    let refuse = || format!("'{}' is not a size such as 4096, 512K, 10M or 1.5GiB", text.escape_debug());
    let trimmed = text.trim();
    let split = trimmed.find(|c: char| !c.is_ascii_digit() && c != '.').unwrap_or(trimmed.len());
    let (number, unit) = trimmed.split_at(split);
    let unit = unit.trim().to_ascii_lowercase();
    let unit = unit.strip_suffix("/s").unwrap_or(&unit);
    let (letter, base) = match unit {
        "" | "b" => ("", 1_u64),
        "k" | "m" | "g" | "t" => (unit, 1024),
        _ if unit.ends_with("ib") && unit.len() == 3 => (&unit[..1], 1024),
        _ if unit.ends_with('b') && unit.len() == 2 => (&unit[..1], 1000),
        _ => return Err(refuse()),
    };
    let power = ["", "k", "m", "g", "t"].iter().position(|known| *known == letter).ok_or_else(refuse)?;
    let factor = base.checked_pow(power as u32).ok_or_else(refuse)?;
    scaled(number, factor).ok_or_else(refuse)
}

/// A decimal number times `factor`, rounded down, without going through floating point.
fn scaled(number: &str, factor: u64) -> Option<u64> {
    let (whole, fraction) = number.split_once('.').unwrap_or((number, "0"));
    let bytes = whole.parse::<u64>().ok()?.checked_mul(factor)?;
    let digits = fraction.get(..fraction.len().min(9))?;
    let part =
        u128::from(digits.parse::<u64>().ok()?) * u128::from(factor) / 10_u128.pow(digits.len() as u32);
    bytes.checked_add(u64::try_from(part).ok()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_well() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1536, "1.5 KiB"),
            ((1 << 20) - 1, "1.0 MiB"),
            (3_650_722_202, "3.4 GiB"),
            (u64::MAX, "16384.0 PiB"),
        ] {
            assert_eq!(human(bytes), text);
        }
        assert_eq!(exact(832_000), "812.5 KiB (832,000 bytes)");
        assert_eq!(grouped(1_234_567), "1,234,567");
        assert_eq!((grouped(0).as_str(), grouped(999).as_str()), ("0", "999"));
        assert_eq!((count(1, "blob").as_str(), count(1_200, "blob").as_str()), ("1 blob", "1,200 blobs"));
    }

    #[test]
    fn sizes_are_read_in_the_usual_spellings() {
        for (text, bytes) in [
            ("0", 0),
            ("4096", 4096),
            ("512K", 512 << 10),
            ("10M", 10 << 20),
            ("10m", 10 << 20),
            ("1GiB", 1 << 30),
            ("1.5 GiB", 3 << 29),
            ("2MB", 2_000_000),
            ("1kB", 1000),
            ("10M/s", 10 << 20),
            ("7b", 7),
        ] {
            assert_eq!(parse(text), Ok(bytes), "{text}");
        }
        for text in
            ["", "x", "-1", "1.2.3", "10X", "1Kib/h", "M", "99999999999999999999", "20000000T", "1.G", "é"]
        {
            assert!(parse(text).is_err(), "{text}");
        }
    }

    #[test]
    fn durations_are_as_exact_as_they_need_to_be() {
        assert_eq!(duration(Duration::from_millis(40)), "40 ms");
        for (seconds, text) in [(4, "4.0 s"), (42, "42 s"), (62, "1 min 02 s"), (3_660, "1 h 01 min")] {
            assert_eq!(duration(Duration::from_secs(seconds)), text);
        }
    }
}
