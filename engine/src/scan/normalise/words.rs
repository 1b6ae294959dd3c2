//! The words that rules are made of: what a disguised word is held against.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::OnceLock;

use super::split::Splitter;

/// Letters of the shortest word that gives a disguise away.
const TELLING: usize = 4;

/// Bytes of the longest word that is looked up.
const LONGEST: usize = 24;

/// Ones in a word that may be `i` or `l` each.
const MOST_ONES: usize = 4;

/// Words of rules, folded.
#[derive(Debug)]
pub(in crate::scan) struct Words {
    all: HashSet<Box<[u8]>, foldhash::fast::RandomState>,
    /// Made when it is first needed.
    splitter: OnceLock<Option<Splitter>>,
}

impl Words {
    /// From words in lower case, as they fold.
    pub(in crate::scan) fn new(words: impl Iterator<Item = Vec<u8>>) -> Self {
        let words = words.filter(|word| (1..=LONGEST).contains(&word.len()));
        Self { all: words.map(Vec::into_boxed_slice).collect(), splitter: OnceLock::new() }
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

    /// Calls `each` with the words that `word` is most likely made of, digits in them as letters, and with what lies between them.
    pub(super) fn split(&self, word: &[u8], mut each: impl FnMut(&[u8])) {
        let letters = spell(word, 0);
        let splitter =
            self.splitter.get_or_init(|| Splitter::new(self.all.iter().map(|word| &**word)));
        let ends = splitter.as_ref().map(|splitter| splitter.ends(&letters));
        let mut start = 0;
        for (end, is_word) in ends.unwrap_or_default().into_iter().rev() {
            let part = word.get(start..end).unwrap_or_default();
            let is_written = part.iter().any(u8::is_ascii_alphanumeric);
            each(if is_word && is_written {
                letters.get(start..end).unwrap_or_default()
            } else {
                part
            });
            start = end;
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

/// The word, disguised maybe, that begins at `at`; empty where none does.
pub(super) fn word_at(text: &[u8], at: usize) -> &[u8] {
    let rest = text.get(at..).unwrap_or_default();
    let len = rest.iter().position(|byte| !in_word(*byte)).unwrap_or(rest.len());
    rest.get(..len).unwrap_or_default()
}

/// Whether a byte can stand in a word that is disguised.
pub(super) fn in_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'@' || byte == b'$' || byte >= 0x80
}
