//! Character by character: case, width, marks, look-alikes, what is not seen; and runs of white space as one space.

use wide::u8x16;

use super::Origins;
use super::letter::normal;
use crate::block::{self, among};

/// What becomes of a run of white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Space {
    /// One space.
    One,
    /// As many spaces: how wide it is says where spaced-out words end.
    Kept,
}

/// The text folded, with where its bytes came from.
pub(in crate::scan) fn fold(text: &str) -> (Vec<u8>, Origins) {
    let (mut out, mut origins) = (Vec::new(), Origins::default());
    fold_into(text, Space::One, &mut out, &mut origins);
    (out, origins)
}

/// As [`fold`], into buffers whose contents it replaces.
pub(super) fn fold_into(text: &str, space: Space, out: &mut Vec<u8>, origins: &mut Origins) {
    out.clear();
    origins.clear();
    fold_from(text, 0, space, out, origins);
    origins.finish(text.len());
}

/// As [`fold`], added to a text that holds others; `origin` is where this one begins in what `origins` lead to. Says whether all of it is
/// ASCII.
pub(in crate::scan) fn fold_onto(
    text: &str,
    origin: usize,
    out: &mut Vec<u8>,
    origins: &mut Origins,
) -> bool {
    fold_from(text, origin, Space::One, out, origins)
}

fn fold_from(
    text: &str,
    origin: usize,
    space: Space,
    out: &mut Vec<u8>,
    origins: &mut Origins,
) -> bool {
    out.reserve(text.len() + BLOCK);
    let bytes = text.as_bytes();
    let after_space = space == Space::One && out.last() == Some(&b' ');
    let mut fold =
        Fold { text, origin, space, after_space, is_aligned: false, is_ascii: true, out, origins };
    let mut at = 0;
    while at < bytes.len() {
        at = block::blocks(bytes, at, |[first, second]| fold.block(at, first, second));
    }
    fold.is_ascii
}

/// A text being folded.
struct Fold<'t, 'o> {
    text: &'t str,
    origin: usize,
    space: Space,
    /// Whether white space that comes next is left out.
    after_space: bool,
    /// Whether what was added last stands as it stood.
    is_aligned: bool,
    /// Whether all so far was ASCII.
    is_ascii: bool,
    out: &'o mut Vec<u8>,
    origins: &'o mut Origins,
}

impl Fold<'_, '_> {
    /// Folds the block at `at`, or its beginning, and says where the next begins.
    #[inline]
    fn block(&mut self, at: usize, first: u8x16, second: u8x16) -> usize {
        let (first, second) = (fold_plain(first), fold_plain(second));
        let spaces = first.spaces | second.spaces << 16;
        let wide = first.wide | second.wide << 16;
        let mut more = spaces & (spaces << 1 | u32::from(self.after_space));
        if self.space == Space::Kept {
            more = 0;
        }
        let plain = usize::try_from((wide | more).trailing_zeros()).unwrap_or(BLOCK);
        if plain > 0 && !self.is_aligned {
            self.origins.aligned(self.out.len(), self.origin + at);
        }
        // A whole block is copied, which takes no call, and what is too much of it left behind.
        self.out.extend_from_slice(&first.bytes);
        self.out.extend_from_slice(&second.bytes);
        let left = self.text.len() - at;
        if plain >= BLOCK && left >= BLOCK {
            self.after_space = spaces >> (BLOCK - 1) != 0;
            self.is_aligned = true;
            return at + BLOCK;
        }
        let plain = plain.min(left);
        self.out.truncate(self.out.len() - BLOCK + plain);
        let at = at + plain;
        self.is_aligned = false;
        if plain == left {
            return at;
        }
        if more >> plain & 1 != 0 {
            // White space after white space.
            self.after_space = true;
            return at + usize::try_from((spaces >> plain).trailing_ones()).unwrap_or_default();
        }
        self.is_ascii = false;
        let at = fold_wide(self.text, at, self.origin, self.space, self.out, self.origins);
        self.after_space = self.space == Space::One && self.out.last() == Some(&b' ');
        at
    }
}

/// Folds what is not ASCII, which comes in clusters, and says where it ends.
fn fold_wide(
    text: &str,
    mut at: usize,
    origin: usize,
    space: Space,
    out: &mut Vec<u8>,
    origins: &mut Origins,
) -> usize {
    for char in text.get(at..).unwrap_or_default().chars() {
        at = fold_char(char, origin + at, space, out, origins) - origin;
        let next = text.as_bytes().get(at);
        if next.is_none_or(|next| next.is_ascii() && !is_space(*next)) {
            break;
        }
    }
    at
}

/// A pattern with its characters beyond ASCII folded, so that it finds what folded texts have in their place.
pub(in crate::scan) fn fold_pattern(pattern: &str) -> String {
    let mut out = String::with_capacity(pattern.len());
    for char in pattern.chars() {
        if char.is_ascii() { out.push(char) } else { normal(char, |part| out.push(part)) }
    }
    out
}

/// Folds one character, and says where the next begins.
fn fold_char(
    char: char,
    at: usize,
    space: Space,
    out: &mut Vec<u8>,
    origins: &mut Origins,
) -> usize {
    let next = at + char.len_utf8();
    let is_more_space = |out: &Vec<u8>| space == Space::One && out.last() == Some(&b' ');
    if let Ok(byte) = u8::try_from(char)
        && byte.is_ascii()
    {
        let byte = fold_ascii(byte);
        if byte != b' ' || !is_more_space(out) {
            origins.aligned(out.len(), at);
            out.push(byte);
        }
        return next;
    }
    let from = out.len();
    normal(char, |part| {
        if part != ' ' || !is_more_space(out) {
            out.extend_from_slice(part.encode_utf8(&mut [0; 4]).as_bytes());
        }
    });
    if out.len() > from {
        origins.replaced(from, at);
        origins.aligned(out.len(), next);
    }
    next
}

fn is_space(byte: u8) -> bool {
    byte == b' ' || (9..=13).contains(&byte)
}

fn fold_ascii(byte: u8) -> u8 {
    if is_space(byte) { b' ' } else { byte.to_ascii_lowercase() }
}

/// Bytes folded at once.
const BLOCK: usize = 32;

/// Sixteen bytes, as they fold if all of them are ASCII.
struct Folded {
    bytes: [u8; 16],
    /// Which are white space; the first in the lowest bit.
    spaces: u32,
    /// Which are not ASCII.
    wide: u32,
}

fn fold_plain(bytes: u8x16) -> Folded {
    let space = u8x16::splat(b' ');
    let spaces = bytes.simd_eq(space) | among(bytes, b'\t', 5);
    let capitals = among(bytes, b'A', 26) & u8x16::splat(b'a' - b'A');
    let folded = (bytes | capitals) & !spaces | space & spaces;
    // The highest bit of each byte is set in what is not ASCII.
    Folded { bytes: folded.to_array(), spaces: spaces.to_bitmask(), wide: bytes.to_bitmask() }
}
