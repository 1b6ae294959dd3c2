//! The words that a pattern finds, so that disguised ones can be told.

use std::collections::BTreeSet;

use regex_automata::util::syntax;
use regex_syntax::hir::{Class, Hir, HirKind};

/// Letters that a class stands for one by one at most.
const FEW: usize = 3;

/// Beginnings of a word that are followed at most.
const MOST: usize = 256;

/// Parts of a pattern that are looked at, where each of nested repetitions doubles how often.
const MOST_PARTS: usize = 10_000;

/// Stands for letters that could be any.
const ANY: u8 = b'*';

/// Beginnings of the word at some place of a pattern.
type Begun = BTreeSet<Vec<u8>>;

/// All words of lower-case ASCII letters that `pattern` spells out; none if it is not one.
pub(super) fn words(pattern: &str, config: &syntax::Config) -> BTreeSet<Vec<u8>> {
    let mut vocabulary = Vocabulary::default();
    if let Ok(hir) = syntax::parse_with(pattern, config) {
        let begun = vocabulary.walk(&hir, none());
        vocabulary.end(begun);
    }
    vocabulary.words
}

/// The beginning of a word of which there is nothing yet.
fn none() -> Begun {
    Begun::from([Vec::new()])
}

#[derive(Default)]
struct Vocabulary {
    words: BTreeSet<Vec<u8>>,
    /// Looked at so far.
    parts: usize,
}

impl Vocabulary {
    /// What may have begun after `hir`, if `begun` may have before.
    fn walk(&mut self, hir: &Hir, begun: Begun) -> Begun {
        self.parts += 1;
        if self.parts > MOST_PARTS {
            return Begun::from([vec![ANY]]);
        }
        match hir.kind() {
            HirKind::Empty => begun,
            HirKind::Look(_) => self.end(begun),
            HirKind::Literal(literal) => {
                literal.0.iter().fold(begun, |begun, byte| self.one_of(&[*byte], false, begun))
            }
            HirKind::Class(class) => {
                let is_in = |byte: u8| match class {
                    Class::Bytes(class) => class
                        .ranges()
                        .iter()
                        .any(|range| (range.start()..=range.end()).contains(&byte)),
                    Class::Unicode(class) => class
                        .ranges()
                        .iter()
                        .any(|range| (range.start()..=range.end()).contains(&char::from(byte))),
                };
                let letters: Vec<u8> = (b'a'..=b'z').filter(|byte| is_in(*byte)).collect();
                let has_others = (0..=0x7f)
                    .any(|byte: u8| !byte.is_ascii_alphanumeric() && byte != b'_' && is_in(byte));
                self.one_of(&letters, has_others, begun)
            }
            HirKind::Repetition(repetition) => {
                let once = self.walk(&repetition.sub, begun.clone());
                // A separator that may be left out hardly is; without it two words would be one.
                let is_separator = once == none();
                let mut all =
                    if repetition.min == 0 && !is_separator { begun } else { Begun::new() };
                if repetition.max != Some(1) {
                    all.extend(self.walk(&repetition.sub, once.clone()));
                }
                all.extend(once);
                all
            }
            HirKind::Capture(capture) => self.walk(&capture.sub, begun),
            HirKind::Concat(parts) => {
                parts.iter().fold(begun, |begun, part| self.walk(part, begun))
            }
            HirKind::Alternation(ways) => {
                ways.iter().flat_map(|way| self.walk(way, begun.clone())).collect()
            }
        }
    }

    /// One of some bytes follows, or, with `others`, something else that ends a word.
    fn one_of(&mut self, bytes: &[u8], others: bool, begun: Begun) -> Begun {
        let (letters, signs): (Vec<u8>, Vec<u8>) =
            bytes.iter().partition(|byte| byte.is_ascii_lowercase());
        let mut next = Begun::new();
        if letters.len() > FEW || begun.len() * letters.len() > MOST {
            next.insert(vec![ANY]);
        } else {
            let more =
                |letter: u8| begun.iter().map(move |begun| [begun.as_slice(), &[letter]].concat());
            next.extend(letters.into_iter().flat_map(more));
        }
        if others || !signs.is_empty() {
            next.extend(self.end(begun));
        }
        next
    }

    /// What has begun is over.
    fn end(&mut self, begun: Begun) -> Begun {
        self.words
            .extend(begun.into_iter().filter(|word| !word.is_empty() && !word.contains(&ANY)));
        none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_spell_out_words() {
        for (pattern, spelled) in [
            (r"\b(?:ignore|forget)(?: all| the)? rules?\b", "all forget ignore rule rules the"),
            ("summari[sz](?:e|ing)", "summarise summarising summarize summarizing"),
            ("system[ -]?prompt", "prompt system"),
            (r"un\w+ed be\w*", "be"),
            ("(", ""),
        ] {
            let words = words(pattern, &syntax::Config::new().unicode(false).utf8(false));
            let words: Vec<_> = words.iter().map(|word| String::from_utf8_lossy(word)).collect();
            assert_eq!(words.join(" "), spelled, "{pattern}");
        }
    }
}
