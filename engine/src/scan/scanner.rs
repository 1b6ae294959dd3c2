//! Finds what stands in texts, and remembers what it found.

use std::ops::Range;
use std::sync::Arc;

use super::items::Items;
use super::nested;
use super::seen::{Recalled, Seen, Slot};
use super::{Finding, Passage, Scan, Speaker};
use crate::json::Text;

/// Bytes of unescaped texts that are held at once, give or take a text.
const HELD: usize = 1 << 16;

/// Finds, and remembers what it found.
pub(super) struct Scanner {
    rules: Arc<dyn Scan>,
    seen: Seen,
    pub(super) items: Items,
}

/// Texts that have to be judged.
#[derive(Default)]
struct Unseen<'t, 's> {
    all: Vec<One<'t, 's>>,
    /// What those with escapes say.
    said: String,
}

/// One reading of a text.
struct One<'t, 's> {
    /// Which of the texts it is.
    index: usize,
    speaker: Speaker,
    words: Words<'t>,
    reading: Reading<'s>,
}

/// What is judged of a text.
enum Words<'t> {
    /// What stands there.
    Raw(&'t str),
    /// What stands here in [`Unseen::said`].
    Said(Range<usize>),
}

enum Reading<'s> {
    /// What it says; where that is remembered, if it is.
    Plain(Option<Slot<'s>>),
    /// What it says as JSON in a string; beside the one before.
    Nested,
}

impl Scanner {
    /// With a memory of about `remembered` texts.
    pub(super) fn new(rules: Arc<dyn Scan>, remembered: usize) -> Self {
        Self { rules, seen: Seen::new(remembered), items: Items::new(remembered / 8) }
    }

    /// With other rules, and a memory of the same size that is empty.
    pub(super) fn with(&self, rules: Arc<dyn Scan>) -> Self {
        Self { rules, seen: self.seen.another(), items: self.items.another() }
    }

    /// Adds what stands in each text, or stood in it when it was seen last, with the text's index and in their order; ranges in what it says.
    pub(super) fn look<'t>(
        &self,
        texts: impl Iterator<Item = (Text<'t>, Speaker)>,
        found: &mut Vec<(usize, Finding)>,
    ) {
        let mut unseen = Unseen::default();
        for (index, (text, speaker)) in texts.enumerate() {
            match self.seen.recall(&text, speaker) {
                Recalled::Clean => {}
                Recalled::Found(known) => {
                    found.extend(known.iter().cloned().map(|finding| (index, finding)));
                }
                Recalled::Unseen(slot) => {
                    if unseen.said.len() >= HELD {
                        self.judge(&mut unseen, found);
                    }
                    unseen.add(index, text, speaker, slot);
                }
            }
        }
        self.judge(&mut unseen, found);
        found.sort_by_key(|(index, _)| *index);
    }

    fn judge(&self, unseen: &mut Unseen<'_, '_>, found: &mut Vec<(usize, Finding)>) {
        let passages: Vec<Passage<'_>> = unseen.all.iter().map(|one| unseen.passage(one)).collect();
        let mut all = Vec::new();
        self.rules.scan_all(&passages, &mut all);
        let mut all = all.into_iter().peekable();
        let mut of = |passage: usize| -> Vec<Finding> {
            let next = || all.next_if(|(at, _)| *at <= passage).map(|(_, finding)| finding);
            std::iter::from_fn(next).collect()
        };
        let mut ones = unseen.all.iter().zip(&passages).enumerate().peekable();
        while let Some((at, (one, passage))) = ones.next() {
            let mut findings = of(at);
            let nested = |(_, (next, _)): &(usize, (&One<'_, '_>, _))| {
                matches!(next.reading, Reading::Nested)
            };
            if let Some((at, _)) = ones.next_if(nested) {
                let mut again = of(at);
                again.retain(|finding| findings.iter().all(|known| known.rule != finding.rule));
                nested::to_raw(&Text::lenient(passage.text), &mut again);
                findings.append(&mut again);
            }
            if let Reading::Plain(Some(slot)) = &one.reading {
                self.seen.store(slot, &findings);
            }
            found.extend(findings.into_iter().map(|finding| (one.index, finding)));
        }
        unseen.all.clear();
        unseen.said.clear();
    }
}

impl<'t, 's> Unseen<'t, 's> {
    fn passage<'p>(&'p self, one: &'p One<'_, '_>) -> Passage<'p> {
        let text = match &one.words {
            Words::Raw(text) => text,
            Words::Said(range) => self.said.get(range.clone()).unwrap_or_default(),
        };
        Passage { text, speaker: one.speaker }
    }

    fn add(&mut self, index: usize, text: Text<'t>, speaker: Speaker, slot: Option<Slot<'s>>) {
        let words = if text.is_escaped() {
            let from = self.said.len();
            text.unescape_onto(&mut self.said);
            Words::Said(from..self.said.len())
        } else {
            Words::Raw(text.raw())
        };
        self.all.push(One { index, speaker, words, reading: Reading::Plain(slot) });
        let said = self.all.last().map(|one| self.passage(one).text);
        if let Some(nested) = said.and_then(nested::json) {
            let nested = nested.unescaped().into_owned();
            let words = Words::Said(self.said.len()..self.said.len() + nested.len());
            self.said.push_str(&nested);
            self.all.push(One { index, speaker, words, reading: Reading::Nested });
        }
    }
}
