//! Finds the rules that match a passage.

use std::ops::Range;

use super::RuleSet;
use super::compile::{Index, Rule};
use crate::scan::normalise::{self, Origins};
use crate::scan::{Finding, Passage, Speaker};

/// Bytes of normalised text on each side of a literal in which the rest of its rule must match.
const WINDOW: usize = 200;

/// Adds the findings of all rules on one passage, in the order of the text.
pub(super) fn judge(set: &RuleSet, passage: &Passage<'_>, findings: &mut Vec<Finding>) {
    let indexes = if passage.speaker == Speaker::Operator { &set.operator } else { &set.others };
    let mut search = Search {
        rules: &set.rules,
        speaker: passage.speaker,
        states: vec![State::default(); set.rules.len()],
        found: Vec::new(),
    };
    search.text(&indexes.raw, passage.text.as_bytes(), &Origins::default());
    let (folded, origins) = normalise::fold(passage.text);
    search.text(&indexes.folded, &folded, &origins);
    search.found.sort_by_key(|(range, _)| range.start);
    findings.extend(
        search.found.into_iter().map(|(range, rule)| {
            Finding::new(rule.id.clone(), rule.category, rule.severity, range)
        }),
    );
}

#[derive(Clone, Default)]
struct State {
    /// The window that is open, in bytes of the text searched.
    window: Option<Range<usize>>,
    /// The rule has matched; once is enough.
    done: bool,
}

struct Search<'a> {
    rules: &'a [Rule],
    speaker: Speaker,
    states: Vec<State>,
    found: Vec<(Range<usize>, &'a Rule)>,
}

impl Search<'_> {
    fn text(&mut self, index: &Index, text: &[u8], origins: &Origins) {
        let Some(finder) = &index.finder else {
            return;
        };
        let mut open = Vec::new();
        for hit in finder.find_overlapping_iter(text) {
            for rule in index.rules.get(hit.pattern().as_usize()).into_iter().flatten() {
                self.hit(*rule, hit.range(), text, origins, &mut open);
            }
        }
        for rule in open {
            self.close(rule, text, origins);
        }
    }

    /// A literal of `index`-th rule stands at `at`.
    fn hit(
        &mut self,
        index: usize,
        at: Range<usize>,
        text: &[u8],
        origins: &Origins,
        open: &mut Vec<usize>,
    ) {
        let (Some(rule), Some(state)) = (self.rules.get(index), self.states.get_mut(index)) else {
            return;
        };
        if state.done || !rule.judges(self.speaker) {
            return;
        }
        if rule.regex.is_none() && rule.near.is_none() {
            state.done = true;
            self.found.push((origins.of(&at), rule));
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
                self.close(index, text, origins);
                if let Some(state) = self.states.get_mut(index) {
                    state.window = Some(around);
                }
            }
            None => {
                open.push(index);
                state.window = Some(around);
            }
        }
    }

    /// Judges the window of the `index`-th rule that is open.
    fn close(&mut self, index: usize, text: &[u8], origins: &Origins) {
        let (Some(rule), Some(state)) = (self.rules.get(index), self.states.get_mut(index)) else {
            return;
        };
        let Some(window) = state.window.take() else {
            return;
        };
        if state.done {
            return;
        }
        let within = text.get(window.clone()).unwrap_or_default();
        if rule.near.as_ref().is_some_and(|near| !near.is_match(within)) {
            return;
        }
        let at = match &rule.regex {
            Some(regex) => {
                let input = regex_automata::Input::new(text).range(window);
                let Some(at) = regex.search(&input) else {
                    return;
                };
                at.range()
            }
            None => window,
        };
        state.done = true;
        self.found.push((origins.of(&at), rule));
    }
}

/// The first character boundary at or after `at`, and within the text.
fn boundary(text: &[u8], at: usize) -> usize {
    let rest = text.get(at..).unwrap_or_default();
    let inside = rest.iter().take_while(|byte| **byte & 0xc0 == 0x80).count();
    at.min(text.len()) + inside
}
