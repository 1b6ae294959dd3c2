//! Finds thousands of literals in one pass that looks only where words begin.
//!
//! Each literal has its anchor where one of its words begins, wherever it stands in a text: of these places the one whose next eight bytes
//! are the least common. What follows each beginning of a word is looked up in a bit table by the hashes of its first eight bytes, its
//! first four and its first three, as literals have less or more behind their anchors; the few hits are compared with the literals. Looking
//! up a place depends on no other place, and a word takes one look, however long it is.

use std::ops::Range;
use std::sync::LazyLock;

use fearless_simd::{dispatch, prelude::*};

use crate::block::{BLOCK, block, eight, first, level, padded, within};

/// Bytes of a literal from its anchor on that are hashed.
const LONG: usize = 8;

/// The same of literals that have fewer.
const SHORT: usize = 4;

/// The same of literals that have still fewer; others cannot be found so.
const SHORTEST: usize = 3;

/// Bytes of text whose places are told at once.
const STRETCH: usize = 8 * BLOCK;

/// Bits of a hash.
const HASH: u32 = 17;

/// Words of 64 bits that have a bit for each hash.
const WORDS: usize = 1 << (HASH - 6);

/// Hashes that have their entries in common, as a power of two.
const SHARED: u32 = 4;

/// A set of literals, each with a place where a word begins.
#[derive(Debug)]
pub(super) struct AtWords {
    /// One after the other, so that comparing them takes few looks at memory.
    literals: Box<[u8]>,
    /// A bit for each hash.
    hashes: Box<[u64; WORDS]>,
    /// For each group of hashes, where its entries begin.
    firsts: Box<[u32]>,
    entries: Vec<Entry>,
}

/// Kept small, as entries are met in no order.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// What stands from the anchor on, eight bytes at most.
    bytes: u64,
    /// The bits of these that are the literal's.
    mask: u64,
    literal: u32,
    /// Where it begins in all literals, and ends.
    from: u32,
    to: u32,
    /// Bytes of the literal before its anchor.
    before: u32,
}

/// Whether a byte is one of a word's.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
}

/// Where in a literal a word begins that can be its anchor; at its very beginning only if it is known that a word begins `there`.
pub(super) fn anchor(literal: &[u8], there: bool) -> Option<usize> {
    let begins = |at: &usize| {
        let before = at.checked_sub(1).and_then(|before| literal.get(before));
        literal.get(*at).is_some_and(|byte| in_word(*byte))
            && before.map_or(there, |before| !in_word(*before))
    };
    let places = (0..=literal.len().checked_sub(SHORTEST)?).filter(begins);
    let ranked = places.map(|at| (commonness(hashed(literal.get(at..).unwrap_or_default())), at));
    let least = ranked.min_by(|(one, _), (other, _)| one.total_cmp(other));
    least.map(|(_, at)| at)
}

