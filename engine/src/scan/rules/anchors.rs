//! Finds thousands of literals in one pass that looks at four bytes at every second place.
//!
//! Each literal is anchored at its rarest fragment: of two fragments of four bytes, one byte apart, exactly one begins at an even place
//! of the text, wherever the literal stands. So every second place is looked up, in a bit table: eight places are hashed at once, and the
//! few hits are compared with the literals that have such a fragment. Looking up a place depends on no other place, which an automaton's
//! states do: that is why it is several times as fast as aho-corasick's here, and why it reads on at full speed in text full of
//! half-matches. Where a literal of three or four bytes leaves a byte of a fragment open, the table has every byte there.

use std::collections::HashMap;
use std::ops::Range;

use wide::u16x8;

use crate::block;

/// Bytes of a fragment.
const FRAGMENT: usize = 4;

/// Places hashed together, two bytes apart.
const PLACES: usize = 8;

/// Bytes that their fragments cover.
const BLOCK: usize = 2 * PLACES + 2;

/// A set of literals.
#[derive(Debug)]
pub(super) struct Anchors {
    literals: Vec<Box<[u8]>>,
    /// Those of two bytes.
    pairs: Vec<(usize, [u8; 2])>,
    /// Whether a byte is the first of such a literal.
    first_of_pair: Box<[bool]>,
    table: Table,
}

/// Fragments, and where they stand in which literals.
#[derive(Debug)]
struct Table {
    /// For each hash of a fragment's first three bytes, a bit for each class of the fourth: half of a small processor's fastest memory.
    cells: Box<[u8; CELLS]>,
    /// For each cell, where its entries begin.
    firsts: Box<[u32]>,
    entries: Vec<Entry>,
}

/// Cells of a table.
const CELLS: usize = 1 << 14;

/// Bytes of text whose places are told at once.
const STRETCH: usize = 1 << 9;

/// Kept small, as entries are met in no order.
#[derive(Debug, Clone, Copy)]
struct Entry {
    /// What stands from the fragment on, eight bytes at most.
    bytes: u64,
    /// The bits of these that are the literal's.
    mask: u64,
    literal: u32,
    /// Where the literal begins, in bytes from the fragment.
    start: i32,
}

impl Entry {
    /// Of `literal`, which is `bytes`, what stands after the first `before`; and its cell.
    fn new(literal: usize, bytes: &[u8], before: usize) -> (usize, Self) {
        let rest = bytes.get(before..).unwrap_or_default();
        let known: [u8; 8] = block::first(rest);
        let mask = u64::MAX >> (64 - 8 * rest.len().clamp(1, 8));
        let [first, second, third, ..] = known;
        let literal = u32::try_from(literal).unwrap_or(u32::MAX);
        let start = i32::try_from(before).map_or(i32::MIN, |before| -before);
        let entry = Self { bytes: u64::from_le_bytes(known), mask, literal, start };
        (cell(hash([first, second, third])), entry)
    }

    /// As [`Entry::new`], with a byte before the literal.
    fn ahead(literal: usize, bytes: &[u8], any: u8) -> (usize, Self) {
        let (_, entry) = Self::new(literal, bytes, 0);
        let [first, second, ..] = entry.bytes.to_le_bytes();
        let (bytes, mask) = (entry.bytes << 8, entry.mask << 8);
        (cell(hash([any, first, second])), Self { bytes, mask, start: 1, ..entry })
    }

    /// The classes that the fragment's fourth byte may have.
    fn classes(&self) -> u8 {
        let [_, _, _, fourth, ..] = self.bytes.to_le_bytes();
        if self.mask >> 24 & 0xff == 0 {
            return u8::MAX;
        }
        CLASSES.get(usize::from(fourth)).copied().unwrap_or_default()
    }

    /// The literal, when the fragment stands at `at`; it may yet end elsewhere.
    fn literal(&self, at: usize) -> Option<(usize, usize)> {
        let start = at.checked_add_signed(isize::try_from(self.start).ok()?)?;
        Some((usize_of(self.literal), start))
    }
}

