//! Messages that are hashed side by side have the same digests as by themselves.

use airlift_oci::{Digest, Hasher, MultiBuffer};

/// Lengths around SHA-256's blocks and its padding, and around larger pieces.
const BORDERS: [usize; 27] = [
    0, 1, 2, 54, 55, 56, 57, 63, 64, 65, 119, 120, 127, 128, 129, 4_095, 4_096, 4_097, 8_191, 8_192, 8_193,
    16_383, 16_384, 16_385, 65_535, 65_536, 65_537,
];

fn message(number: usize, length: usize) -> Vec<u8> {
    (0..length).map(|place| (place * 31 + number * 7 + place / 251) as u8).collect()
}

/// Hashes the messages in pieces of at most `piece` bytes, as many side by side as there are.
fn side_by_side(processor: MultiBuffer, messages: &[Vec<u8>], piece: usize) -> Vec<Digest> {
    let mut hashers = vec![Hasher::sha256_lane(processor); messages.len()];
    let longest = messages.iter().map(Vec::len).max().unwrap_or_default();
    for start in (0..longest).step_by(piece) {
        let pieces = messages.iter().map(|message| {
            let start = start.min(message.len());
            &message[start..(start + piece).min(message.len())]
        });
        Hasher::update_all(hashers.iter_mut().zip(pieces));
    }
    hashers.into_iter().map(Hasher::finish).collect()
}

fn check(messages: &[Vec<u8>], piece: usize) {
    let Some(processor) = MultiBuffer::detect() else {
        // Nothing can be compared on a machine that never hashes so.
        return;
    };
    let alone: Vec<Digest> = messages.iter().map(|message| Digest::sha256(message)).collect();
    assert_eq!(side_by_side(processor, messages, piece), alone, "{} in pieces of {piece}", messages.len());
}

#[test]
fn equal_lengths_around_every_border() {
    for length in BORDERS {
        let messages: Vec<Vec<u8>> = (0..16).map(|number| message(number, length)).collect();
        for piece in [1 << 20, 8_192, 4_096 + 64] {
            check(&messages, piece);
        }
    }
}

#[test]
fn every_length_up_to_a_few_blocks() {
    let messages: Vec<Vec<u8>> = (0..300).map(|length| message(length, length)).collect();
    for piece in [1, 7, 55, 63, 64, 65, 128, 1_000] {
        check(&messages, piece);
    }
}

#[test]
fn one_to_forty_messages_of_mixed_lengths() {
    for count in 1..=40 {
        let messages: Vec<Vec<u8>> =
            (0..count).map(|number| message(number, BORDERS[(number * 5 + count) % BORDERS.len()])).collect();
        for piece in [64, 4_096, 10_000, 65_536] {
            check(&messages, piece);
        }
    }
}

#[test]
fn a_message_goes_on_alone_and_other_algorithms_take_part_alone() {
    let Some(processor) = MultiBuffer::detect() else { return };
    let text = message(3, 10_000);
    let mut lanes = vec![Hasher::sha256_lane(processor); 13];
    let mut other = Hasher::new(airlift_oci::Algorithm::Sha512);
    let all = lanes.iter_mut().chain([&mut other]);
    Hasher::update_all(all.map(|hasher| (hasher, &text[..777])));
    other.update(&text[777..]);
    assert_eq!(other.finish(), Digest::of(airlift_oci::Algorithm::Sha512, &text));
    for mut lane in lanes {
        lane.update(&text[777..]);
        assert_eq!(lane.finish(), Digest::sha256(&text));
    }
}
