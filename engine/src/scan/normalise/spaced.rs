//! Spaced-out text: single characters, signs too, each apart from the next by the same gap, as in `c a t  / e t c / h o s t s`.

use std::ops::Range;

use super::suspect::SINGLES;
use super::words::in_word;

/// Single letters that are looked at to see what stands between them.
const SAMPLE: usize = 32;

/// Bytes between two single letters at most, signs that stand apart among them.
const DIVIDER: usize = 16;

/// Letters of a word, on average, from which on words do not seem to be divided.
const LONG: usize = 10;

/// Characters in a row that stand apart.
#[derive(Debug)]
pub(super) struct Stretch<'t> {
    pub(super) range: Range<usize>,
    pub(super) pieces: Vec<Piece>,
    text: &'t [u8],
    /// What stands between its characters.
    gap: &'t [u8],
}

/// A part of a stretch.
#[derive(Debug)]
pub(super) enum Piece {
    /// Where the letters and digits are, byte by byte, that nothing but the gap divides.
    Word(Vec<usize>),
    /// One of another kind.
    Sign(usize),
    /// Something else than the gap.
    Divider(Range<usize>),
}

impl<'t> Stretch<'t> {
    /// The stretch whose first letter is at `at`. Signs before it may be its own, as far back as `from`.
    pub(super) fn at(text: &'t [u8], at: usize, from: usize) -> Option<Self> {
        let gap = commonest_gap(text, at)?;
        let mut stretch = Self { range: at..at, pieces: Vec::new(), text, gap };
        while let Some(before) = stretch.sign_before(from) {
            stretch.range.start = before;
        }
        let mut place = stretch.range.start;
        loop {
            let end = place + char_len(text, place);
            stretch.push(place..end);
            if stretch.is_char(end + gap.len()) && starts_with(text, end, gap) {
                place = end + gap.len();
            } else if let Some(next) = stretch.after_space(end).or_else(|| stretch.after_signs(end))
            {
                stretch.pieces.push(Piece::Divider(end..next));
                place = next;
            } else {
                return Some(stretch);
            }
        }
    }

    fn push(&mut self, char: Range<usize>) {
        self.range.end = char.end;
        if !is_word(self.text, char.start) {
            self.pieces.push(Piece::Sign(char.start));
        } else if let Some(Piece::Word(word)) = self.pieces.last_mut() {
            word.extend(char);
        } else {
            self.pieces.push(Piece::Word(char.collect()));
        }
    }

    /// Whether anything wider than the gap divides it.
    pub(super) fn is_divided(&self) -> bool {
        self.pieces.iter().any(|piece| matches!(piece, Piece::Divider(_)))
    }

    /// Whether what stands between signs and dividers is likely more than one word.
    pub(super) fn has_long_words(&self) -> bool {
        let words = self.pieces.iter().filter_map(|piece| match piece {
            Piece::Word(word) => Some(word.len()),
            _ => None,
        });
        !self.is_divided() || words.clone().sum::<usize>() > LONG * words.count()
    }

    /// Whether signs are no more than the gap, a part of it, or several.
    pub(super) fn is_gap(&self, signs: &[u8]) -> bool {
        self.gap.starts_with(signs)
            || self.gap.ends_with(signs)
            || signs.chunks(self.gap.len().max(1)).all(|part| part == self.gap)
    }

    /// A character begins at `at`, and stands by itself.
    fn is_char(&self, at: usize) -> bool {
        let after = at + char_len(self.text, at);
        match self.text.get(at) {
            None | Some(b' ') => false,
            Some(byte) if in_word(*byte) => !is_word(self.text, after),
            Some(_) => {
                matches!(self.text.get(after), None | Some(b' '))
                    || starts_with(self.text, after, self.gap)
            }
        }
    }

    /// The character after white space that is no gap.
    fn after_space(&self, end: usize) -> Option<usize> {
        let is_sign = self.gap.iter().any(|byte| *byte != b' ');
        let skip = |at: usize| {
            if is_sign && starts_with(self.text, at, self.gap) { at + self.gap.len() } else { at }
        };
        let start = skip(end);
        let rest = self.text.get(start..).unwrap_or_default();
        let spaces = rest.iter().take_while(|byte| **byte == b' ').count();
        let next = start + spaces;
        let next = if self.is_char(skip(next)) { skip(next) } else { next };
        (spaces > 0 && self.is_char(next)).then_some(next)
    }

    /// The single letter after signs that are no gap.
    fn after_signs(&self, end: usize) -> Option<usize> {
        let next = letter_after(self.text, end)?;
        is_single(self.text, next).then_some(next)
    }

    /// A sign that stands before the first character, apart by the gap.
    fn sign_before(&self, from: usize) -> Option<usize> {
        let end = self.range.start.checked_sub(self.gap.len())?;
        let sign = end.checked_sub(1).filter(|sign| *sign >= from)?;
        let is_sign = !matches!(self.text.get(sign)?, b' ') && !is_word(self.text, sign);
        let before = self.text.get(from..sign)?;
        let is_alone = before.last().is_none_or(|byte| *byte == b' ') || before.ends_with(self.gap);
        (is_sign && is_alone && starts_with(self.text, end, self.gap)).then_some(sign)
    }
}

/// What most often stands between the single letters from `at` on, if there are enough of them.
fn commonest_gap(text: &[u8], at: usize) -> Option<&[u8]> {
    let mut gaps: Vec<(&[u8], usize)> = Vec::new();
    let (mut place, mut singles) = (at, usize::from(is_single(text, at)));
    while (1..SAMPLE).contains(&singles)
        && let Some(next) = letter_after(text, place + 1).filter(|next| is_single(text, *next))
    {
        let gap = text.get(place + 1..next)?;
        match gaps.iter_mut().find(|(known, _)| *known == gap) {
            Some((_, count)) => *count += 1,
            None => gaps.push((gap, 1)),
        }
        singles += 1;
        place = next;
    }
    let commonest = gaps.into_iter().max_by_key(|(gap, count)| (*count, usize::MAX - gap.len()));
    commonest.map(|(gap, _)| gap).filter(|_| singles >= SINGLES)
}

/// Where the next letter is, if it is near.
fn letter_after(text: &[u8], end: usize) -> Option<usize> {
    (end..=end + DIVIDER).find(|at| is_word(text, *at)).filter(|at| *at > end)
}

fn is_single(text: &[u8], at: usize) -> bool {
    is_word(text, at) && text.get(at).is_some_and(u8::is_ascii) && !is_word(text, at + 1)
}

fn is_word(text: &[u8], at: usize) -> bool {
    text.get(at).is_some_and(|byte| in_word(*byte))
}

fn starts_with(text: &[u8], at: usize, what: &[u8]) -> bool {
    text.get(at..).is_some_and(|rest| rest.starts_with(what))
}

/// Bytes of the character at `at`, in UTF-8.
fn char_len(text: &[u8], at: usize) -> usize {
    let rest = text.get(at + 1..).unwrap_or_default();
    1 + rest.iter().take_while(|byte| **byte & 0xc0 == 0x80).count()
}
