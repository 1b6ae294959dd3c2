//! Which bytes of a text are letters, digits and so on: a bit for each of 64 bytes.

use wide::u8x16;

use crate::block::{self, among};

/// Bytes whose kinds are told at once.
pub(super) const BLOCK: usize = 64;

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
    pub(super) fn of(text: &[u8], at: usize) -> Self {
        block::blocks(text, at, Self::of_block)
    }

    #[inline]
    fn of_block(block: [u8x16; 4]) -> Self {
        let mut kinds = Self::default();
        for (bytes, at) in block.into_iter().zip([0, 16, 32, 48]) {
            let is = |byte: u8| bytes.simd_eq(u8x16::splat(byte));
            let bits = |is: u8x16| u64::from(is.to_bitmask()) << at;
            let signs = is(b'@') | is(b'$');
            kinds.letters |= bits(among(bytes, b'a', 26));
            kinds.digits |= bits(among(bytes, b'0', 10) | signs);
            kinds.signs |= bits(signs);
            kinds.joins |= bits(is(b'+') | is(b'/') | is(b'-') | is(b'_'));
            kinds.marks |= bits(is(b'%') | is(b'&') | is(b'\\'));
        }
        kinds
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, reason = "tests may panic")]

    use proptest::prelude::*;

    use super::*;

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

    proptest! {
        #[test]
        fn kinds_are_those_of_each_byte(block: [u8; BLOCK]) {
            prop_assert_eq!(Kinds::of(&block, 0), one_by_one(&block));
        }
    }

    #[test]
    fn every_byte_is_of_its_kind() {
        for byte in 0..=u8::MAX {
            let mut block = [0; BLOCK];
            block[usize::from(byte) % BLOCK] = byte;
            assert_eq!(Kinds::of(&block, 0), one_by_one(&block), "{byte}");
        }
    }
}
