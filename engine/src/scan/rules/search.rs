//! Finds the rules that match in a text that is ready to be searched: literals first, then what else a rule asks for around them.

use std::collections::HashSet;
use std::ops::Range;

use super::compile::{Index, Part, Rule};
use crate::scan::{Finding, Passage, Speaker};

/// A stretch of the text searched that comes from one passage.
#[derive(Debug)]
pub(super) struct Stretch {
    pub(super) passage: usize,
    pub(super) range: Range<usize>,
}

/// The search for some rules in some passages.
pub(super) struct Search<'a> {
    rules: &'a [Rule],
    passages: &'a [Passage<'a>],
    /// For each rule, the window that is open.
    windows: Vec<Option<Window>>,
    /// Rules with a window that is open, or was.
    open: Vec<usize>,
    found: Vec<Match>,
    /// Passages with the rules that matched them: once is enough.
    done: HashSet<(usize, usize)>,
    /// Stretches that may hold what is searched for in texts as they are.
    triggered: Vec<usize>,
    /// Bytes looked at.
    pub(super) looked: usize,
}

/// A search's windows, all closed.
#[derive(Debug, Default)]
pub(super) struct Windows(Vec<Option<Window>>);

/// Where a rule's literals stand close together.
#[derive(Debug, Clone)]
struct Window {
    stretch: usize,
    /// In bytes of the text searched.
    range: Range<usize>,
}

#[derive(Debug)]
struct Match {
    passage: usize,
    rule: usize,
    /// In bytes of the passage.
    range: Range<usize>,
}

/// What is being searched, and what its ranges are in its passages.
struct Text<'t, F> {
    bytes: &'t [u8],
    stretches: &'t [Stretch],
    of: F,
    /// Whether it has been folded.
    is_folded: bool,
}

impl<'a> Search<'a> {
    /// With windows of another search that is over, which need no new room.
    pub(super) fn new(rules: &'a [Rule], passages: &'a [Passage<'a>], windows: Windows) -> Self {
        let mut windows = windows.0;
        windows.resize(rules.len(), None);
        Self {
            rules,
            passages,
            windows,
            open: Vec::new(),
            found: Vec::new(),
            done: HashSet::new(),
            triggered: Vec::new(),
            looked: 0,
        }
    }

    /// Adds what was found, in the order of the passages and of their texts, each with its passage's index. Gives the bytes looked at, and
    /// the windows.
    pub(super) fn into_findings(
        mut self,
        findings: &mut Vec<(usize, Finding)>,
    ) -> (usize, Windows) {
        self.found.sort_by_key(|found| (found.passage, found.range.start, found.rule));
        for Match { passage, rule, range } in self.found {
            findings.extend(self.rules.get(rule).map(|rule| {
                (passage, Finding::new(rule.id.clone(), rule.category, rule.severity, range))
            }));
        }
        (self.looked, Windows(self.windows))
    }

    /// The stretches of the last text that may hold what is searched for in texts as they are.
    pub(super) fn triggered(&mut self) -> Vec<usize> {
        std::mem::take(&mut self.triggered)
    }

    /// Searches folded passages for what ASCII can hold; `of` turns ranges into a stretch's passage's.
    pub(super) fn folded(
        &mut self,
        index: &Index,
        bytes: &[u8],
        stretches: &[Stretch],
        of: impl Fn(usize, &Range<usize>) -> Range<usize>,
    ) {
        let text = Text { bytes, stretches, of, is_folded: true };
        index.parts(false).for_each(|part| self.part(part, &text));
    }

    /// Searches a text of one passage; `of` turns its ranges into the passage's.
    pub(super) fn alone(
        &mut self,
        index: &Index,
        bytes: &[u8],
        passage: usize,
        of: impl Fn(&Range<usize>) -> Range<usize>,
    ) {
        self.parts(index.parts(!bytes.is_ascii()), bytes, passage, of);
    }

    /// As [`Search::alone`], for what only texts beyond ASCII can hold.
    pub(super) fn wide(
        &mut self,
        index: &Index,
        bytes: &[u8],
        passage: usize,
        of: impl Fn(&Range<usize>) -> Range<usize>,
    ) {
        if !bytes.is_ascii() {
            self.parts(index.wide(), bytes, passage, of);
        }
    }

    fn parts<'p>(
        &mut self,
        parts: impl Iterator<Item = &'p Part>,
        bytes: &[u8],
        passage: usize,
        of: impl Fn(&Range<usize>) -> Range<usize>,
    ) {
        let stretches = [Stretch { passage, range: 0..bytes.len() }];
        let of = |_, range: &Range<usize>| of(range);
        let text = Text { bytes, stretches: &stretches, of, is_folded: false };
        parts.for_each(|part| self.part(part, &text));
    }