impl Anchors {
    /// Literals of two bytes or more; shorter ones are never found.
    pub(super) fn new<'a>(literals: impl Iterator<Item = &'a [u8]>) -> Self {
        let literals: Vec<Box<[u8]>> = literals.map(Box::from).collect();
        let (mut entries, mut pairs) = (Vec::new(), Vec::new());
        let common = Common::new();
        for (literal, bytes) in literals.iter().enumerate() {
            // One byte more than a fragment, so that there are two.
            let rarest = bytes
                .array_windows::<{ FRAGMENT + 1 }>()
                .enumerate()
                .min_by_key(|(_, part)| (common.of(part), commonness(*part)));
            match (rarest, bytes.len()) {
                (Some((before, _)), _) => {
                    entries.extend([before, before + 1].map(|at| Entry::new(literal, bytes, at)));
                }
                (None, 4) => entries.extend([0, 1].map(|at| Entry::new(literal, bytes, at))),
                (None, 3) => {
                    entries.push(Entry::new(literal, bytes, 0));
                    entries.extend((0..=u8::MAX).map(|any| Entry::ahead(literal, bytes, any)));
                }
                (None, 2) => pairs.push((literal, block::first(bytes))),
                _ => {}
            }
        }
        let is_first = |byte| pairs.iter().any(|(_, [first, _])| *first == byte);
        let first_of_pair = (0..=u8::MAX).map(is_first).collect();
        Self { literals, pairs, first_of_pair, table: Table::new(entries) }
    }

    /// Calls `hit` with each literal that stands in `text` and where; in the order of their ends, give or take a literal's length.
    pub(super) fn search(&self, text: &[u8], mut hit: impl FnMut(usize, Range<usize>)) {
        if !self.table.entries.is_empty() {
            let mut places = [(0, 0); STRETCH / 2];
            let mut from = 0;
            while from < text.len() {
                let count = self.table.places(text, from, &mut places);
                for (at, hash) in places.iter().take(count) {
                    self.compare(*hash, text, from + usize::from(*at), &mut hit);
                }
                from += STRETCH;
            }
        }
        if !self.pairs.is_empty() {
            self.pairs(text, &mut hit);
        }
    }

    /// Tells the literals that have what stands at `at`.
    #[inline]
    fn compare(
        &self,
        hash: u16,
        text: &[u8],
        at: usize,
        hit: &mut impl FnMut(usize, Range<usize>),
    ) {
        let here = u64::from_le_bytes(block::first(text.get(at..).unwrap_or_default()));
        for entry in self.table.entries(hash) {
            // Mostly tells them apart without a look at the literal.
            if here & entry.mask != entry.bytes {
                continue;
            }
            let Some((index, start)) = entry.literal(at) else { continue };
            let literal = self.literals.get(index).map(AsRef::as_ref).unwrap_or_default();
            let range = start..start + literal.len();
            if text.get(range.clone()) == Some(literal) {
                hit(index, range);
            }
        }
    }

    fn pairs(&self, text: &[u8], hit: &mut impl FnMut(usize, Range<usize>)) {
        for (at, pair) in text.array_windows::<2>().enumerate() {
            let [first, _] = pair;
            if !self.first_of_pair.get(usize::from(*first)).is_some_and(|is| *is) {
                continue;
            }
            for (literal, _) in self.pairs.iter().filter(|(_, known)| known == pair) {
                hit(*literal, at..at + 2);
            }
        }
    }
}

impl Table {
    /// Of entries and their cells.
    fn new(mut entries: Vec<(usize, Entry)>) -> Self {
        let mut cells = Box::new([0; CELLS]);
        entries.sort_by_key(|(cell, entry)| (*cell, entry.literal));
        for (cell, entry) in &entries {
            if let Some(cell) = cells.get_mut(*cell) {
                *cell |= entry.classes();
            }
        }
        let before = |cell| entries.partition_point(|(of, _)| *of < cell);
        let firsts =
            (0..=CELLS).map(|cell| u32::try_from(before(cell)).unwrap_or(u32::MAX)).collect();
        Self { cells, firsts, entries: entries.into_iter().map(|(_, entry)| entry).collect() }
    }

    /// Where in the stretch of `text` that begins at `from` fragments may begin, and their hashes: how many were put into `found`.
    fn places(&self, text: &[u8], from: usize, found: &mut [(u16, u16); STRETCH / 2]) -> usize {
        let mut count = 0;
        for at in (0..STRETCH).step_by(2 * PLACES) {
            let rest = text.get(from + at..).unwrap_or_default();
            let end;
            let block = match rest.first_chunk() {
                Some(block) => block,
                // A fragment has three bytes that are known at least.
                None if rest.len() < 3 => break,
                None => {
                    end = block::first(rest);
                    &end
                }
            };
            let [_, _, _, a, _, b, _, c, _, d, _, e, _, f, _, g, _, h] = *block;
            let [first, second, third, fourth, fifth, sixth, seventh, eighth] = hashes(block);
            let half = [(first, a), (second, b), (third, c), (fourth, d)];
            self.add(half, at, found, &mut count);
            let half = [(fifth, e), (sixth, f), (seventh, g), (eighth, h)];
            self.add(half, at + PLACES, found, &mut count);
        }
        count
    }

    /// Adds those of four places where a fragment may begin.
    #[inline]
    fn add(
        &self,
        places: [(u16, u8); PLACES / 2],
        at: usize,
        found: &mut [(u16, u16); STRETCH / 2],
        count: &mut usize,
    ) {
        let [a, b, c, d] = places;
        if self.classes(a) | self.classes(b) | self.classes(c) | self.classes(d) == 0 {
            return;
        }
        let mut at = u16::try_from(at).unwrap_or_default();
        for place in places {
            // Without a branch, as nothing foretells which of them it is.
            if let Some(found) = found.get_mut(*count) {
                *found = (at, place.0);
            }
            *count += usize::from(self.classes(place) != 0);
            at += 2;
        }
    }

