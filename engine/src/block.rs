//! Blocks of bytes that are looked at together: what JSON's tokenizer and the screening share.

use wide::u8x16;

/// The 16 bytes from `at` on, zeros where there are none.
#[inline]
pub(crate) fn sixteen(bytes: &[u8], at: usize) -> u8x16 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(whole) => u8x16::new(*whole),
        None => short(bytes.get(at..).unwrap_or_default()),
    }
}

/// What `tell` tells of the bytes from `at` on in blocks of 16, zeros where there are none. It looks at them where they were read: blocks
/// that came from either place would go by memory.
#[inline]
pub(crate) fn blocks<const BLOCKS: usize, T>(
    bytes: &[u8],
    at: usize,
    tell: impl FnOnce([u8x16; BLOCKS]) -> T,
) -> T {
    match bytes.get(at..at + 16 * BLOCKS) {
        Some(whole) => {
            let (parts, _) = whole.as_chunks();
            let part = |at: usize| u8x16::new(parts.get(at).copied().unwrap_or_default());
            tell(std::array::from_fn(part))
        }
        None => tell(last(bytes, at)),
    }
}

/// The 8 bytes from `at` on as a little-endian number, zeros where there are none.
#[inline]
pub(crate) fn eight(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(whole) => u64::from_le_bytes(*whole),
        None => shorter(bytes.get(at..).unwrap_or_default()),
    }
}

/// The last blocks, of which not all are whole.
#[inline(never)]
fn last<const BLOCKS: usize>(bytes: &[u8], at: usize) -> [u8x16; BLOCKS] {
    std::array::from_fn(|block| sixteen(bytes, at + 16 * block))
}

/// Fewer than 16 bytes: put together in registers, as a processor waits before it reads as one what was written in parts.
#[inline(never)]
fn short(bytes: &[u8]) -> u8x16 {
    let all = match (bytes.first_chunk(), bytes.last_chunk()) {
        (Some(first), Some(last)) => {
            let last = u128::from(u64::from_le_bytes(*last)) << (8 * (bytes.len() - 8));
            u128::from(u64::from_le_bytes(*first)) | last
        }
        _ => shorter(bytes).into(),
    };
    u8x16::new(all.to_le_bytes())
}

/// Fewer than eight bytes.
#[inline(never)]
fn shorter(bytes: &[u8]) -> u64 {
    match bytes {
        [] => 0,
        [only] => u64::from(*only),
        [first, .., second, last] if bytes.len() < 4 => {
            u64::from(*first) | u64::from(u16::from_le_bytes([*second, *last])) << 8
        }
        [first, last] => u64::from(u16::from_le_bytes([*first, *last])),
        _ => {
            let first = bytes.first_chunk().copied().map_or(0, u32::from_le_bytes);
            let last = bytes.last_chunk().copied().map_or(0, u32::from_le_bytes);
            u64::from(first) | u64::from(last) << (8 * (bytes.len().clamp(4, 8) - 4))
        }
    }
}

/// Which bytes are among the `len`, at least one, from `least` on: all bits are set in those, none in the others.
#[inline]
pub(crate) fn among(bytes: u8x16, least: u8, len: u8) -> u8x16 {
    let above = bytes - u8x16::splat(least);
    above.simd_eq(above.min(u8x16::splat(len - 1)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_there_is_zero() {
        let all: Vec<u8> = (1..=20).collect();
        for len in 0..=all.len() {
            let bytes = all.get(..len).unwrap_or_default();
            let mut expected = bytes.to_vec();
            expected.resize(20, 0);
            assert_eq!(Some(sixteen(bytes, 0).to_array()), expected.first_chunk().copied());
            let parts = blocks(bytes, 0, |blocks: [u8x16; 4]| blocks.map(u8x16::to_array));
            assert_eq!(parts.as_flattened().get(..20), Some(expected.as_slice()));
            assert_eq!(Some(eight(bytes, 0).to_le_bytes()), expected.first_chunk().copied());
        }
    }
}
