//! What a suspect stretch of text reads as: escapes resolved, spaced-out words joined, digits for letters read as letters.

use std::ops::Range;

use super::fold::{Space, fold_into};
use super::suspect::{GAP, SINGLES};
use super::words::{Words, in_word, letter_of, spell};
use super::{Origins, escapes};

/// Letters that one spaced-out stretch holds at most; a longer one is several.
const STRETCH: usize = 1024;

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
        fold_into(&resolved, Space::Kept, &mut folded, &mut second);
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
        let mut at = 0;
        while at < text.len() {
            let stretch = stretch(text, at);
            if stretch.len() >= SINGLES {
                let end = stretch.last().map_or(at, |last| last + 1);
                self.spaced(text, &stretch);
                self.origins.aligned(self.out.len(), end);
                at = end;
                continue;
            }
            let rest = text.get(at..).unwrap_or_default();
            let len = rest.iter().position(|byte| !in_word(*byte)).unwrap_or(rest.len());
            let word = rest.get(..len).unwrap_or_default();
            if let Some(first) = rest.first().filter(|_| word.is_empty()) {
                if *first != b' ' || self.out.last() != Some(&b' ') {
                    self.origins.aligned(self.out.len(), at);
                    self.out.push(*first);
                }
                at += 1;
            } else {
                self.word(word, at);
                at += len;
            }
        }
        self.origins.finish(text.len());
    }

    /// A word at `at`.
    fn word(&mut self, word: &[u8], at: usize) {
        self.origins.aligned(self.out.len(), at);
        let has_signs = word.iter().any(|byte| letter_of(*byte).is_some());
        if has_signs { self.out.extend(self.reading(word)) } else { self.out.extend(word) }
    }

    /// A word with its digits read as letters, where it has letters or reads as a word of the rules; as long as it was.
    fn reading(&self, word: &[u8]) -> Vec<u8> {
        self.words.read(word).unwrap_or_else(|| {
            let has_letters = word.iter().any(u8::is_ascii_lowercase);
            if has_letters { spell(word, 0) } else { word.to_vec() }
        })
    }

    /// Single letters at `places`. What is the least that divides them stands between letters, anything else between words.
    fn spaced(&mut self, text: &[u8], places: &[usize]) {
        let gap = |one: usize, next: usize| text.get(one + 1..next).unwrap_or_default();
        let gaps = places.array_windows::<2>().map(|[one, next]| gap(*one, *next));
        let least = gaps.min_by_key(|gap| gap.len()).unwrap_or_default();
        let mut is_divided = false;
        for word in places.chunk_by(|one, next| gap(*one, *next) == least) {
            is_divided |= word.len() < places.len();
            self.joined(text, word, is_divided);
        }
    }

    /// The letters of a word, or when nothing divides words, of several.
    fn joined(&mut self, text: &[u8], places: &[usize], is_divided: bool) {
        let letters: Vec<u8> =
            places.iter().filter_map(|place| text.get(*place)).copied().collect();
        let mut places = places.iter();
        let mut push = |letters: &[u8]| {
            if self.out.last().is_some_and(|last| in_word(*last)) {
                self.out.push(b' ');
            }
            for (letter, place) in letters.iter().zip(&mut places) {
                self.origins.aligned(self.out.len(), *place);
                self.out.push(*letter);
            }
        };
        if is_divided {
            let letters = self.words.read(&letters).unwrap_or_else(|| spell(&letters, 0));
            push(&letters);
        } else {
            self.words.split(&spell(&letters, 0), push);
        }
    }
}

/// The places of single letters in a row, from `at` on.
fn stretch(text: &[u8], at: usize) -> Vec<usize> {
    let is_word = |at: usize| text.get(at).is_some_and(|byte| in_word(*byte));
    let mut places = Vec::new();
    let mut next = at;
    let starts_word = at.checked_sub(1).is_none_or(|before| !is_word(before));
    while starts_word && is_word(next) && !is_word(next + 1) && places.len() < STRETCH {
        if !text.get(next).is_some_and(|byte| byte.is_ascii()) {
            break;
        }
        places.push(next);
        let after = next + 1;
        let gap = (0..=2 * GAP).find(|gap| is_word(after + gap)).unwrap_or_default();
        if gap == 0 {
            break;
        }
        next = after + gap;
    }
    places
}
