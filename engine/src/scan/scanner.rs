//! Finds what stands in texts, and remembers what it found.

use std::cell::RefCell;
use std::ops::Range;
use std::sync::Arc;

use super::items::Items;
use super::nested;
use super::seen::{Seen, Slot};
use super::{Finding, Passage, Scan, Speaker};
use crate::json::Text;

/// Bytes of unescaped texts that are held at once, give or take a text.
const HELD: usize = 1 << 16;

/// Bytes for them that are kept from one payload to the next.
const KEPT: usize = 4 * HELD;

/// Words of protocols that calls of models and their answers are full of, and whether a text is one of them.
macro_rules! words {
    ($(#[$doc:meta])* $all:ident, $is:ident: $($word:literal,)*) => {
        $(#[$doc])*
        const $all: [&str; [$($word),*].len()] = [$($word),*];

        /// A `match` takes fewer steps than looking through the list.
        fn $is(text: &str) -> bool {
            matches!(text, $($word)|*)
        }
    };
}

words! {
    /// Of JSON Schema, and roles and types of messages.
    WORDS, is_word:
    "string",
    "object",
    "number",
    "system",
    "integer",
    "boolean",
    "function",
    "tool_use",
    "assistant",
    "tool_calls",
    "tools/call",
    "chat.completion",
}

words! {
    /// Names of their members, of those that are long enough to be judged.
    NAMES, is_name:
    "reasoning_tokens",
    "completion_tokens",
    "system_fingerprint",
    "parallel_tool_calls",
    "additionalProperties",
    "max_completion_tokens",
    "prompt_tokens_details",
    "cache_read_input_tokens",
    "completion_tokens_details",
    "accepted_prediction_tokens",
    "rejected_prediction_tokens",
    "cache_creation_input_tokens",
}

/// Finds, and remembers what it found.
pub(super) struct Scanner {
    rules: Arc<dyn Scan>,
    seen: Seen,
    pub(super) items: Items,
    /// Whether nothing stands in [`WORDS`] and [`NAMES`], whoever says them: judged once, when the rules are made.
    passes_protocol: bool,
}

thread_local! {
    /// [`Unseen::said`], [`KEPT`] bytes at most, so that texts need no allocation.
    static SAID: RefCell<Vec<u8>> = RefCell::default();
}

/// A text, and where it is remembered.
struct Placed<'t, 's> {
    text: Text<'t>,
    speaker: Speaker,
    slot: Option<Slot<'s>>,
    /// Whether it has been judged before, and nothing was found.
    is_clean: bool,
}

/// Texts that have to be judged.
struct Unseen<'t, 's> {
    all: Vec<One<'t, 's>>,
    /// What those with escapes say, in UTF-8.
    said: Vec<u8>,
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
        let (seen, items) = (Seen::new(remembered), Items::new(remembered / 8));
        Self { passes_protocol: passes_protocol(&*rules), rules, seen, items }
    }

    /// With other rules, and a memory of the same size that is empty.
    pub(super) fn with(&self, rules: Arc<dyn Scan>) -> Self {
        let (seen, items) = (self.seen.another(), self.items.another());
        Self { passes_protocol: passes_protocol(&*rules), rules, seen, items }
    }

    /// Whether nothing can stand in a string, as it has been judged before.
    pub(super) fn passes(&self, text: &Text<'_>) -> bool {
        self.passes_protocol && is_word(text.raw())
    }

    /// Whether nothing can stand in a member's name, as it has been judged before.
    pub(super) fn passes_name(&self, name: &Text<'_>) -> bool {
        self.passes_protocol && is_name(name.raw())
    }

    /// Adds what stands in each text, or stood in it when it was seen last, with the text's index and in their order; ranges in what it says.
    pub(super) fn look<'t>(
        &self,
        texts: impl Iterator<Item = (Text<'t>, Speaker)>,
        found: &mut Vec<(usize, Finding)>,
    ) {
        let placed = texts.map(|(text, speaker)| {
            let slot = self.seen.slot(&text, speaker);
            Placed { text, speaker, slot, is_clean: false }
        });
        let mut texts: Vec<Placed<'_, '_>> = placed.collect();
        // All of them before any is judged, as memory is waited for.
        for Placed { slot, is_clean, .. } in &mut texts {
            *is_clean = slot.as_ref().is_some_and(Slot::is_clean);
        }
        let (most, mut has_judged) = (texts.len(), false);
        let mut unseen = Unseen { all: Vec::new(), said: SAID.take() };
        let texts = texts.into_iter().enumerate().filter(|(_, placed)| !placed.is_clean);
        for (index, Placed { text, speaker, slot, .. }) in texts {
            if let Some(known) = slot.as_ref().and_then(|slot| self.seen.known(slot)) {
                found.extend(known.iter().cloned().map(|finding| (index, finding)));
                continue;
            }
            // The same text may have been among those that were judged since.
            if has_judged && slot.as_ref().is_some_and(Slot::is_clean) {
                continue;
            }
            if unseen.said.len() >= HELD {
                self.judge(&mut unseen, found);
                has_judged = true;
            }
            if unseen.all.capacity() == 0 {
                unseen.all.reserve(most);
            }
            unseen.add(index, text, speaker, slot);
        }
        self.judge(&mut unseen, found);
        if unseen.said.capacity() <= KEPT {
            SAID.set(unseen.said);
        }
        found.sort_by_key(|(index, _)| *index);
    }

    fn judge(&self, unseen: &mut Unseen<'_, '_>, found: &mut Vec<(usize, Finding)>) {
        let said = simdutf8::basic::from_utf8(&unseen.said).unwrap_or_default();
        let passages: Vec<Passage<'_>> = unseen.all.iter().map(|one| one.passage(said)).collect();
        let mut all = Vec::new();
        self.rules.scan_all(&passages, &mut all);
        if all.is_empty() {
            let slots = unseen.all.iter().filter_map(|one| match &one.reading {
                Reading::Plain(slot) => slot.as_ref(),
                Reading::Nested => None,
            });
            slots.for_each(|slot| self.seen.store(slot, &[]));
            return unseen.clear();
        }
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
        unseen.clear();
    }
}

fn passes_protocol(rules: &dyn Scan) -> bool {
    let all = WORDS.iter().chain(&NAMES);
    let said = |text| Speaker::ALL.map(|speaker| Passage { text, speaker });
    let passages: Vec<Passage<'_>> = all.flat_map(|text| said(*text)).collect();
    let mut found = Vec::new();
    rules.scan_all(&passages, &mut found);
    found.is_empty()
}

impl One<'_, '_> {
    fn passage<'p>(&'p self, said: &'p str) -> Passage<'p> {
        let text = match &self.words {
            Words::Raw(text) => text,
            Words::Said(range) => said.get(range.clone()).unwrap_or_default(),
        };
        Passage { text, speaker: self.speaker }
    }
}

impl<'t, 's> Unseen<'t, 's> {
    fn add(&mut self, index: usize, text: Text<'t>, speaker: Speaker, slot: Option<Slot<'s>>) {
        let words = if text.is_escaped() { self.say(&text) } else { Words::Raw(text.raw()) };
        let said = match &words {
            Words::Raw(text) => text.as_bytes(),
            Words::Said(range) => self.said.get(range.clone()).unwrap_or_default(),
        };
        let nested = nested::may_be_json(said).then(|| String::from_utf8_lossy(said).into_owned());
        self.all.push(One { index, speaker, words, reading: Reading::Plain(slot) });
        if let Some(nested) = nested {
            let words = self.say(&Text::lenient(&nested));
            self.all.push(One { index, speaker, words, reading: Reading::Nested });
        }
    }

    fn clear(&mut self) {
        self.all.clear();
        self.said.clear();
    }

    fn say(&mut self, text: &Text<'_>) -> Words<'t> {
        let from = self.said.len();
        text.unescape_onto(&mut self.said);
        Words::Said(from..self.said.len())
    }
}
