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

/// As [`fold`], added to a text that holds others; `origin` is where this one begins in what `origins` lead to.
pub(in crate::scan) fn fold_onto(
    text: &str,
    origin: usize,
    out: &mut Vec<u8>,
    origins: &mut Origins,
) {
    fold_from(text, origin, Space::One, out, origins);
}

fn fold_from(text: &str, origin: usize, space: Space, out: &mut Vec<u8>, origins: &mut Origins) {
    out.reserve(text.len() + BLOCK);
    let bytes = text.as_bytes();
    let mut at = 0;
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        let after_space = space == Space::One && out.last() == Some(&b' ');
        let (folded, plain) = fold_plain(rest, after_space);
        if plain > 0 {
            origins.aligned(out.len(), origin + at);
            // A whole block is copied, which takes no call, and what is too much of it left behind.
            out.extend_from_slice(&folded);
            out.truncate(out.len() - BLOCK + plain);
            at += plain;
        }
        if plain < BLOCK {
            at = fold_odd(text, at, origin, space, out, origins);
        }
    }
}

/// Folds what is not plain, which comes in clusters, and says where it ends: white space after white space, and what is not ASCII.
fn fold_odd(
    text: &str,
    mut at: usize,
    origin: usize,
    space: Space,
    out: &mut Vec<u8>,
    origins: &mut Origins,
) -> usize {
    if space == Space::One && out.last() == Some(&b' ') {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        let spaces = rest.iter().take_while(|byte| is_space(**byte)).count();
        if spaces > 0 {
            return at + spaces;
        }
    }
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
const BLOCK: usize = 16;

/// The first bytes folded, and how many of them need no more than [`fold_ascii`]: all ASCII, no white space after white space.
fn fold_plain(text: &[u8], after_space: bool) -> ([u8; BLOCK], usize) {
    let bytes = u8x16::new(block::first(text));
    let space = u8x16::splat(b' ');
    let spaces = bytes.simd_eq(space) | among(bytes, b'\t', 5);
    let capitals = among(bytes, b'A', 26) & u8x16::splat(b'a' - b'A');
    let folded = (bytes | capitals) & !spaces | space & spaces;
    // The highest bit of each byte: set in what is not ASCII.
    let wide = bytes.to_bitmask();
    let spaces = spaces.to_bitmask();
    let odd = wide | spaces & (spaces << 1 | u32::from(after_space));
    let plain = usize::try_from(odd.trailing_zeros()).unwrap_or(BLOCK);
    (folded.to_array(), plain.min(text.len()).min(BLOCK))
}