impl AtWords {
    /// Literals with their anchors.
    pub(super) fn new<'l>(literals: impl Iterator<Item = (&'l [u8], usize)>) -> Self {
        let (mut all, mut entries) = (Vec::new(), Vec::new());
        for (index, (literal, anchor)) in literals.enumerate() {
            entries.push(Entry::new(index, literal, anchor, all.len()));
            all.extend_from_slice(literal);
        }
        entries.sort_by_key(|(hash, entry)| (*hash, entry.literal));
        let mut hashes = Box::new([0; WORDS]);
        for (hash, _) in &entries {
            if let Some(bits) = hashes.get_mut(usize_of(hash >> 6)) {
                *bits |= 1 << (hash & 63);
            }
        }
        let before = |group: u32| {
            let before = entries.partition_point(|(hash, _)| *hash < group << SHARED);
            u32::try_from(before).unwrap_or(u32::MAX)
        };
        Self {
            hashes,
            firsts: (0..=1 << (HASH - SHARED)).map(before).collect(),
            entries: entries.into_iter().map(|(_, entry)| entry).collect(),
            literals: all.into(),
        }
    }

    /// Calls `hit` with each literal that stands in `text`, at its anchor the beginning of a word, and where; in the order of their
    /// anchors. One may be told twice, as hashes of different lengths share groups.
    pub(super) fn search(&self, text: &[u8], mut hit: impl FnMut(usize, Range<usize>)) {
        let mut places = [0; STRETCH / 2];
        let mut word_before = 0;
        for from in (0..text.len()).step_by(STRETCH) {
            let count = dispatch!(level(), simd => {
                self.places(simd, text, from, &mut word_before, &mut places)
            });
            for at in places.iter().take(count) {
                self.compare(text, *at, &mut hit);
            }
        }
    }

    /// Where in the stretch of `text` that begins at `from` literals may have their anchors: how many places were put into `found`.
    /// `word_before` is 1 where a word goes on from the stretch before.
    #[inline(always)]
    fn places<S: Simd>(
        &self,
        simd: S,
        text: &[u8],
        from: usize,
        word_before: &mut u64,
        found: &mut [usize; STRETCH / 2],
    ) -> usize {
        let (mut count, mut start, end) = (0, from, text.len().min(from + STRETCH));
        while start < end
            && let Some(window) = text.get(start..).and_then(<[u8]>::first_chunk)
        {
            self.places_in(simd, window, start, word_before, found, &mut count);
            start += BLOCK;
        }
        // In a loop of its own, as it calls a function, which leaves nothing in registers.
        while start < end {
            let window = padded(text.get(start..).unwrap_or_default());
            self.places_in(simd, &window, start, word_before, found, &mut count);
            start += BLOCK;
        }
        count
    }

    /// As [`AtWords::places`], those of the block that begins at `start`, of which the first `count` have been found.
    #[inline(always)]
    fn places_in<S: Simd>(
        &self,
        simd: S,
        window: &[u8; BLOCK + LONG],
        start: usize,
        word_before: &mut u64,
        found: &mut [usize; STRETCH / 2],
        count: &mut usize,
    ) {
        let word = words(simd, window);
        let mut begins = word & !(word << 1 | *word_before);
        *word_before = word >> (BLOCK - 1);
        while begins != 0 {
            let at = first(begins);
            begins &= begins - 1;
            // Without a branch, as nothing foretells which of them it is.
            if let Some(found) = found.get_mut(*count) {
                *found = start + at;
            }
            let here = window.get(at..).and_then(<[u8]>::first_chunk).copied();
            let [long, short, shortest] = hashes(here.map_or(0, u64::from_le_bytes));
            *count += usize::from(self.has(long) | self.has(short) | self.has(shortest) != 0);
        }
    }

    /// 1 if there is an entry of this hash, else 0.
    #[inline]
    fn has(&self, hash: u32) -> u64 {
        let bits = self.hashes.get(usize_of(hash >> 6)).copied().unwrap_or_default();
        bits >> (hash & 63) & 1
    }

    /// Tells the literals that have their anchor at `at`.
    fn compare(&self, text: &[u8], at: usize, hit: &mut impl FnMut(usize, Range<usize>)) {
        let here = eight(text, at);
        for hash in hashes(here) {
            if self.has(hash) == 0 {
                continue;
            }
            for entry in self.entries(hash) {
                // Mostly tells them apart without a look at the literal.
                if here & entry.mask != entry.bytes {
                    continue;
                }
                let Some(start) = at.checked_sub(usize_of(entry.before)) else { continue };
                let literal = self.literals.get(usize_of(entry.from)..usize_of(entry.to));
                let literal = literal.unwrap_or_default();
                let range = start..start + literal.len();
                if text.get(range.clone()) == Some(literal) {
                    hit(usize_of(entry.literal), range);
                }
            }
        }
    }

    /// What has a hash of this one's group.
    #[inline]
    fn entries(&self, hash: u32) -> &[Entry] {
        let group = usize_of(hash >> SHARED);
        let firsts = self.firsts.get(group).zip(self.firsts.get(group + 1));
        let range = firsts.map(|(from, to)| usize_of(*from)..usize_of(*to));
        range.and_then(|range| self.entries.get(range)).unwrap_or_default()
    }
}