    fn part<F: Fn(usize, &Range<usize>) -> Range<usize>>(
        &mut self,
        part: &Part,
        text: &Text<'_, F>,
    ) {
        self.looked += text.bytes.len();
        // Hits come in the order of their ends, give or take a literal.
        let mut at_stretch = 0;
        part.literals.search(text.bytes, |literal, at| {
            self.looked += 1;
            let Some(trigger) = part.triggers.get(literal) else { return };
            if !trigger.edges.count(text.bytes, &at) {
                return;
            }
            while text.stretches.get(at_stretch).is_some_and(|here| here.range.end < at.end) {
                at_stretch += 1;
            }
            while text.stretches.get(at_stretch).is_some_and(|here| at.start < here.range.start) {
                let Some(before) = at_stretch.checked_sub(1) else { return };
                at_stretch = before;
            }
            for rule in &trigger.rules {
                self.hit(*rule, at.clone(), at_stretch, text);
            }
        });
        while let Some(rule) = self.open.pop() {
            self.close(rule, text);
        }
    }

    /// A literal of the `index`-th rule stands at `at`, in the `stretch`-th stretch.
    fn hit<F: Fn(usize, &Range<usize>) -> Range<usize>>(
        &mut self,
        index: usize,
        at: Range<usize>,
        stretch: usize,
        text: &Text<'_, F>,
    ) {
        let (Some(rule), Some(here)) = (self.rules.get(index), text.stretches.get(stretch)) else {
            return;
        };
        // What lies across passages is none.
        if at.end > here.range.end || at.start < here.range.start {
            return;
        }
        let speaker = self.passages.get(here.passage).map(|passage| passage.speaker);
        if !rule.judges(speaker.unwrap_or(Speaker::Unknown)) || self.is_done(here.passage, index) {
            return;
        }
        if rule.is_raw() && text.is_folded {
            if self.triggered.last() != Some(&stretch) {
                self.triggered.push(stretch);
            }
            return;
        }
        if rule.is_plain() {
            self.add(here.passage, index, (text.of)(stretch, &at));
            return;
        }
        let Range { start, end } = rule.window(&at);
        let (from, to) = (start.max(here.range.start), end.min(here.range.end));
        let around = boundary(text.bytes, from)..boundary(text.bytes, to).min(here.range.end);
        match self.windows.get_mut(index) {
            // A later hit may begin a little before.
            Some(Some(window)) if window.stretch == stretch && around.start <= window.range.end => {
                window.range.start = window.range.start.min(around.start);
                window.range.end = window.range.end.max(around.end);
            }
            Some(Some(_)) => {
                self.close(index, text);
                if !self.is_done(here.passage, index) {
                    self.open(index, Window { stretch, range: around });
                }
            }
            Some(None) => {
                self.open.push(index);
                self.open(index, Window { stretch, range: around });
            }
            None => {}
        }
    }

    fn open(&mut self, rule: usize, window: Window) {
        if let Some(open) = self.windows.get_mut(rule) {
            *open = Some(window);
        }
    }

    /// Judges the window of the `index`-th rule that is open.
    fn close<F: Fn(usize, &Range<usize>) -> Range<usize>>(
        &mut self,
        index: usize,
        text: &Text<'_, F>,
    ) {
        let Some(window) = self.windows.get_mut(index).and_then(Option::take) else { return };
        let (Some(rule), Some(stretch)) =
            (self.rules.get(index), text.stretches.get(window.stretch))
        else {
            return;
        };
        self.looked += window.range.len();
        let from = stretch.range.start;
        let here = text.bytes.get(stretch.range.clone()).unwrap_or_default();
        let within = window.range.start.saturating_sub(from)..window.range.end.saturating_sub(from);
        if let Some(at) = rule.matches(here, within) {
            let at = at.start + from..at.end + from;
            self.add(stretch.passage, index, (text.of)(window.stretch, &at));
        }
    }

    fn is_done(&self, passage: usize, rule: usize) -> bool {
        !self.done.is_empty() && self.done.contains(&(passage, rule))
    }

    fn add(&mut self, passage: usize, rule: usize, range: Range<usize>) {
        if self.done.insert((passage, rule)) {
            self.found.push(Match { passage, rule, range });
        }
    }
}

/// The first character boundary at or after `at`, and within the text.
fn boundary(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inside = rest.iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    at.min(text.len()) + inside
}
