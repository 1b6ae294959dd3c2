//! Where a text may say more than it shows: spaced-out words, digits for letters, encodings.
//!
//! One sweep over the [`Kinds`] of 64 bytes at a time, without a branch for each byte; only what that shows is looked at byte by byte.

use std::ops::Range;

use fearless_simd::{Simd, dispatch};

use super::kinds::Kinds;
use super::words::{Words, in_word, letter_of, word_at};
use crate::block::{BLOCK, first, level};

/// Single letters in a row that make a spaced-out word.
pub(super) const SINGLES: usize = 4;

/// Bytes between two letters of a spaced-out word at most.
pub(in crate::scan) const GAP: usize = 3;

/// Bytes of the shortest run that is decoded.
pub(super) const SHORTEST_RUN: usize = 24;

/// What was found, in bytes of the folded text, ascending.
#[derive(Debug, Default)]
pub(in crate::scan) struct Suspects {
    /// Words in disguise, and escapes.
    pub(in crate::scan) words: Vec<Range<usize>>,
    /// Runs that may be base64 or hexadecimal.
    pub(in crate::scan) runs: Vec<Range<usize>>,
}

/// Bytes of the longest word that is looked up in disguise.
const LONGEST_WORD: usize = 24;

impl Suspects {
    /// Looks through a folded text; what was found before is forgotten. Says how many bytes it looked at one by one.
    pub(in crate::scan) fn look(&mut self, folded: &[u8], words: &Words) -> usize {
        dispatch!(level(), simd => self.look_by(simd, folded, words))
    }

    #[inline(always)]
    fn look_by<S: Simd>(&mut self, simd: S, folded: &[u8], words: &Words) -> usize {
        self.words.clear();
        self.runs.clear();
        let mut in_rows = None;
        let (mut looked, mut disguised_to, mut run_to) = (0, 0, 0);
        let (mut before, mut signs) = (Kinds::default(), Signs::default());
        // One block more than there are, if need be, for what the end of the text ends.
        for start in (0..=folded.len()).step_by(BLOCK) {
            let kinds = Kinds::of(simd, folded, start);
            signs = Signs::new(&before, &kinds, &signs);
            before = kinds;
            for at in places(start, signs.marks) {
                looked += 8;
                if is_escape(folded.get(at..).unwrap_or_default()) {
                    self.words.push(at..at + 1);
                }
            }
            for at in places(start, signs.mixed) {
                if at < disguised_to {
                    continue;
                }
                let word = word_around(folded, at);
                looked += word.len();
                disguised_to = word.end;
                let spelled = folded.get(word.clone()).unwrap_or_default();
                if spelled.len() <= LONGEST_WORD && is_disguised(spelled) && words.tells(spelled) {
                    self.words.push(word);
                }
            }
            if signs.has_rows {
                let wide = start.saturating_sub(BLOCK)..(start + BLOCK).min(folded.len());
                let span = add(&mut in_rows, wide);
                looked += span.map_or(0, |span| self.rows(folded, span));
            }
            let mut runs = signs.runs;
            while let Some(bit) = first_bit(runs) {
                let at = start + bit - BLOCK;
                if at >= run_to {
                    let run = run_around(folded, at);
                    looked += run.len();
                    run_to = run.end;
                    self.runs.push(run);
                }
                // The bits up to its end are its own, and that of its first byte in any case.
                let own = u32::try_from(bit + (run_to - at).max(1)).unwrap_or(u32::MAX);
                runs &= u128::MAX.checked_shl(own).unwrap_or_default();
            }
        }
        looked += in_rows.map_or(0, |span| self.rows(folded, span));
        self.words.sort_unstable_by_key(|word| word.start);
        looked
    }

    /// Rows of single letters that begin in `span`.
    fn rows(&mut self, folded: &[u8], span: Range<usize>) -> usize {
        let text = folded.get(..span.end).unwrap_or_default();
        let (mut singles, mut row) = (Singles::default(), None::<Range<usize>>);
        let mut at = span.start;
        while at < text.len() {
            let word = word_at(text, at);
            if let [single] = word
                && single.is_ascii()
                && let Some(longer) = singles.add(*single, at)
                && let Some(known) = row.replace(longer.clone())
                && known.start != longer.start
            {
                self.words.push(known);
            }
            at += word.len().max(1);
        }
        self.words.extend(row);
        span.len()
    }
}

/// Adds a stretch to the one before where they meet, else gives back the one before.
fn add(span: &mut Option<Range<usize>>, more: Range<usize>) -> Option<Range<usize>> {
    match span {
        Some(span) if more.start <= span.end => {
            span.end = more.end;
            None
        }
        _ => span.replace(more),
    }
}

