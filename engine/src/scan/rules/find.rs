//! Finds the rules that match a passage.

use std::cell::RefCell;
use std::ops::Range;

use super::RuleSet;
use super::compile::{Index, Indexes, Rule};
use crate::scan::normalise::{self, Origins, Revealed, Space, Suspects, encoded};
use crate::scan::{Finding, Passage, Speaker};

/// Bytes of normalised text on each side of a literal in which the rest of its rule must match.
const WINDOW: usize = 200;

/// Bytes of a text that are searched at once, so that buffers stay small.
const CHUNK: usize = 1 << 16;

/// Bytes that a chunk has in common with the one before, so that what stands on their border is found.
const OVERLAP: usize = 1 << 10;

/// Bytes on each side of a suspect word that are read with it.
const AROUND: usize = 400;

thread_local! {
    /// Buffers, so that a passage needs no allocation.
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

#[derive(Default)]
struct Scratch {
    /// For each rule; all as by default between passages.
    states: Vec<State>,
    /// Rules with a window that is open.
    open: Vec<usize>,
    folded: Vec<u8>,
    origins: Origins,
    suspects: Suspects,
}

#[derive(Clone, Default)]
struct State {
    /// The window that is open, in bytes of the text searched.
    window: Option<Range<usize>>,
    /// The rule has matched; once is enough.
    done: bool,
}

/// Adds the findings of all rules on one passage, in the order of the text. Says how many bytes it looked at, all steps counted.
pub(super) fn judge(set: &RuleSet, passage: &Passage<'_>, findings: &mut Vec<Finding>) -> usize {
    SCRATCH.with_borrow_mut(|scratch| {
        if scratch.states.len() < set.rules.len() {
            scratch.states.resize(set.rules.len(), State::default());
        }
        let Scratch { states, open, folded, origins, suspects } = scratch;
        let indexes =
            if passage.speaker == Speaker::Operator { &set.operator } else { &set.others };
        let search = Search {
            rules: &set.rules,
            speaker: passage.speaker,
            states,
            open,
            found: Vec::new(),
            looked: 0,
        };
        let mut judged = Judged { set, indexes, search, folded, origins, suspects };
        judged.passage(passage.text);
        let mut search = judged.search;
        search.found.sort_by_key(|(range, _)| range.start);
        for (range, index) in &search.found {
            if let Some(state) = search.states.get_mut(*index) {
                state.done = false;
            }
            findings.extend(search.rules.get(*index).map(|rule| {
                Finding::new(rule.id.clone(), rule.category, rule.severity, range.clone())
            }));
        }
        search.looked
    })
}

/// A passage being judged.
struct Judged<'a> {
    set: &'a RuleSet,
    indexes: &'a Indexes,
    search: Search<'a>,
    folded: &'a mut Vec<u8>,
    origins: &'a mut Origins,
    suspects: &'a mut Suspects,
}

impl Judged<'_> {
    fn passage(&mut self, text: &str) {
        self.search.text(&self.indexes.raw, text.as_bytes(), Clone::clone);
        if self.indexes.folded.is_empty() {
            return;
        }
        if !text.is_ascii()
            && let Some((hidden, at)) = normalise::hidden(text)
        {
            self.aside(&hidden, &at);
        }
        let mut decoded_to = 0;
        for (start, chunk) in chunks(text) {
            normalise::fold_into(chunk, Space::One, self.folded, self.origins);
            let origins = &*self.origins;
            let of = |range: &Range<usize>| {
                let range = origins.of(range);
                range.start + start..range.end + start
            };
            self.search.text(&self.indexes.folded, self.folded, of);
            self.search.looked += self.suspects.look(self.folded, &self.set.words);
            let words: Vec<Range<usize>> = self.suspects.words.iter().map(of).collect();
            let runs: Vec<Range<usize>> = self.suspects.runs.iter().map(of).collect();
            self.reveal(text, &words);
            for run in &runs {
                if run.end <= decoded_to {
                    continue;
                }
                let whole = encoded::whole(text, run);
                decoded_to = whole.end;
                if let Some(decoded) = text.get(whole.clone()).and_then(encoded::decode) {
                    self.aside(&decoded, &whole);
                }
            }
        }
    }

    /// Judges the text around suspect words as it reads.
    fn reveal(&mut self, text: &str, words: &[Range<usize>]) {
        let around = |word: &Range<usize>| {
            text.floor_char_boundary(word.start.saturating_sub(AROUND))
                ..text.ceil_char_boundary(word.end.saturating_add(AROUND).min(text.len()))
        };
        let mut words = words.iter().map(around).peekable();
        while let Some(mut region) = words.next() {
            while let Some(next) = words.next_if(|next| next.start <= region.end) {
                region.end = region.end.max(next.end);
            }
            let revealed =
                Revealed::new(text.get(region.clone()).unwrap_or_default(), &self.set.words);
            self.search.looked += region.len();
            self.search.text(&self.indexes.folded, &revealed.text, |range| {
                let range = revealed.of(range);
                range.start + region.start..range.end + region.start
            });
        }
    }

    /// Judges a text that stands in the passage at `at` in another form.
    fn aside(&mut self, text: &str, at: &Range<usize>) {
        self.search.looked += at.len();
        self.search.text(&self.indexes.raw, text.as_bytes(), |_| at.clone());
        for (_, chunk) in chunks(text) {
            normalise::fold_into(chunk, Space::One, self.folded, self.origins);
            self.search.text(&self.indexes.folded, self.folded, |_| at.clone());
        }
    }
}