impl Entry {
    /// Of a literal, its anchor and where it begins in all literals; and its hash.
    fn new(index: usize, literal: &[u8], anchor: usize, from: usize) -> (u32, Self) {
        let rest = literal.get(anchor..).unwrap_or_default();
        let bytes = eight(rest, 0);
        let [long, short, shortest] = hashes(bytes);
        let hash = match hashed(rest).len() {
            LONG => long,
            SHORT => short,
            _ => shortest,
        };
        let mask = u64::MAX >> (64 - 8 * rest.len().clamp(1, LONG));
        let number = |number: usize| u32::try_from(number).unwrap_or(u32::MAX);
        let (from, to) = (number(from), number(from + literal.len()));
        (hash, Self { bytes, mask, literal: number(index), from, to, before: number(anchor) })
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The hashes of eight bytes, of the first four and of the first three: by odd constants (Knuth's multiplicative hash), so that the upper
/// bits tell of all.
#[inline]
fn hashes(bytes: u64) -> [u32; 3] {
    let short = (bytes << 32).wrapping_mul(0xc2b2_ae3d_27d4_eb4f);
    let shortest = (bytes << 40).wrapping_mul(0x1656_67b1_9e37_79f9);
    [bytes.wrapping_mul(0x9e37_79b9_7f4a_7c15), short, shortest].map(upper)
}

fn upper(bits: u64) -> u32 {
    u32::try_from(bits >> (64 - HASH)).unwrap_or_default()
}

/// Which bytes of the block that a window begins with are letters or digits: a bit for each, the first in the lowest.
#[inline(always)]
fn words<S: Simd>(simd: S, window: &[u8; BLOCK + LONG]) -> u64 {
    let bytes = block(simd, window, 0);
    let letters = within(bytes | (b'a' - b'A'), b'a', 26);
    (letters | within(bytes, b'0', 10)).to_bitmask()
}

/// What of these bytes is hashed.
fn hashed(bytes: &[u8]) -> &[u8] {
    let lengths = [LONG, SHORT, SHORTEST];
    lengths.into_iter().find_map(|len| bytes.get(..len)).unwrap_or_default()
}

/// The commonest words of requests, responses and calls of tools of many agents, and of what people ask of them; commonest first.
static COMMON: LazyLock<Vec<&str>> = LazyLock::new(|| {
    const WORDS: &str = "the to and a of in is for you that can or as ai name agent text if with on be self call number time \
        assistant date are update message not this it value function your at from type tools get string such first details file more like \
        total have code last each an amount current how please information new data use which will none default should by object class \
        search must other return human command context answer way need we could same only change but task format any all me what would \
        do they using so user there when has without question think model was its these than does about into out no one";
    WORDS.split_whitespace().collect()
});

/// How often what agents send has these bytes at the beginning of a word, roughly: the product of its words' shares, each by its rank among
/// the commonest (Zipf's law), else by its length.
fn commonness(bytes: &[u8]) -> f64 {
    let share = |word: &[u8]| {
        let mut ranked = COMMON.iter().zip(2_u16..);
        let rank = ranked.find(|(known, _)| known.as_bytes().starts_with(word));
        let by_length = || 0.15_f64.powi(i32::try_from(word.len()).unwrap_or(i32::MAX));
        rank.map_or_else(by_length, |(_, rank)| 0.2 / f64::from(rank))
    };
    bytes.split(|byte| !in_word(*byte)).filter(|word| !word.is_empty()).map(share).product()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block::at_each_level;

    proptest! {
        #[test]
        fn finds_what_begins_with_a_word_or_holds_one(
            literals in prop::collection::btree_set("[ab]{4,9}|[ab1 ]{3,12}", 1..90),
            text in "[ab1 ]{0,90}|[ab1 ]{500,1060}",
        ) {
            let literals: Vec<(&[u8], usize)> = literals
                .iter()
                .filter_map(|literal| Some((literal.as_bytes(), anchor(literal.as_bytes(), true)?)))
                .collect();
            let mut expected = Vec::new();
            for (index, (literal, anchor)) in literals.iter().enumerate() {
                for (at, _) in text.as_bytes().windows(literal.len()).enumerate().filter(|(_, part)| part == literal) {
                    let before = (at + anchor).checked_sub(1).and_then(|before| text.as_bytes().get(before));
                    if !before.is_some_and(|before| in_word(*before)) {
                        expected.push((index, at..at + literal.len()));
                    }
                }
            }
            let finder = AtWords::new(literals.iter().copied());
            at_each_level(|| {
                let mut found = Vec::new();
                finder.search(text.as_bytes(), |literal, range| found.push((literal, range)));
                found.sort_by_key(|(literal, range)| (*literal, range.start));
                found.dedup();
                assert_eq!(found, expected);
            });
        }
    }
}
