//! Where a text may say more than it shows: spaced-out words, digits for letters, encodings.
//!
//! One sweep in blocks without a branch for each byte; only blocks that may hold something are looked at byte by byte.

use std::ops::Range;

use super::words::{Words, in_word, letter_of};

/// Bytes judged at once.
const BLOCK: usize = 32;

/// Single letters in a row that make a spaced-out word.
pub(super) const SINGLES: usize = 4;

/// Bytes between two letters of a spaced-out word at most.
pub(super) const GAP: usize = 3;

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

impl Suspects {
    /// Looks through a folded text; what was found before is forgotten. Says how many bytes it looked at one by one.
    pub(in crate::scan) fn look(&mut self, folded: &[u8], words: &Words) -> usize {
        self.words.clear();
        self.runs.clear();
        let (mut in_words, mut in_runs) = (None, None);
        let mut looked = 0;
        let mut classes = [0; BEFORE + BLOCK];
        // One block more than there are, if need be, for what the end of the text ends.
        for start in (0..=folded.len()).step_by(BLOCK) {
            let rest = folded.get(start..).unwrap_or_default();
            let (has_words, has_runs) = match rest.first_chunk() {
                Some(block) => suspect(block, &mut classes),
                None => {
                    let mut block = [0; BLOCK];
                    for (to, from) in block.iter_mut().zip(rest) {
                        *to = *from;
                    }
                    suspect(&block, &mut classes)
                }
            };
            let wide = start.saturating_sub(2 * BLOCK)..(start + 2 * BLOCK).min(folded.len());
            if has_words && let Some(span) = add(&mut in_words, wide.clone()) {
                looked += self.closely_for_words(folded, span, words);
            }
            if has_runs && let Some(span) = add(&mut in_runs, wide) {
                looked += self.closely_for_runs(folded, span);
            }
        }
        looked += in_words.map_or(0, |span| self.closely_for_words(folded, span, words));
        looked + in_runs.map_or(0, |span| self.closely_for_runs(folded, span))
    }

    fn closely_for_words(&mut self, folded: &[u8], span: Range<usize>, words: &Words) -> usize {
        let text = folded.get(..span.end).unwrap_or_default();
        let mut singles = Singles::default();
        let mut at = span.start;
        while at < text.len() {
            let word = token(text, at, in_word);
            match word {
                [] => {
                    if is_escape(folded.get(at..).unwrap_or_default()) {
                        self.words.push(at..at + 1);
                    }
                    at += 1;
                    continue;
                }
                [single] if single.is_ascii() => {
                    if let Some(row) = singles.add(*single, at) {
                        match self.words.last_mut() {
                            Some(known) if known.start == row.start => *known = row,
                            _ => self.words.push(row),
                        }
                    }
                }
                word => {
                    if is_disguised(word) && words.tells(word) {
                        self.words.push(at..at + word.len());
                    }
                }
            }
            at += word.len();
        }
        span.len()
    }

    fn closely_for_runs(&mut self, folded: &[u8], span: Range<usize>) -> usize {
        let text = folded.get(..span.end).unwrap_or_default();
        let mut at = span.start;
        while at < text.len() {
            let run = token(text, at, is_run).len();
            if run >= SHORTEST_RUN {
                self.runs.push(at..at + run);
            }
            at += run.max(1);
        }
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

/// The bytes from `at` on that are of a kind.
fn token(text: &[u8], at: usize, kind: impl Fn(u8) -> bool) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let len = rest.iter().position(|byte| !kind(*byte)).unwrap_or(rest.len());
    rest.get(..len).unwrap_or_default()
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

/// Bytes before a block that are looked at with it: two eighths of a long run, and the neighbours of its first byte.
const BEFORE: usize = 16;

/// Whether a block and the bytes before it, of which `classes` keeps what they are, may hold words in disguise, and parts of long runs: a
/// cheap look that misses nothing that a close one would find.
fn suspect(block: &[u8; BLOCK], classes: &mut [u8; BEFORE + BLOCK]) -> (bool, bool) {
    const LETTER: u8 = 1;
    const DIGIT: u8 = 2;
    const RUN: u8 = 4;
    const MARK: u8 = 8;
    classes.copy_within(BLOCK.., 0);
    let (_, new) = classes.split_at_mut(BEFORE);
    for (class, byte) in new.iter_mut().zip(block) {
        let letter = byte.wrapping_sub(b'a') < 26;
        let digit = byte.wrapping_sub(b'0') < 10;
        let sign = (*byte == b'@') | (*byte == b'$');
        let joins = (*byte == b'+') | (*byte == b'/') | (*byte == b'-') | (*byte == b'_');
        let mark = (*byte == b'%') | (*byte == b'&') | (*byte == b'\\');
        *class = if letter { LETTER | RUN } else { 0 }
            | if digit { DIGIT | RUN } else { 0 }
            | if sign { DIGIT } else { 0 }
            | if joins { RUN } else { 0 }
            | if mark { MARK } else { 0 };
    }
    let (mut mixed, mut marks, mut singles) = (0_u8, 0_u8, 0_u8);
    for [before, here, after] in classes.array_windows::<3>() {
        mixed |= (here >> 1) & after & LETTER;
        marks |= after & MARK;
        singles += here & LETTER & !(before | (before >> 1) | after | (after >> 1));
    }
    // Two whole eighths in a row are in every run of 24 bytes.
    let mut runs = 0;
    for [one, next] in classes.as_chunks::<8>().0.array_windows::<2>() {
        runs |= one.iter().chain(next).fold(RUN, |all, class| all & class);
    }
    ((mixed | marks != 0) | (singles >= 2), runs != 0)
}
