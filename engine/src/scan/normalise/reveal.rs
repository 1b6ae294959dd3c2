//! What a suspect stretch of text reads as: escapes resolved, spaced-out words joined, digits for letters read as letters.

use std::ops::Range;

use super::fold::{Space, fold_into};
use super::spaced::{Piece, Stretch};
use super::words::{Words, in_word, word_at};
use super::{Origins, escapes};

/// Letters of a word that is more likely several.
const LONG_WORD: usize = 16;

/// A text made from another, in steps.
#[derive(Debug, Default)]
pub(in crate::scan) struct Revealed {
    /// The text as it reads.
    pub(in crate::scan) text: Vec<u8>,
    /// From the last step to the first.
    steps: [Origins; 3],
}

impl Revealed {
    /// Reads `text` as a reader would who sees through its disguise.
    pub(in crate::scan) fn new(text: &str, words: &Words) -> Self {
        let (resolved, first) = escapes::resolve(text);
        let (mut folded, mut second) = (Vec::new(), Origins::default());
        fold_into(&resolved, Space::Kept, &mut folded, &mut second, &mut Vec::new());
        let mut join =
            Join { words, out: Vec::with_capacity(folded.len()), origins: Origins::default() };
        join.text(&folded);
        Self { text: join.out, steps: [join.origins, second, first] }
    }

    /// The range of the text it was made from that `range` came from.
    pub(in crate::scan) fn of(&self, range: &Range<usize>) -> Range<usize> {
        self.steps.iter().fold(range.clone(), |range, step| step.of(&range))
    }
}

struct Join<'w> {
    words: &'w Words,
    out: Vec<u8>,
    origins: Origins,
}

impl Join<'_> {
    fn text(&mut self, text: &[u8]) {
        let (mut done, mut at) = (0, 0);
        while at < text.len() {
            if let Some(stretch) = Stretch::at(text, at, done) {
                self.plain(text, done..stretch.range.start);
                self.spaced(text, &stretch);
                (done, at) = (stretch.range.end, stretch.range.end);
            }
            at += word_at(text, at).len().max(1);
        }
        self.plain(text, done..text.len());
        self.origins.finish(text.len());
    }

    /// Text that is not spaced out.
    fn plain(&mut self, text: &[u8], range: Range<usize>) {
        let Range { start: mut at, end } = range;
        let text = text.get(..end).unwrap_or_default();
        self.origins.aligned(self.out.len(), at);
        while let Some(first) = text.get(at) {
            let word = word_at(text, at);
            self.origins.aligned(self.out.len(), at);
            if !word.is_empty() {
                self.out.extend(self.words.reading(word).iter());
            } else if *first != b' ' || self.out.last() != Some(&b' ') {
                self.out.push(*first);
            }
            at += word.len().max(1);
        }
    }

    fn spaced(&mut self, text: &[u8], stretch: &Stretch<'_>) {
        let (is_divided, is_long) = (stretch.is_divided(), stretch.has_long_words());
        for piece in &stretch.pieces {
            match piece {
                Piece::Word(places) => self.word(text, places, is_long),
                Piece::Sign(at) => {
                    let sign = text.get(*at..=*at).unwrap_or_default();
                    let is_divider = !is_divided && stretch.is_gap(sign);
                    self.origins.aligned(self.out.len(), *at);
                    self.out.extend(if is_divider { b" " } else { sign });
                }
                Piece::Divider(at) => self.divider(text, at, stretch),
            }
        }
        self.origins.aligned(self.out.len(), stretch.range.end);
    }

    /// White space as one space, and signs that are not the gap's.
    fn divider(&mut self, text: &[u8], at: &Range<usize>, stretch: &Stretch<'_>) {
        let divider = text.get(at.clone()).unwrap_or_default();
        let mut place = at.start;
        for run in divider.chunk_by(|one, next| (*one == b' ') == (*next == b' ')) {
            self.origins.aligned(self.out.len(), place);
            if !run.contains(&b' ') && !stretch.is_gap(run) {
                self.out.extend(run);
            } else if self.out.last() != Some(&b' ') {
                self.out.push(b' ');
            }
            place += run.len();
        }
    }

    /// The letters of a word, or of several.
    fn word(&mut self, text: &[u8], places: &[usize], is_long: bool) {
        let letters: Vec<u8> =
            places.iter().filter_map(|place| text.get(*place)).copied().collect();
        let mut places = places.iter();
        let mut push = |letters: &[u8]| {
            let is_divided = match self.out.last() {
                Some(b',' | b';' | b'!' | b':') => is_long,
                Some(b'@' | b'$') | None => false,
                // Numbers end names.
                Some(last) => {
                    in_word(*last) && letters.first().is_some_and(|first| !first.is_ascii_digit())
                }
            };
            if is_divided {
                self.out.push(b' ');
            }
            for (letter, place) in letters.iter().zip(&mut places) {
                self.origins.aligned(self.out.len(), *place);
                self.out.push(*letter);
            }
        };
        if is_long || letters.len() >= LONG_WORD {
            self.words.split(&letters, push);
        } else {
            push(&self.words.reading(&letters));
        }
    }
}
