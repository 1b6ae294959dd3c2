//! Blocks of bytes that are looked at together: what JSON's tokenizer and the screening share.

use wide::u8x16;

/// The first `LEN` bytes, zeros where there are none.
#[inline]
pub(crate) fn first<const LEN: usize>(bytes: &[u8]) -> [u8; LEN] {
    if let Some(whole) = bytes.first_chunk() {
        return *whole;
    }
    let mut block = [0; LEN];
    block.iter_mut().zip(bytes).for_each(|(to, from)| *to = *from);
    block
}

/// Which bytes are among the `len`, at least one, from `least` on: all bits are set in those, none in the others.
#[inline]
pub(crate) fn among(bytes: u8x16, least: u8, len: u8) -> u8x16 {
    let above = bytes - u8x16::splat(least);
    above.simd_eq(above.min(u8x16::splat(len - 1)))
}
