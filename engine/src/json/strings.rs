//! Finds where strings end.

use fearless_simd::{Simd, dispatch, prelude::*};

use super::text::{Text, unescape};
use crate::block::{BLOCK, block, first, level};

/// Where in a document strings end, or need a closer look: told for a stretch of it at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Specials {
    /// Where the stretch begins, and its length in bytes; it may go beyond the document's end.
    from: usize,
    len: usize,
    /// For each byte of it a bit, the first in the lowest: whether it is a quote, a backslash or a control character.
    bits: [u64; STRETCH / BLOCK + 1],
}

/// Bytes told at once, but for the first time: many documents are short.
const STRETCH: usize = 8 * BLOCK;

impl Specials {
    /// The first at `at` or behind it; what follows the end of `bytes` is one.
    #[inline]
    fn next(&mut self, bytes: &[u8], mut at: usize) -> usize {
        loop {
            let mut within = at.wrapping_sub(self.from);
            if within >= self.len {
                self.tell(bytes, at);
                within = 0;
            }
            let (block, shift) = (within / BLOCK, within % BLOCK);
            let [here, next] =
                [block, block + 1].map(|block| self.bits.get(block).copied().unwrap_or_default());
            // Of 64 bytes, wherever they begin, so that where blocks end makes no difference.
            let bits = here >> shift | next << 1 << (BLOCK - 1 - shift);
            if bits != 0 {
                return at + first(bits);
            }
            at += BLOCK;
        }
    }

    /// Tells those of the stretch from `at` on.
    #[inline(never)]
    fn tell(&mut self, bytes: &[u8], at: usize) {
        (self.from, self.len) = (at, if self.len == 0 { BLOCK } else { STRETCH });
        // A block more than that, as what is asked for is told of 64 bytes from anywhere on.
        let bits = self.bits.get_mut(..=self.len / BLOCK).unwrap_or_default();
        dispatch!(level(), simd => tell(simd, bytes, at, bits));
    }
}

#[inline(always)]
fn tell<S: Simd>(simd: S, bytes: &[u8], from: usize, bits: &mut [u64]) {
    for (at, bits) in (from..).step_by(BLOCK).zip(bits) {
        if at >= bytes.len() {
            // Those that follow are not asked for.
            *bits = u64::MAX;
            break;
        }
        let bytes = block(simd, bytes, at);
        let specials = bytes.simd_lt(0x20) | bytes.simd_eq(b'"') | bytes.simd_eq(b'\\');
        *bits = specials.to_bitmask();
    }
}

/// The string whose opening quote stands at `quote`.
///
/// # Errors
/// The offset at which it stops being one.
#[inline(always)]
pub(super) fn read<'a>(
    text: &'a str,
    quote: usize,
    specials: &mut Specials,
) -> Result<Text<'a>, usize> {
    let from = quote + 1;
    let bytes = text.as_bytes();
    let mut at = from;
    let (mut escaped, mut nul) = (false, false);
    loop {
        at = specials.next(bytes, at);
        match bytes.get(at) {
            Some(b'"') => {
                let raw = text.get(from..at).ok_or(at)?;
                return Ok(Text::read(raw, escaped, nul));
            }
            Some(b'\\') => {
                escaped = true;
                let escape = bytes.get(at + 1..).unwrap_or_default();
                let (char, len) = unescape(escape).ok_or(at)?;
                nul |= char == '\0';
                at += 1 + len;
            }
            // A control character, or the end of the text.
            _ => return Err(at),
        }
    }
}