/// Single letters in a row.
#[derive(Default)]
struct Singles {
    row: Range<usize>,
    count: usize,
    letters: usize,
}

impl Singles {
    /// The row, once it is one.
    fn add(&mut self, single: u8, at: usize) -> Option<Range<usize>> {
        if self.count == 0 || at - self.row.end > GAP {
            *self = Self { row: at..at, count: 0, letters: 0 };
        }
        self.row.end = at + 1;
        self.count += 1;
        self.letters += usize::from(single.is_ascii_lowercase());
        let is_row = self.count >= SINGLES && 2 * self.letters > self.count;
        is_row.then(|| self.row.clone())
    }
}

/// Letters and digits for letters, and nothing else.
fn is_disguised(word: &[u8]) -> bool {
    let letters = word.iter().filter(|byte| byte.is_ascii_lowercase()).count();
    let signs = word.iter().filter(|byte| letter_of(**byte).is_some()).count();
    letters > 0 && signs > 0 && letters + signs == word.len()
}

/// Whether a byte stands in base64, standard or for URLs, apart from its padding.
pub(super) fn is_run(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')
}

/// Whether an escape of a URL, of HTML or of a program begins here.
fn is_escape(rest: &[u8]) -> bool {
    match rest {
        [b'%', a, b, ..] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        [b'&', b'#', next, ..] => next.is_ascii_digit() || *next == b'x',
        [b'&', next, ..] => {
            let name = rest.iter().skip(1).take(8).take_while(|byte| byte.is_ascii_lowercase());
            next.is_ascii_lowercase() && rest.get(1 + name.count()) == Some(&b';')
        }
        [b'\\', b'x' | b'u', a, b, ..] => a.is_ascii_hexdigit() && b.is_ascii_hexdigit(),
        _ => false,
    }
}

/// The run around the byte at `at`.
fn run_around(text: &[u8], at: usize) -> Range<usize> {
    around(text, at, usize::MAX, is_run)
}

/// The word around the byte at `at`, or more than the longest that counts.
fn word_around(text: &[u8], at: usize) -> Range<usize> {
    around(text, at, LONGEST_WORD, in_word)
}

/// The bytes of a kind around the one at `at`: `most` before it, and one more from it on.
fn around(text: &[u8], at: usize, most: usize, kind: impl Fn(u8) -> bool) -> Range<usize> {
    let kind = |byte: &&u8| kind(**byte);
    let before = text.get(..at).unwrap_or_default().iter().rev().take(most);
    let after = text.get(at..).unwrap_or_default().iter().take(most.saturating_add(1));
    at - before.take_while(kind).count()..at + after.take_while(kind).count()
}

fn first_bit(bits: u128) -> Option<usize> {
    usize::try_from(bits.trailing_zeros()).ok().filter(|bit| *bit < 2 * BLOCK)
}

/// The places of a block's bits.
fn places(start: usize, mut bits: u64) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let bit = Some(first(bits)).filter(|bit| *bit < BLOCK)?;
        bits &= bits - 1;
        Some(start + bit)
    })
}

/// What the kinds of a block's bytes, and of those before, show: a cheap look that misses nothing that a close one would find.
#[derive(Debug, Default)]
struct Signs {
    /// Where escapes may begin.
    marks: u64,
    /// Letters after digits.
    mixed: u64,
    /// Whether two single letters stand as close as in a spaced-out word.
    has_rows: bool,
    /// Where, in the block before and this, the shortest run begins or more of one follows.
    runs: u128,
    /// Single letters, each at the place after it, as what follows it tells.
    singles: u64,
}

impl Signs {
    #[inline(always)]
    fn new(before: &Kinds, kinds: &Kinds, signs: &Self) -> Self {
        // What stands one byte earlier, for each place.
        let shift = |before: u64, kinds: u64| kinds << 1 | before >> (BLOCK - 1);
        let in_word = |kinds: &Kinds| kinds.letters | kinds.digits;
        let word = in_word(kinds);
        let word_1 = shift(in_word(before), word);
        let word_2 = word_1 << 1 | in_word(before) >> (BLOCK - 2) & 1;
        let letters_1 = shift(before.letters, kinds.letters);
        let singles = letters_1 & !word & !word_2;
        let closely = |by: u32| singles & (singles << by | signs.singles >> (64 - by));
        let run = |kinds: &Kinds| u128::from(in_word(kinds) & !kinds.signs | kinds.joins);
        let mut runs = run(before) | run(kinds) << BLOCK;
        for by in [1, 2, 4, 8, 8] {
            runs &= runs >> by;
        }
        Self {
            marks: kinds.marks,
            mixed: kinds.letters & shift(before.digits, kinds.digits),
            has_rows: closely(2) | closely(3) | closely(4) != 0,
            runs,
            singles,
        }
    }
}
