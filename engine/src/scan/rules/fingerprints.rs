//! Finds some dozens of literals in one pass, wherever they stand.
//!
//! Literals are put into eight buckets. For each byte of a text and the three behind it, the halves of these bytes are looked up in tables
//! that say in which buckets a literal has such a byte there; where a bucket is left, its literals are compared. This is the algorithm
//! Teddy (of Hyperscan; aho-corasick's `packed`), for 64 bytes at a time and by the first four bytes instead of three.

use std::ops::{ControlFlow, Range};

use fearless_simd::{Simd, dispatch, prelude::*, u8x16, u8x64};

use crate::block::{BLOCK, eight, first, level, padded};

/// Bytes of a literal that are looked up.
const LOOKED_UP: usize = 4;

const BUCKETS: usize = 8;

/// Bytes that are looked up for a block.
const WINDOW: usize = BLOCK + LOOKED_UP - 1;

/// Blocks whose places are told at once.
const STRETCH: usize = 8;

/// Finds its literals.
#[derive(Debug)]
pub(super) struct Fingerprints {
    tables: [Table; LOOKED_UP],
    buckets: [Vec<Entry>; BUCKETS],
}

/// In which buckets a literal has a byte at some place: a bit for each.
#[derive(Debug, Clone, Copy, Default)]
struct Table {
    /// By the lower half of the byte.
    low: [u8; 16],
    /// By its upper half.
    high: [u8; 16],
}

#[derive(Debug)]
struct Entry {
    /// What it begins with, eight bytes at most.
    bytes: u64,
    /// The bits of these that are the literal's.
    mask: u64,
    index: usize,
    literal: Box<[u8]>,
}

/// Where in a stretch literals may begin.
struct Places {
    /// For each block its places, the first in the lowest bit.
    bits: [u64; STRETCH],
    /// For each of its places the buckets; not told for blocks without places.
    buckets: [[u8; BLOCK]; STRETCH],
}

impl Fingerprints {
    /// Of literals of which none is empty.
    pub(super) fn new(literals: &[&[u8]]) -> Self {
        let mut all: Vec<(usize, &[u8])> = literals.iter().copied().enumerate().collect();
        all.sort_by_key(|(_, literal)| *literal);
        let mut groups: Vec<Vec<(usize, &[u8])>> = all.into_iter().map(|one| vec![one]).collect();
        // Those that stand side by side begin alike.
        while groups.len() > BUCKETS {
            let more = |at: usize| {
                let (one, next) = (groups.get(at), groups.get(at + 1));
                one.zip(next).map_or(f64::MAX, |(one, next)| {
                    rate(&[one.as_slice(), next].concat()) - rate(one) - rate(next)
                })
            };
            let pairs = (0..groups.len() - 1).map(|at| (more(at), at));
            let least = pairs.min_by(|(one, _), (other, _)| one.total_cmp(other));
            let next = groups.remove(least.map_or(0, |(_, at)| at) + 1);
            if let Some(one) = least.and_then(|(_, at)| groups.get_mut(at)) {
                one.extend(next);
            }
        }
        let mut tables = [Table::default(); LOOKED_UP];
        for (bucket, group) in groups.iter().enumerate() {
            for (at, table) in tables.iter_mut().enumerate() {
                group.iter().for_each(|(_, literal)| table.add(literal.get(at), 1 << bucket));
            }
        }
        let mut groups = groups.into_iter();
        let buckets = [(); BUCKETS].map(|()| {
            let group = groups.next().into_iter().flatten();
            group.map(|(index, literal)| Entry::new(index, literal)).collect()
        });
        Self { tables, buckets }
    }

