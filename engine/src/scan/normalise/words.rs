//! The words that rules are made of: what a disguised word is held against.

use std::borrow::Cow;
use std::collections::HashSet;

use aho_corasick::AhoCorasick;

use super::fold;

/// Letters of the shortest word that gives a disguise away.
const TELLING: usize = 4;

/// Bytes of the longest word that is looked up.
const LONGEST: usize = 24;

/// Ones in a word that may be `i` or `l` each.
const MOST_ONES: usize = 4;

/// What a word costs that letters are split into.
const WORD: usize = 20;

/// Letters of a word that may well be part of another one.
const SHORT: usize = 3;

/// What a shorter one costs more.
const SHORT_WORD: usize = 8;

/// What a part that is no word costs, apart from its letters.
const UNKNOWN: usize = 20;

/// What each letter costs that is in no word.
const LETTER: usize = 10;

/// Words of rules, folded.
#[derive(Debug)]
pub(in crate::scan) struct Words {
    all: HashSet<Box<[u8]>>,
    /// Finds them where no space divides them.
    splitter: Option<AhoCorasick>,
}

impl Words {
    /// The words of texts and of patterns.
    pub(in crate::scan) fn of<'t>(texts: impl Iterator<Item = &'t str>) -> Self {
        let mut all: HashSet<Box<[u8]>> = HashSet::new();
        for text in texts {
            let (folded, _) = fold(text);
            for word in folded.split(|byte| !byte.is_ascii_lowercase()) {
                if (1..=LONGEST).contains(&word.len()) {
                    all.insert(Box::from(word));
                }
            }
        }
        let long = all.iter().filter(|word| word.len() > 1 || matches!(***word, [b'a' | b'i']));
        let splitter = AhoCorasick::new(long).ok();
        Self { all, splitter }
    }

    fn has(&self, word: &[u8]) -> bool {
        self.all.contains(word)
    }

    /// Whether a word is one of them once its digits are read as letters.
    pub(in crate::scan) fn tells(&self, word: &[u8]) -> bool {
        word.len() >= TELLING && self.read(word).is_some()
    }

    /// The word that one with digits for letters reads as: one of these.
    pub(super) fn read(&self, word: &[u8]) -> Option<Vec<u8>> {
        if word.len() > LONGEST {
            return None;
        }
        let ones = word.iter().filter(|byte| **byte == b'1').count();
        (0..1_u32 << ones.min(MOST_ONES)).find_map(|choice| {
            let spelled = spell(word, choice);
            self.has(&spelled).then_some(spelled)
        })
    }

    /// A word as it reads, as long as it was: one of these if it can be, else with letters for the digits and signs among its letters.
    pub(super) fn reading<'w>(&self, word: &'w [u8]) -> Cow<'w, [u8]> {
        let is_written = word.iter().any(u8::is_ascii_alphanumeric);
        if !is_written || !word.iter().any(|byte| letter_of(*byte).is_some()) {
            return Cow::Borrowed(word);
        }
        if let Some(known) = self.read(word) {
            return Cow::Owned(known);
        }
        let is_letter = |byte: &u8| byte.is_ascii_lowercase();
        let is_numbered = word.iter().skip_while(|byte| is_letter(byte)).all(u8::is_ascii_digit);
        if is_numbered || !word.iter().any(is_letter) {
            return Cow::Borrowed(word);
        }
        Cow::Owned(spell(word, 0))
    }

    /// Calls `each` with the words that `letters` is most likely made of, and what lies between them.
    pub(super) fn split(&self, letters: &[u8], mut each: impl FnMut(&[u8])) {
        let mut ends = self.ends(letters);
        let mut start = 0;
        while let Some(end) = ends.pop() {
            each(letters.get(start..end).unwrap_or_default());
            start = end;
        }
    }

    /// Where the parts of the split that costs least end, from the last to the first.
    fn ends(&self, letters: &[u8]) -> Vec<usize> {
        let words = self.splitter.iter().flat_map(|words| words.find_overlapping_iter(letters));
        let mut words = words.peekable();
        let mut best = vec![Split::default()];
        let mut last = Split::default();
        for end in 1..=letters.len() {
            let mut split =
                Split { word: NONE, unknown: last.unknown.min((last.word.0 + UNKNOWN, end - 1)) };
            split.unknown.0 += LETTER;
            while let Some(word) = words.next_if(|word| word.end() == end) {
                let before = best.get(word.start()).map_or(NONE, Split::last);
                let cost = before.0 + WORD + if word.len() < SHORT { SHORT_WORD } else { 0 };
                split.word = split.word.min((cost, word.start()));
            }
            best.push(split);
            last = split;
        }
        let mut ends = Vec::new();
        let mut end = letters.len();
        while end > 0 {
            ends.push(end);
            end = best.get(end).map_or(0, |split| split.last().1);
        }
        ends
    }
}

/// The least costs of splitting the letters up to a place, and where the last part begins.
#[derive(Debug, Clone, Copy)]
struct Split {
    /// When it is a word.
    word: (usize, usize),
    /// When it is letters that are none.
    unknown: (usize, usize),
}

/// More than any split costs.
const NONE: (usize, usize) = (usize::MAX / 2, 0);

impl Default for Split {
    /// Of no letters.
    fn default() -> Self {
        Self { word: (0, 0), unknown: NONE }
    }
}

impl Split {
    fn last(&self) -> (usize, usize) {
        self.word.min(self.unknown)
    }
}

/// Digits as the letters they are drawn like; `choice` has a bit for each `1`, set for `l`.
pub(super) fn spell(word: &[u8], mut choice: u32) -> Vec<u8> {
    let letter = |byte: &u8| match byte {
        b'1' => {
            let is_l = choice & 1 == 1;
            choice >>= 1;
            if is_l { b'l' } else { b'i' }
        }
        byte => letter_of(*byte).unwrap_or(*byte),
    };
    word.iter().map(letter).collect()
}

/// The letter that a digit or a sign is drawn like.
pub(super) fn letter_of(byte: u8) -> Option<u8> {
    Some(match byte {
        b'0' => b'o',
        b'1' => b'i',
        b'3' => b'e',
        b'4' | b'@' => b'a',
        b'5' | b'$' => b's',
        b'7' => b't',
        b'8' => b'b',
        b'9' => b'g',
        _ => return None,
    })
}

/// Whether a byte can stand in a word that is disguised.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'@' || byte == b'$' || byte >= 0x80
}
