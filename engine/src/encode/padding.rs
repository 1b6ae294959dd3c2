//! Padding within Brotli (RFC 7932): metadata blocks, which every decoder passes over, until a frame has the length that it is to have.
//! What is encrypted then tells its length to a bucket only.

use super::brotli::{self, Quality};
use crate::config::Config;
use crate::frame::M2M_PREFIX;
use crate::secure::Mode;

/// The empty last block that ends a stream.
const END: u8 = 0b11;
/// An empty metadata block, filled up to a byte.
const EMPTY: u8 = 0b00_0110;
/// Length and checksum, before the payload.
const LENGTHS: usize = 8;
/// The longest metadata block that is written: two bytes for its length, less one.
const LONGEST: usize = 1 << 16;
/// The longest uncompressed block: four nibbles for its length, less one.
const BLOCK: usize = 1 << 16;

/// Frames of an encrypting engine are as long as a multiple of this many bytes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Padding {
    bucket: usize,
}

impl Padding {
    pub(super) fn new(config: &Config) -> Option<Self> {
        let security = config.security.as_ref().filter(|security| security.secures())?;
        security.padding.map(|bucket| Self { bucket })
    }

    /// The payload as a Brotli stream so long that its encrypted frame, with a header of `header` bytes, fills its last bucket.
    pub(super) fn padded(self, payload: &[u8], quality: Option<Quality>, header: usize) -> Vec<u8> {
        let compressed = quality.and_then(|quality| brotli::compress_unended(payload, quality));
        let mut stream =
            compressed.filter(|c| c.len() < payload.len()).unwrap_or_else(|| stored(payload));
        let before = M2M_PREFIX.len() + header + LENGTHS + Mode::Aead.overhead();
        let whole = (before + stream.len() + 1).next_multiple_of(self.bucket);
        fill(&mut stream, whole - before - 1);
        stream.push(END);
        stream
    }
}

/// A stream of uncompressed blocks, ending at a byte and not ended.
fn stored(payload: &[u8]) -> Vec<u8> {
    let mut stream = Vec::with_capacity(payload.len() + payload.len() / BLOCK * 3 + 64);
    // A window of 22 bits takes four, an empty metadata block six, and the byte is filled up.
    stream.extend_from_slice(&(0b1011 | u16::from(EMPTY) << 4).to_le_bytes());
    for block in payload.chunks(BLOCK) {
        // Not the last (1 bit), four nibbles of length (2), the length less one (16), uncompressed (1), filled up (4).
        let less_one = u32::try_from(block.len() - 1).unwrap_or_default();
        let [b0, b1, b2, _] = (less_one << 3 | 1 << 19).to_le_bytes();
        stream.extend_from_slice(&[b0, b1, b2]);
        stream.extend_from_slice(block);
    }
    stream
}

/// Adds metadata blocks to a stream that ends at a byte, until it has this length.
fn fill(stream: &mut Vec<u8>, len: usize) {
    while let Some(missing @ 1..) = len.checked_sub(stream.len()) {
        // Not the last (1 bit), metadata (2), reserved (1), bytes of length (2), the length less one, filled up.
        match missing {
            // A length in more bytes than it needs is refused, so that 256 and 257 bytes of filling take two blocks.
            1..=2 | 259 => stream.push(EMPTY),
            3..=258 => {
                let filling = missing - 2;
                let less_one = u16::try_from(filling - 1).unwrap_or_default();
                stream.extend_from_slice(&(0b01_0110 | less_one << 6).to_le_bytes());
                stream.resize(stream.len() + filling, 0);
            }
            _ => {
                let filling = (missing - 3).min(LONGEST);
                let less_one = u32::try_from(filling - 1).unwrap_or_default();
                let [b0, b1, b2, _] = (0b10_0110 | less_one << 6).to_le_bytes();
                stream.extend_from_slice(&[b0, b1, b2]);
                stream.resize(stream.len() + filling, 0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a test may panic")]

    use super::*;
    use crate::config::Level;

    /// With the raw decoder too, so that what is checked is Brotli, not our reading of it.
    #[expect(clippy::disallowed_methods, reason = "a test of small streams")]
    fn opens(stream: &[u8], payload: &[u8]) {
        let mut out = Vec::new();
        ::brotli::BrotliDecompress(&mut &stream[..], &mut out).unwrap();
        assert!(out == payload, "{} bytes", payload.len());
        assert!(brotli::decompress(stream, payload.len()).unwrap() == payload);
    }

    #[test]
    fn every_length_of_filling_is_passed_over() {
        for len in (0..1000).chain([65_538, 65_539, 65_540, 65_541, 70_000, 131_080]) {
            let mut stream = stored(b"payload");
            let before = stream.len();
            fill(&mut stream, before + len);
            assert_eq!(stream.len(), before + len);
            stream.push(END);
            opens(&stream, b"payload");
        }
    }

    #[test]
    fn payloads_are_stored_over_several_blocks() {
        for len in [0, 1, 2, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK] {
            let payload = vec![7; len];
            let mut stream = stored(&payload);
            stream.push(END);
            opens(&stream, &payload);
        }
    }

    #[test]
    fn a_padded_payload_fills_its_bucket_compressed_or_not() {
        let text = "again and again ".repeat(3000);
        for bucket in [64, 1000, 65_536] {
            for len in (0..300).chain([5000, text.len()]) {
                let payload = text.as_bytes().get(..len).unwrap();
                for quality in [None, Some(Level::Balanced.into()), Some(Level::Fast.into())] {
                    let stream = Padding { bucket }.padded(payload, quality, 20);
                    assert_eq!((7 + 20 + 12 + 8 + stream.len() + 16) % bucket, 0);
                    opens(&stream, payload);
                }
            }
        }
    }
}
