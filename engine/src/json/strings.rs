//! Finds where strings end.

use fearless_simd::{Simd, dispatch, prelude::*};

use super::text::{Text, escapes, unescape};
use crate::block::{BLOCK, block, first, level};

/// Where in a document strings end, or need a closer look: told for a stretch of it at a time.
#[derive(Debug, Clone, Default)]
pub(super) struct Specials {
    /// Where the stretch begins, and its length in bytes; it may go beyond the document's end.
    from: usize,
    len: usize,
    /// A power of two, so that places in it need no check.
    blocks: [Block; BLOCKS],
}

/// For each byte of a block a bit, the first in the lowest.
#[derive(Debug, Clone, Copy, Default)]
struct Block {
    /// Whether it is a quote that no backslash escapes, a control character, or of an escape of more than two characters the second.
    specials: u64,
    /// Whether a backslash escapes it.
    escaped: u64,
}

const BLOCKS: usize = (STRETCH / BLOCK + 1).next_power_of_two();

/// Bytes told at once, but for the first time: many documents are short.
const STRETCH: usize = 8 * BLOCK;

impl Specials {
    /// The first at `at` or behind it, and whether anything before it is escaped; what follows the end of `bytes` is one. A backslash may
    /// escape what stands at `at` only if this has been told before.
    #[inline(always)]
    fn next(&mut self, bytes: &[u8], at: usize) -> (usize, bool) {
        // Most strings are short.
        let (place, escaped) = self.within_block(bytes, at);
        if place < BLOCK { (at + place, escaped) } else { self.next_behind(bytes, at, escaped) }
    }

    /// As [`Specials::next`], behind the 64 bytes from `at` on, in which there is none; `any` tells of what they escape.
    #[inline(never)]
    fn next_behind(&mut self, bytes: &[u8], mut at: usize, mut any: bool) -> (usize, bool) {
        loop {
            at += BLOCK;
            let (place, escaped) = self.within_block(bytes, at);
            any |= escaped;
            if place < BLOCK {
                return (at + place, any);
            }
        }
    }

    /// The first of the 64 bytes from `at` on, wherever they begin, so that where blocks end makes no difference; and whether anything before
    /// it is escaped.
    #[inline(always)]
    fn within_block(&mut self, bytes: &[u8], at: usize) -> (usize, bool) {
        if at.wrapping_sub(self.from) >= self.len {
            self.tell(bytes, at);
        }
        let Block { specials, escaped } = self.told(at);
        // All that are lower than the first.
        let before = specials.wrapping_sub(1) & !specials;
        (first(specials), escaped & before != 0)
    }

    /// Of the 64 bytes from `at` on, which have been told.
    #[inline]
    fn told(&self, at: usize) -> Block {
        let within = at.wrapping_sub(self.from);
        let (block, shift) = (within / BLOCK, within % BLOCK);
        let [here, next] = [block, block + 1]
            .map(|block| self.blocks.get(block % BLOCKS).copied().unwrap_or_default());
        let of = |here: u64, next: u64| here >> shift | next << 1 << (BLOCK - 1 - shift);
        Block {
            specials: of(here.specials, next.specials),
            escaped: of(here.escaped, next.escaped),
        }
    }

    /// Whether a backslash escapes what stands at `at`, if it has been told.
    fn is_escaped(&self, at: usize) -> bool {
        self.told(at).escaped & 1 != 0
    }

    /// Tells those of the stretch from `at` on.
    #[inline(never)]
    fn tell(&mut self, bytes: &[u8], at: usize) {
        let is_told = at.wrapping_sub(self.from) < self.len + BLOCK;
        let escaped = u64::from(is_told && self.is_escaped(at));
        (self.from, self.len) = (at, if self.len == 0 { BLOCK } else { STRETCH });
        // A block more than that, as what is asked for is told of 64 bytes from anywhere on.
        let blocks = self.blocks.get_mut(..=self.len / BLOCK).unwrap_or_default();
        dispatch!(level(), simd => tell(simd, bytes, at, escaped, blocks));
    }
}

/// `escaped` is 1 if a backslash escapes the first byte.
#[inline(always)]
fn tell<S: Simd>(simd: S, bytes: &[u8], from: usize, mut escaped: u64, blocks: &mut [Block]) {
    for (at, told) in (from..).step_by(BLOCK).zip(blocks) {
        if at >= bytes.len() {
            // Those that follow are not asked for.
            *told = Block { specials: u64::MAX, escaped };
            break;
        }
        let bytes = block(simd, bytes, at);
        let controls = bytes.simd_lt(0x20).to_bitmask();
        let quotes = bytes.simd_eq(b'"');
        let slashes = bytes.simd_eq(b'\\');
        told.escaped = follow(slashes.to_bitmask(), &mut escaped);
        told.specials = controls | (quotes.to_bitmask() & !told.escaped);
        if told.escaped != 0 {
            let is = |byte: u8| bytes.simd_eq(byte);
            let ends = is(b'b') | is(b'f') | is(b'n') | is(b'r') | is(b't');
            let short = quotes | slashes | is(b'/') | ends;
            told.specials |= told.escaped & !short.to_bitmask();
        }
    }
}

/// Which bytes of a block backslashes escape, by where backslashes are; `escaped` is 1 if one before the block escapes its first byte, and
/// then tells the same of the block that follows.
fn follow(slashes: u64, escaped: &mut u64) -> u64 {
    let begins = escapes(slashes & !*escaped);
    let follows = begins << 1 | *escaped;
    *escaped = begins >> (BLOCK - 1);
    follows
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
    let (mut end, mut escaped) = specials.next(text.as_bytes(), from);
    let mut nul = false;
    if text.as_bytes().get(end) != Some(&b'"') {
        (end, nul) = find_end(text.as_bytes(), specials, end)?;
        escaped = true;
    }
    // Put together only here: a processor waits before it reads as one what was written in parts.
    Ok(Text::read(text.get(from..end).ok_or(end)?, escaped, nul))
}

/// Where a string ends whose first special is no quote, and whether a NUL is in it.
///
/// # Errors
/// As [`read`].
#[inline(never)]
fn find_end(bytes: &[u8], specials: &mut Specials, mut at: usize) -> Result<(usize, bool), usize> {
    let mut nul = false;
    loop {
        match bytes.get(at) {
            Some(b'"') => return Ok((at, nul)),
            Some(b'u') => {
                let escape = bytes.get(at..).unwrap_or_default();
                let (char, len) = unescape(escape).ok_or(at - 1)?;
                nul |= char == '\0';
                (at, _) = specials.next(bytes, at + len);
            }
            // What no backslash may escape, a control character, or the end of the text.
            _ => return Err(at - usize::from(specials.is_escaped(at))),
        }
    }
}
