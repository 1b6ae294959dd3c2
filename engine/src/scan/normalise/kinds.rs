//! Which bytes of a text are letters, digits and so on: a bit for each of 64 bytes.

use fearless_simd::prelude::*;

use crate::block::{block, within};

/// What the bytes of a folded text are; the first in the lowest bit.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Kinds {
    /// `a` to `z`
    pub(super) letters: u64,
    /// Digits, and the signs that are written for letters.
    pub(super) digits: u64,
    /// Of these, the signs: `@` and `$`.
    pub(super) signs: u64,
    /// What stands in base64 beside letters and digits: `+`, `/`, `-`, `_`.
    pub(super) joins: u64,
    /// What begins an escape: `%`, `&`, `\`.
    pub(super) marks: u64,
}

impl Kinds {
    /// Of the bytes from `at` on; what is not there is of no kind.
    #[inline(always)]
    pub(super) fn of<S: Simd>(simd: S, text: &[u8], at: usize) -> Self {
        let bytes = block(simd, text, at);
        let is = |byte: u8| bytes.simd_eq(byte);
        let signs = is(b'@') | is(b'$');
        Self {
            letters: within(bytes, b'a', 26).to_bitmask(),
            digits: (within(bytes, b'0', 10) | signs).to_bitmask(),
            signs: signs.to_bitmask(),
            joins: (is(b'+') | is(b'/') | is(b'-') | is(b'_')).to_bitmask(),
            marks: (is(b'%') | is(b'&') | is(b'\\')).to_bitmask(),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests may panic")]

    use fearless_simd::dispatch;
    use proptest::prelude::*;

    use super::*;
    use crate::block::{BLOCK, at_each_level, level};

    fn one_by_one(block: &[u8; BLOCK]) -> Kinds {
        let mut kinds = Kinds::default();
        for (at, byte) in block.iter().enumerate() {
            let bit = |is: bool| u64::from(is) << at;
            let is_sign = matches!(byte, b'@' | b'$');
            kinds.letters |= bit(byte.is_ascii_lowercase());
            kinds.digits |= bit(byte.is_ascii_digit() || is_sign);
            kinds.signs |= bit(is_sign);
            kinds.joins |= bit(matches!(byte, b'+' | b'/' | b'-' | b'_'));
            kinds.marks |= bit(matches!(byte, b'%' | b'&' | b'\\'));
        }
        kinds
    }

    fn are_those_of_each_byte(block: &[u8; BLOCK]) {
        at_each_level(|| {
            let kinds = dispatch!(level(), simd => Kinds::of(simd, block, 0));
            assert_eq!(kinds, one_by_one(block));
        });
    }

    proptest! {
        #[test]
        fn kinds_are_those_of_each_byte(block: [u8; BLOCK]) {
            are_those_of_each_byte(&block);
        }
    }

    #[test]
    fn every_byte_is_of_its_kind() {
        for byte in 0..=u8::MAX {
            let mut block = [0; BLOCK];
            block[usize::from(byte) % BLOCK] = byte;
            are_those_of_each_byte(&block);
        }
    }
}
