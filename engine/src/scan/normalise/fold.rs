//! Character by character: case, width, marks, look-alikes, what is not seen; and runs of white space as one space.

use fearless_simd::{dispatch, prelude::*, u8x64};

use super::Origins;
use super::letter::normal;
use crate::block::{BLOCK, block, first, level, within};

/// What becomes of a run of white space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::scan) enum Space {
    /// One space.
    One,
    /// As many spaces: how wide it is says where spaced-out words end.
    Kept,
}

/// The text folded, with where its bytes came from.
pub(in crate::scan) fn fold(text: &str) -> (Vec<u8>, Origins) {
    let (mut out, mut origins) = (Vec::new(), Origins::default());
    fold_into(text, Space::One, &mut out, &mut origins, &mut Vec::new());
    (out, origins)
}

/// As [`fold`], into buffers whose contents it replaces. Into `wide` comes where in the text something beyond ASCII begins.
pub(in crate::scan) fn fold_into(
    text: &str,
    space: Space,
    out: &mut Vec<u8>,
    origins: &mut Origins,
    wide: &mut Vec<usize>,
) {
    out.clear();
    origins.clear();
    wide.clear();
    out.reserve(text.len() + BLOCK);
    let mut fold = Fold { text, space, after_space: false, is_aligned: false, out, origins, wide };
    dispatch!(level(), simd => {
        let mut at = 0;
        while at < text.len() {
            at = fold.block(simd, at);
        }
    });
    origins.finish(text.len());
}

/// A text being folded.
struct Fold<'t, 'o> {
    text: &'t str,
    space: Space,
    /// Whether white space that comes next is left out.
    after_space: bool,
    /// Whether what was added last stands as it stood.
    is_aligned: bool,
    out: &'o mut Vec<u8>,
    origins: &'o mut Origins,
    wide: &'o mut Vec<usize>,
}

impl Fold<'_, '_> {
    /// Folds the block at `at`, or its beginning, and says where the next begins.
    #[inline(always)]
    fn block<S: Simd>(&mut self, simd: S, at: usize) -> usize {
        let bytes = block(simd, self.text.as_bytes(), at);
        let spaces = bytes.simd_eq(b' ') | within(bytes, b'\t', 5);
        // As they fold if all of them are ASCII.
        let small = within(bytes, b'A', 26).select(bytes | (b'a' - b'A'), bytes);
        let folded = spaces.select(u8x64::splat(simd, b' '), small);
        let (wide, spaces) = (bytes.simd_ge(0x80).to_bitmask(), spaces.to_bitmask());
        let mut more = spaces & (spaces << 1 | u64::from(self.after_space));
        if self.space == Space::Kept {
            more = 0;
        }
        let plain = first(wide | more);
        if plain > 0 && !self.is_aligned {
            self.origins.aligned(self.out.len(), at);
        }
        // A whole block is copied, which takes no call, and what is too much of it left behind.
        self.out.extend_from_slice(folded.as_slice());
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
        self.wide.push(at);
        let at = fold_wide(self.text, at, self.space, self.out, self.origins);
        self.after_space = self.space == Space::One && self.out.last() == Some(&b' ');
        at
    }
}

/// Folds what is not ASCII, which comes in clusters, and says where it ends.
fn fold_wide(
    text: &str,
    mut at: usize,
    space: Space,
    out: &mut Vec<u8>,
    origins: &mut Origins,
) -> usize {
    for char in text.get(at..).unwrap_or_default().chars() {
        at = fold_char(char, at, space, out, origins);
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