/// A text in chunks that overlap, each with where it begins.
fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = (0..text.len().max(1)).step_by(CHUNK);
    starts.map(|start| {
        let from = text.floor_char_boundary(start.saturating_sub(OVERLAP));
        let to = text.ceil_char_boundary((start + CHUNK).min(text.len()));
        (from, text.get(from..to).unwrap_or_default())
    })
}

struct Search<'a> {
    rules: &'a [Rule],
    speaker: Speaker,
    states: &'a mut Vec<State>,
    open: &'a mut Vec<usize>,
    /// Ranges in the passage, and the indices of their rules.
    found: Vec<(Range<usize>, usize)>,
    /// Bytes looked at.
    looked: usize,
}

impl Search<'_> {
    /// Searches one text; `of` turns its ranges into the passage's.
    fn text(&mut self, index: &Index, text: &[u8], of: impl Fn(&Range<usize>) -> Range<usize>) {
        if index.is_empty() {
            return;
        }
        for part in index.parts(text) {
            self.looked += text.len();
            part.literals.search(text, |literal, at| {
                self.looked += 1;
                for rule in part.rules.get(literal).into_iter().flatten() {
                    self.hit(*rule, at.clone(), text, &of);
                }
            });
            while let Some(rule) = self.open.pop() {
                self.close(rule, text, &of);
            }
        }
    }

    /// A literal of the `index`-th rule stands at `at`.
    fn hit(
        &mut self,
        index: usize,
        at: Range<usize>,
        text: &[u8],
        of: &impl Fn(&Range<usize>) -> Range<usize>,
    ) {
        let (Some(rule), Some(state)) = (self.rules.get(index), self.states.get_mut(index)) else {
            return;
        };
        if state.done || !rule.judges(self.speaker) {
            return;
        }
        if rule.is_plain() {
            state.done = true;
            self.found.push((of(&at), index));
            return;
        }
        let around = boundary(text, at.start.saturating_sub(WINDOW))
            ..boundary(text, at.end.saturating_add(WINDOW));
        match &mut state.window {
            // Hits come in the order of their ends: a later one may begin a little before.
            Some(window) if around.start <= window.end => {
                window.start = window.start.min(around.start);
                window.end = window.end.max(around.end);
            }
            Some(_) => {
                self.close(index, text, of);
                if let Some(state) = self.states.get_mut(index).filter(|state| !state.done) {
                    state.window = Some(around);
                }
            }
            None => {
                self.open.push(index);
                state.window = Some(around);
            }
        }
    }

    /// Judges the window of the `index`-th rule that is open.
    fn close(&mut self, index: usize, text: &[u8], of: &impl Fn(&Range<usize>) -> Range<usize>) {
        let (Some(rule), Some(state)) = (self.rules.get(index), self.states.get_mut(index)) else {
            return;
        };
        let Some(window) = state.window.take() else {
            return;
        };
        self.looked += window.len();
        let Some(at) = rule.matches(text, window) else {
            return;
        };
        state.done = true;
        self.found.push((of(&at), index));
    }
}

/// The first character boundary at or after `at`, and within the text.
fn boundary(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inside = rest.iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    at.min(text.len()) + inside
}
