//! Step 2. In: Scanned. Out: Planned. Next: encode.

use crate::encode::Algorithm;

/// What a chooser may look at.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct PayloadFacts<'a> {
    /// The payload itself.
    pub payload: &'a [u8],
    /// Whether it is JSON that was read within the limits.
    pub json: bool,
}

impl<'a> PayloadFacts<'a> {
    pub(crate) fn new(payload: &'a [u8], json: bool) -> Self {
        Self { payload, json }
    }
}

/// Picks the algorithm for a payload. Infallible and quick; in doubt it answers [`Algorithm::Stored`].
///
/// The engine has the last word: what does not shrink is stored, what could be mistaken for a frame is framed.
pub trait Choose: Send + Sync {
    /// The algorithm to try.
    fn choose(&self, facts: &PayloadFacts<'_>) -> Algorithm;
}

/// The default chooser: fixed rules, no learning.
///
/// M2M v1 for everything from [`Rules::MIN_LEN`] bytes up. The token-native and Brotli text forms are never chosen: on a bus, which
/// carries bytes, their base64 loses to M2M v1, and a tokenizer takes a third of a second to load.
#[derive(Debug, Clone, Copy, Default)]
pub struct Rules;

impl Rules {
    /// Shorter payloads are stored. A header takes 35 bytes and more, and of 919 recorded agent messages below this length not one became
    /// smaller; trying costs as much as compressing a longer one.
    pub const MIN_LEN: usize = 160;
}

impl Choose for Rules {
    fn choose(&self, facts: &PayloadFacts<'_>) -> Algorithm {
        if facts.payload.len() < Self::MIN_LEN || looks_compressed(facts.payload) {
            Algorithm::Stored
        } else {
            Algorithm::M2m
        }
    }
}

/// Whether the bytes begin as the common compressed formats do; a second compression would not pay.
fn looks_compressed(payload: &[u8]) -> bool {
    const MAGIC: [&[u8]; 9] = [
        b"\x1f\x8b",          // gzip
        b"\x28\xb5\x2f\xfd",  // zstd
        b"\x04\x22\x4d\x18",  // lz4 frame
        b"BZh",               // bzip2
        b"\xfd7zXZ\0",        // xz
        b"PK\x03\x04",        // zip
        b"\x89PNG\r\n\x1a\n", // PNG
        b"\xff\xd8\xff",      // JPEG
        b"OggS",              // Ogg
    ];
    MAGIC.iter().any(|magic| payload.starts_with(magic))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_frame_what_can_shrink() {
        let choose = |payload: &[u8]| Rules.choose(&PayloadFacts::new(payload, false));
        assert_eq!(choose(&[b'x'; Rules::MIN_LEN]), Algorithm::M2m);
        assert_eq!(choose(&[b'x'; Rules::MIN_LEN - 1]), Algorithm::Stored);
        assert_eq!(choose(&[&b"\x1f\x8b"[..], &[0; 500]].concat()), Algorithm::Stored);
        assert_eq!(choose(&[&b"\x89PNG\r\n\x1a\n"[..], &[0; 500]].concat()), Algorithm::Stored);
    }
}
