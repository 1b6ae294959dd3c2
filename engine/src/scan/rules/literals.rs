//! Finds literals, each by what is fastest for it.

use std::ops::{ControlFlow, Range};

use aho_corasick::{AhoCorasick, AhoCorasickKind};

use super::at_words::AtWords;
use super::fingerprints::Fingerprints;
use crate::block::{BLOCK, can_shuffle};

/// What [`Fingerprints`] can find at once; with more it is slower than an automaton.
pub(super) const FEW: usize = 64;

/// Of which [`AhoCorasick`] is made for speed: some 10 kB each.
const MANY: usize = 512;

/// A set of literals.
#[derive(Debug)]
pub(super) enum Literals {
    /// Of which each has a beginning of a word.
    AtWords(AtWords),
    Few(Box<Fingerprints>),
    Many(Box<AhoCorasick>),
    Wide(Wide),
    None,
}

/// Literals that each have a character beyond ASCII, which most texts have few of.
#[derive(Debug)]
pub(super) struct Wide {
    all: Box<AhoCorasick>,
    /// Bytes of the longest.
    longest: usize,
}

impl Literals {
    /// Of any kind, none of them empty.
    pub(super) fn new(literals: &[&[u8]]) -> Self {
        if !literals.is_empty() && literals.len() <= FEW && can_shuffle() {
            return Self::Few(Box::new(Fingerprints::new(literals)));
        }
        Self::many(literals)
    }

    /// As [`Literals::new`], of literals that each have a character beyond ASCII.
    pub(super) fn wide(literals: &[&[u8]]) -> Self {
        match Self::many(literals) {
            Self::Many(all) => {
                let longest = literals.iter().map(|literal| literal.len()).max();
                Self::Wide(Wide { all, longest: longest.unwrap_or_default() })
            }
            none => none,
        }
    }

    fn many(literals: &[&[u8]]) -> Self {
        if literals.is_empty() {
            return Self::None;
        }
        let kind = (literals.len() <= MANY).then_some(AhoCorasickKind::DFA);
        // It cannot fail: it counts to 2^31, and rules are read from memory.
        let automaton = AhoCorasick::builder().kind(kind).build(literals);
        automaton.map_or(Self::None, |automaton| Self::Many(Box::new(automaton)))
    }

    /// Whether one of them stands in `text`.
    pub(super) fn stand_in(&self, text: &[u8]) -> bool {
        match self {
            Self::Few(few) => few.search(text, |_, _| ControlFlow::Break(())).is_break(),
            Self::Many(many) => many.is_match(text),
            _ => {
                let mut stand = false;
                self.search(text, |_, _| stand = true);
                stand
            }
        }
    }

    /// Calls `hit` with each literal that stands in `text` and where; in the order of their ends, give or take a literal's length.
    #[inline]
    pub(super) fn search(&self, text: &[u8], mut hit: impl FnMut(usize, Range<usize>)) {
        match self {
            Self::AtWords(words) => words.search(text, hit),
            Self::Few(few) => {
                let _: ControlFlow<()> = few.search(text, |literal, at| {
                    hit(literal, at);
                    ControlFlow::Continue(())
                });
            }
            Self::Many(many) => overlapping(many, text, &(0..text.len()), &mut hit),
            Self::Wide(wide) => wide.search(text, &mut hit),
            Self::None => {}
        }
    }
}

/// Calls `hit` with each literal that stands in a part of `text`, and where.
fn overlapping(
    all: &AhoCorasick,
    text: &[u8],
    part: &Range<usize>,
    hit: &mut impl FnMut(usize, Range<usize>),
) {
    for found in all.find_overlapping_iter(text.get(part.clone()).unwrap_or_default()) {
        hit(found.pattern().as_usize(), part.start + found.start()..part.start + found.end());
    }
}

impl Wide {
    /// Looks only around what is not ASCII.
    fn search(&self, text: &[u8], hit: &mut impl FnMut(usize, Range<usize>)) {
        let mut around = 0..0;
        for (start, block) in (0_usize..).step_by(BLOCK).zip(text.chunks(BLOCK)) {
            if block.is_ascii() {
                continue;
            }
            let from = start.saturating_sub(self.longest);
            let to = text.len().min(start + BLOCK + self.longest);
            if from > around.end {
                overlapping(&self.all, text, &around, hit);
                around.start = from;
            }
            around.end = to;
        }
        overlapping(&self.all, text, &around, hit);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::block::at_each_level;

    proptest! {
        #[test]
        fn few_are_found_as_many_are(
            literals in prop::collection::btree_set("[ab]{2,5}|[a-c ]{3,12}", 1..=FEW),
            text in "[a-c ]{0,90}|[a-c ]{500,1100}",
        ) {
            let literals: Vec<&[u8]> = literals.iter().map(String::as_bytes).collect();
            let found = |literals: &Literals| {
                let mut found = Vec::new();
                literals.search(text.as_bytes(), |literal, range| found.push((literal, range.start, range.end)));
                found.sort_unstable();
                found
            };
            let many = Literals::many(&literals);
            let few = Literals::Few(Box::new(Fingerprints::new(&literals)));
            at_each_level(|| {
                assert_eq!(found(&few), found(&many));
                assert_eq!(few.stand_in(text.as_bytes()), many.stand_in(text.as_bytes()));
            });
        }

        #[test]
        fn wide_ones_are_found_as_many_are(
            literals in prop::collection::btree_set("[aé]{0,3}é[aé]{0,9}", 1..9),
            text in "([aé]{0,20}|a{60,140}){0,6}",
        ) {
            let literals: Vec<&[u8]> = literals.iter().map(String::as_bytes).collect();
            let found = |literals: &Literals| {
                let mut found = Vec::new();
                literals.search(text.as_bytes(), |literal, range| found.push((range.end, literal)));
                found
            };
            prop_assert_eq!(found(&Literals::wide(&literals)), found(&Literals::many(&literals)));
        }
    }
}
