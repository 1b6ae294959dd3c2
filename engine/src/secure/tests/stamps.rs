#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a test may panic")]

use base64::{Engine as _, engine::general_purpose::STANDARD};

use super::super::seal::Forged;
use super::super::stamp::{Of, Stamp, place};
use super::super::{Key, KeyMaterial, Mode};
use super::hex;

fn key(id: &str, mode: Mode, byte: u8) -> Key {
    Key::new(id, mode, KeyMaterial::from([byte; 32])).unwrap()
}

const FRAME: Of<'static> = Of::Frame { closing: b"what closes a frame" };

fn stamp(key: &Key, bound: bool) -> Stamp {
    let place = bound.then(|| place(key, "orders", Some(b"7")));
    Stamp { time: 1_795_000_000_000, id: [5; 16], place }
}

/// What docs/wire-format.md says, so that a change of the bytes does not go unnoticed.
#[test]
fn the_bytes_are_as_documented() {
    let key = key("k1", Mode::Hmac, 1);
    let stamp = stamp(&key, true);
    let bytes = STANDARD.decode(stamp.write(&key, FRAME)).unwrap();
    assert_eq!(bytes.len(), 3 + 8 + 16 + 16 + 32);
    assert_eq!(bytes[..3], [1, 0, 1]);
    assert_eq!(bytes[3..11], 1_795_000_000_000_u64.to_le_bytes());
    assert_eq!(bytes[11..27], [5; 16]);
    assert_eq!(bytes[27..43], stamp.place.unwrap());
    let signer = KeyMaterial::from([1; 32]).derive(b"m2m-stamp-v1");
    let sign = |message: &[u8]| super::super::seal::sign(&signer, [message]);
    let placed = [b"place", &6_u64.to_le_bytes()[..], b"orders", &[1], b"7"].concat();
    assert_eq!(bytes[27..43], sign(&placed)[..16]);
    let signed = [b"stamp", &bytes[..43], b"k1\0", b"what closes a frame"].concat();
    assert_eq!(bytes[43..], sign(&signed));
    let null = STANDARD.decode(Stamp { place: None, ..stamp }.write(&key, Of::Null)).unwrap();
    assert_eq!((null.len(), &null[..3]), (3 + 8 + 16 + 32, &hex("010100")[..]));
}

#[test]
fn a_stamp_is_read_with_its_key_for_its_frame_alone() {
    let signer = key("k1", Mode::Hmac, 1);
    for bound in [false, true] {
        let stamp = stamp(&signer, bound);
        for of in [FRAME, Of::Null] {
            let value = stamp.write(&signer, of);
            assert_eq!(Stamp::read(&value, &signer, of), Ok(stamp));
            let others = [key("k2", Mode::Hmac, 1), key("k1", Mode::Hmac, 2)];
            for other in &others {
                assert_eq!(Stamp::read(&value, other, of), Err(Forged));
            }
            for other in [FRAME, Of::Null, Of::Frame { closing: b"what closes a frames" }] {
                if std::mem::discriminant(&other) != std::mem::discriminant(&of) {
                    assert_eq!(Stamp::read(&value, &signer, other), Err(Forged));
                }
            }
        }
    }
}

#[test]
fn every_bit_and_every_byte_of_a_stamp_counts() {
    let key = key("k1", Mode::Aead, 1);
    for bound in [false, true] {
        let value = stamp(&key, bound).write(&key, FRAME);
        let bytes = STANDARD.decode(&value).unwrap();
        for at in 0..bytes.len() * 8 {
            let mut changed = bytes.clone();
            changed[at / 8] ^= 1 << (at % 8);
            assert_eq!(Stamp::read(&STANDARD.encode(changed), &key, FRAME), Err(Forged));
        }
        for len in 0..bytes.len() {
            assert_eq!(Stamp::read(&STANDARD.encode(&bytes[..len]), &key, FRAME), Err(Forged));
        }
        for other in ["", "=", "not base64!", &"A".repeat(1 << 20), &format!("{value}AAAA")] {
            assert_eq!(Stamp::read(other, &key, FRAME), Err(Forged));
        }
    }
}

#[test]
fn no_two_places_look_alike() {
    let key = key("k1", Mode::Hmac, 1);
    let places = [
        place(&key, "orders", None),
        place(&key, "orders", Some(b"")),
        place(&key, "orders", Some(b"7")),
        place(&key, "orders7", None),
        place(&key, "orders7", Some(b"")),
        place(&key, "", Some(b"orders7")),
        place(&self::key("k1", Mode::Hmac, 2), "orders", None),
    ];
    for (at, one) in places.iter().enumerate() {
        assert!(!places[at + 1..].contains(one), "{at}");
    }
}