    /// The classes of a fragment's fourth byte that it is in, if there are fragments of such a hash in it; else none.
    #[inline]
    fn classes(&self, (hash, fourth): (u16, u8)) -> u8 {
        let classes = self.cells.get(cell(hash)).copied().unwrap_or_default();
        classes & CLASSES.get(usize::from(fourth)).copied().unwrap_or_default()
    }

    /// What has a fragment of this hash.
    #[inline]
    fn entries(&self, hash: u16) -> &[Entry] {
        let firsts = self.firsts.get(cell(hash)).zip(self.firsts.get(cell(hash) + 1));
        let range = firsts.map(|(from, to)| usize_of(*from)..usize_of(*to));
        range.and_then(|range| self.entries.get(range)).unwrap_or_default()
    }
}

fn usize_of(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// The cell of a hash.
#[inline]
fn cell(hash: u16) -> usize {
    usize::from(hash >> 2)
}

/// The hashes of the first three bytes of each fragment: two numbers of sixteen bits, each by an odd constant (Knuth's multiplicative
/// hash), so that the upper bits tell of all.
#[inline]
fn hashes(block: &[u8; BLOCK]) -> [u16; PLACES] {
    let numbers = |bytes: &[u8; 2 * PLACES]| -> u16x8 {
        let mut numbers = [0; PLACES];
        numbers
            .iter_mut()
            .zip(bytes.as_chunks().0)
            .for_each(|(number, bytes)| *number = u16::from_le_bytes(*bytes));
        u16x8::new(numbers)
    };
    let zero = [0; 2 * PLACES];
    let first = numbers(block.first_chunk().unwrap_or(&zero));
    let third = numbers(block.last_chunk().unwrap_or(&zero)) & u16x8::splat(0xff);
    (first * u16x8::splat(0x2545) + third * u16x8::splat(0xf491)).to_array()
}

fn hash(bytes: [u8; 3]) -> u16 {
    let [first, second, third] = bytes;
    let [hash, ..] = hashes(&block::first(&[first, second, third]));
    hash
}

/// The class of each byte: one bit.
#[expect(clippy::indexing_slicing, reason = "a constant that panics is not compiled")]
static CLASSES: [u8; 256] = {
    let mut classes = [0; 256];
    let mut byte = 0;
    while byte < classes.len() {
        classes[byte] = 1 << ((byte ^ byte >> 3) & 7);
        byte += 1;
    }
    classes
};

/// Fragments that the texts of agents are full of, commonest first: counted in requests and responses of many agents.
struct Common(HashMap<&'static str, u64>);

impl Common {
    fn new() -> Self {
        let fragments = include_str!("common.txt").lines().flat_map(|line| line.split('|'));
        Self(fragments.zip(10..).map(|(fragment, rank)| (fragment, 1_000_000 / rank)).collect())
    }

    /// How often either fragment of `part` is met; 0 when neither is common.
    fn of(&self, part: &[u8; FRAGMENT + 1]) -> u64 {
        let fragments = part.windows(FRAGMENT).filter_map(|part| std::str::from_utf8(part).ok());
        fragments.filter_map(|part| self.0.get(part)).sum()
    }
}

/// How common a fragment is in the texts that agents send, roughly: the product of its bytes' shares in English text and code.
fn commonness(fragment: &[u8]) -> u64 {
    // Per mille and somewhat more; what is rare is told apart less.
    let share = |byte: &u8| match byte {
        b' ' => 170,
        b'e' => 100,
        b't' | b'a' | b'o' | b'i' | b'n' | b's' | b'r' => 60,
        b'l' | b'h' | b'd' | b'c' | b'u' | b'm' | b'p' => 30,
        b'f' | b'g' | b'y' | b'w' | b'b' | b'v' | b'.' | b',' => 15,
        b'0'..=b'9' | b'_' | b'-' | b'"' | b'\'' | b'/' | b':' | b'(' | b')' | b'=' => 12,
        b'k' | b'x' | b'{' | b'}' | b'[' | b']' => 6,
        _ => 3,
    };
    fragment.iter().map(share).product()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn finds_what_aho_corasick_finds(
            literals in prop::collection::btree_set("[ab]{2,9}|[a-c ]{3,12}", 1..90),
            text in "[a-c ]{0,90}|[a-c ]{500,1060}",
        ) {
            let anchors = Anchors::new(literals.iter().map(String::as_bytes));
            let mut found = Vec::new();
            anchors.search(text.as_bytes(), |literal, range| found.push((literal, range)));
            found.sort_by_key(|(literal, range)| (*literal, range.start));
            let automaton = aho_corasick::AhoCorasick::new(&literals).unwrap();
            let mut expected: Vec<_> =
                automaton.find_overlapping_iter(&text).map(|hit| (hit.pattern().as_usize(), hit.range())).collect();
            expected.sort_by_key(|(literal, range)| (*literal, range.start));
            prop_assert_eq!(found, expected);
        }
    }
}