    /// Calls `hit` with each literal that stands in `text` and where, in the order of their beginnings, until it breaks.
    #[inline]
    pub(super) fn search<B>(
        &self,
        text: &[u8],
        mut hit: impl FnMut(usize, Range<usize>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let mut places = Places { bits: [0; STRETCH], buckets: [[0; BLOCK]; STRETCH] };
        for from in (0..text.len()).step_by(STRETCH * BLOCK) {
            dispatch!(level(), simd => self.places(simd, text, from, &mut places));
            let blocks = places.bits.iter().zip(&places.buckets);
            for (start, (bits, buckets)) in (from..text.len()).step_by(BLOCK).zip(blocks) {
                let mut bits = *bits;
                while bits != 0 {
                    let bit = first(bits);
                    bits &= bits - 1;
                    let buckets = buckets.get(bit).copied().unwrap_or_default();
                    self.compare(text, start + bit, buckets, &mut hit)?;
                }
            }
        }
        ControlFlow::Continue(())
    }

    /// Tells the places of the stretch of `text` that begins at `from`.
    #[inline(always)]
    fn places<S: Simd>(&self, simd: S, text: &[u8], from: usize, places: &mut Places) {
        let tables = self.tables.map(|table| {
            [table.low, table.high].map(|half| u8x64::block_splat(u8x16::simd_from(simd, half)))
        });
        let mut rest = text.get(from..).unwrap_or_default();
        // Windows that are not whole come in a loop of their own: it calls a function, which leaves nothing in registers.
        let mut index = 0;
        while let Some(window) = rest.first_chunk()
            && index < STRETCH
        {
            places.tell(index, left(simd, &tables, window));
            rest = rest.get(BLOCK..).unwrap_or_default();
            index += 1;
        }
        while !rest.is_empty() && index < STRETCH {
            places.tell(index, left(simd, &tables, &padded(rest)));
            rest = rest.get(BLOCK..).unwrap_or_default();
            index += 1;
        }
    }

    /// Tells the literals of some buckets that stand at `at`.
    fn compare<B>(
        &self,
        text: &[u8],
        at: usize,
        buckets: u8,
        hit: &mut impl FnMut(usize, Range<usize>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let here = eight(text, at);
        let chosen = (0..).zip(&self.buckets).filter(|(bit, _)| buckets >> bit & 1 != 0);
        for (_, bucket) in chosen {
            for entry in bucket.iter().filter(|entry| here & entry.mask == entry.bytes) {
                let range = at..at + entry.literal.len();
                if text.get(range.clone()) == Some(&*entry.literal) {
                    hit(entry.index, range)?;
                }
            }
        }
        ControlFlow::Continue(())
    }
}

impl Places {
    /// Tells those of a block by what is left of its buckets.
    #[inline(always)]
    fn tell<S: Simd>(&mut self, block: usize, left: u8x64<S>) {
        let of = self.bits.get_mut(block).zip(self.buckets.get_mut(block));
        let Some((bits, buckets)) = of else { return };
        *bits = !left.simd_eq(0).to_bitmask();
        if *bits != 0 {
            *buckets = left.into();
        }
    }
}

/// For each byte of a block the buckets that are left when it and those behind it have been looked up.
#[inline(always)]
fn left<S: Simd>(simd: S, tables: &[[u8x64<S>; 2]; LOOKED_UP], window: &[u8; WINDOW]) -> u8x64<S> {
    let mut left = u8x64::splat(simd, u8::MAX);
    for (at, [low, high]) in tables.iter().enumerate() {
        let Some(block) = window.get(at..).and_then(<[u8]>::first_chunk) else { continue };
        let bytes = u8x64::load_array_ref(simd, block);
        left &= low.swizzle_dyn_within_blocks(bytes & 0xf);
        left &= high.swizzle_dyn_within_blocks(bytes >> 4);
    }
    left
}

impl Table {
    /// Adds a byte to a bucket; if there is none, any.
    fn add(&mut self, byte: Option<&u8>, bucket: u8) {
        for (half, shift) in [(&mut self.low, 0), (&mut self.high, 4)] {
            for (at, buckets) in (0..).zip(half) {
                if byte.is_none_or(|byte| byte >> shift & 0xf == at) {
                    *buckets |= bucket;
                }
            }
        }
    }

    /// Whether it has a byte in some bucket.
    fn has(&self, byte: u8) -> bool {
        let low = self.low.get(usize::from(byte & 0xf)).copied().unwrap_or_default();
        let high = self.high.get(usize::from(byte >> 4)).copied().unwrap_or_default();
        low & high != 0
    }
}

impl Entry {
    fn new(index: usize, literal: &[u8]) -> Self {
        let mask = u64::MAX >> (64 - 8 * literal.len().clamp(1, 8));
        Self { bytes: eight(literal, 0), mask, index, literal: literal.into() }
    }
}

/// How often texts look, roughly, as if one of these literals began.
fn rate(literals: &[(usize, &[u8])]) -> f64 {
    let share = |at: usize| {
        let mut table = Table::default();
        literals.iter().for_each(|(_, literal)| table.add(literal.get(at), 1));
        (0..=0x7f).filter(|byte| table.has(*byte)).map(commonness).sum::<f64>()
    };
    (0..LOOKED_UP).map(share).product()
}

/// The share of a byte in folded texts, roughly.
fn commonness(byte: u8) -> f64 {
    match byte {
        b' ' => 0.15,
        b'a' | b'e' | b'i' | b'n' | b'o' | b'r' | b's' | b't' => 0.06,
        b'a'..=b'z' => 0.015,
        b'0'..=b'9' | b'"' | b',' | b'.' | b':' | b'_' | b'-' | b'/' => 0.01,
        _ => 0.001,
    }
}
