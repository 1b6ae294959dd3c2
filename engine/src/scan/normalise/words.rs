//! The words that rules are made of: what a disguised word is held against.

use std::collections::HashSet;

use aho_corasick::{AhoCorasick, MatchKind};

use super::fold;

/// Letters of the shortest word that gives a disguise away.
const TELLING: usize = 4;

/// Bytes of the longest word that is looked up.
const LONGEST: usize = 24;

/// Ones in a word that may be `i` or `l` each.
const MOST_ONES: usize = 4;

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
        let long = all.iter().filter(|word| word.len() > 1);
        let splitter =
            AhoCorasick::builder().match_kind(MatchKind::LeftmostLongest).build(long).ok();
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

    /// Calls `each` with the ranges of the words that `letters` is made of, and what lies between them.
    pub(super) fn split(&self, letters: &[u8], mut each: impl FnMut(&[u8])) {
        let mut at = 0;
        if let Some(splitter) = &self.splitter {
            for word in splitter.find_iter(letters) {
                if word.start() > at {
                    each(letters.get(at..word.start()).unwrap_or_default());
                }
                each(letters.get(word.range()).unwrap_or_default());
                at = word.end();
            }
        }
        if at < letters.len() {
            each(letters.get(at..).unwrap_or_default());
        }
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
