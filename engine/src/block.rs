//! Blocks of bytes that are looked at together, by the widest vectors that the processor has: what JSON's tokenizer and the screening share.
//!
//! What takes a `simd` is compiled for each [`Level`], and has to be inlined into the call of `dispatch!` that chooses one, else its vectors
//! go by memory.

use fearless_simd::{Level, Simd, mask8x64, prelude::*, u8x64};

/// Bytes looked at together.
pub(crate) const BLOCK: usize = 64;

/// What this processor can.
#[cfg(not(test))]
#[inline]
pub(crate) fn level() -> Level {
    Level::new()
}

/// Whether this processor looks bytes up in a table, 16 and more of them at once.
pub(crate) fn can_shuffle() -> bool {
    #[cfg(target_arch = "x86_64")]
    return level().as_sse4_2().is_some();
    #[cfg(not(target_arch = "x86_64"))]
    return !level().is_fallback();
}

#[cfg(test)]
pub(crate) use tests::{at_each_level, level};

/// The block that begins at `at`, zeros where there is nothing.
#[inline(always)]
pub(crate) fn block<S: Simd>(simd: S, bytes: &[u8], at: usize) -> u8x64<S> {
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(whole) => u8x64::load_array_ref(simd, whole),
        None => u8x64::simd_from(simd, padded(bytes.get(at..).unwrap_or_default())),
    }
}

/// The first of these bytes, with zeros where there are none.
#[inline(never)]
pub(crate) fn padded<const LEN: usize>(bytes: &[u8]) -> [u8; LEN] {
    let mut block = [0; LEN];
    let bytes = bytes.get(..LEN).unwrap_or(bytes);
    if let Some(part) = block.get_mut(..bytes.len()) {
        part.copy_from_slice(bytes);
    }
    block
}

/// Which bytes are among the `len` from `least` on.
#[inline(always)]
pub(crate) fn within<S: Simd>(bytes: u8x64<S>, least: u8, len: u8) -> mask8x64<S> {
    (bytes - least).simd_lt(len)
}

/// The place of the first bit that is set, the lowest being the first; [`BLOCK`] when none is.
#[inline]
pub(crate) fn first(bits: u64) -> usize {
    usize::try_from(bits.trailing_zeros()).unwrap_or(BLOCK)
}

/// The 8 bytes from `at` on as a little-endian number, zeros where there are none.
#[inline]
pub(crate) fn eight(bytes: &[u8], at: usize) -> u64 {
    match bytes.get(at..).and_then(<[u8]>::first_chunk) {
        Some(whole) => u64::from_le_bytes(*whole),
        None => shorter(bytes.get(at..).unwrap_or_default()),
    }
}

/// Fewer than eight bytes: put together in registers, as a processor waits before it reads as one what was written in parts.
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

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use fearless_simd::dispatch;

    use super::*;

    thread_local! {
        static LEVEL: Cell<Option<Level>> = const { Cell::new(None) };
    }

    /// What this processor can, or what a test wants of it.
    pub(crate) fn level() -> Level {
        LEVEL.get().unwrap_or_else(Level::new)
    }

    /// Calls `test` as if the processor could no more than each level that it has.
    pub(crate) fn at_each_level(test: impl Fn()) {
        let best = Level::new();
        #[cfg(target_arch = "x86_64")]
        let lower = [
            Some(Level::baseline()),
            best.as_sse4_2().map(|simd| simd.level()),
            best.as_avx2().map(|simd| simd.level()),
        ];
        #[cfg(not(target_arch = "x86_64"))]
        let lower = [Some(Level::baseline())];
        for level in lower.into_iter().flatten().chain([best]) {
            LEVEL.set(Some(level));
            test();
        }
        LEVEL.set(None);
    }

    #[test]
    fn what_is_not_there_is_zero() {
        let all: Vec<u8> = (1..=80).collect();
        for len in 0..=all.len() {
            let bytes = all.get(..len).unwrap_or_default();
            let mut expected = bytes.to_vec();
            expected.resize(80, 0);
            at_each_level(|| {
                let block: [u8; BLOCK] = dispatch!(level(), simd => block(simd, bytes, 0).into());
                assert_eq!(Some(block), expected.first_chunk().copied());
            });
            assert_eq!(Some(eight(bytes, 0).to_le_bytes()), expected.first_chunk().copied());
        }
    }
}
