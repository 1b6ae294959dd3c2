//! Finds the rules that match passages.
//!
//! Most passages are short, so that they are folded into one text, one after the other, which is looked through once. Only what that shows
//! to be more than it seems is looked at by itself.

use std::cell::RefCell;
use std::ops::Range;

use super::RuleSet;
use super::at_words::in_word;
use super::compile::Indexes;
use super::search::{Search, Stretch, Windows};
use crate::scan::normalise::{self, GAP, Origins, Revealed, Space, Suspects, encoded};
use crate::scan::{Finding, Passage, Speaker};

/// Bytes of text that are looked through at once, so that buffers stay small; a longer passage is judged in chunks.
const CHUNK: usize = 1 << 15;

/// Bytes that a chunk has in common with the one before, so that what stands on their border is found.
const OVERLAP: usize = 1 << 10;

/// Bytes of the longest word that is not divided between chunks.
const LONGEST_WORD: usize = 64;

/// Bytes on each side of a suspect word that are read with it.
const AROUND: usize = 400;

/// Between two passages in one text: no letters on both sides of it make one word.
const APART: &str = "\0\0\0\0";
const _: () = assert!(APART.len() > GAP, "a row of single letters goes no farther than this");

thread_local! {
    /// Kept, so that passages need no allocation.
    static BATCH: RefCell<Batch> = RefCell::default();
    static WINDOWS: RefCell<Windows> = RefCell::default();
}

/// Adds the findings of all rules on each passage, with the passage's index, in the order of the texts. Says how many bytes it looked at,
/// all steps counted.
pub(super) fn judge(
    set: &RuleSet,
    passages: &[Passage<'_>],
    findings: &mut Vec<(usize, Finding)>,
) -> usize {
    let mut judged = Judged {
        set,
        indexes: &set.others,
        passages,
        search: Search::new(&set.rules, passages, WINDOWS.take()),
        batch: BATCH.take(),
        decoded: (0, 0),
    };
    judged.all(false);
    judged.indexes = &set.operator;
    judged.all(true);
    BATCH.set(judged.batch);
    let (looked, windows) = judged.search.into_findings(findings);
    WINDOWS.set(windows);
    looked
}

/// Passages folded into one text.
#[derive(Debug, Default)]
struct Batch {
    /// The chunks in it.
    chunks: Vec<Chunk>,
    /// Their text, [`APART`] behind each.
    text: String,
    /// For each chunk, where it is in `folded`.
    stretches: Vec<Stretch>,
    folded: Vec<u8>,
    /// Maps `folded` to `text`.
    origins: Origins,
    /// Where in `text` something beyond ASCII begins.
    wide: Vec<usize>,
    suspects: Suspects,
}

/// A chunk of a passage.
#[derive(Debug)]
struct Chunk {
    passage: usize,
    /// Where it begins in its passage.
    start: usize,
    /// Where it is in its batch's text.
    range: Range<usize>,
    is_ascii: bool,
}

impl Batch {
    fn add(&mut self, passage: usize, start: usize, text: &str) {
        let range = self.text.len()..self.text.len() + text.len();
        self.text.push_str(text);
        self.text.push_str(APART);
        self.chunks.push(Chunk { passage, start, range, is_ascii: true });
    }

    /// Folds all chunks at once: most are too short to be folded a block at a time.
    fn fold(&mut self) {
        let (text, out, origins) = (&self.text, &mut self.folded, &mut self.origins);
        normalise::fold_into(text, Space::One, out, origins, &mut self.wide);
        let (mut folded, mut start) = (self.origins.onward(), 0);
        let mut wide = self.wide.iter().peekable();
        for Chunk { passage, range, is_ascii, .. } in &mut self.chunks {
            let end = folded(range.end);
            self.stretches.push(Stretch { passage: *passage, range: start..end });
            start = end + APART.len();
            while wide.next_if(|at| **at < range.end).is_some() {
                *is_ascii = false;
            }
        }
    }

    fn clear(&mut self) {
        self.chunks.clear();
        self.text.clear();
        self.stretches.clear();
    }

    /// The range in its passage that a range of the `index`-th chunk came from.
    fn of(&self, index: usize, range: &Range<usize>) -> Range<usize> {
        let range = self.origins.of(range);
        let chunk = self.chunks.get(index);
        let (start, origin) = chunk.map_or((0, 0), |chunk| (chunk.start, chunk.range.start));
        let of = |at: usize| at.saturating_sub(origin) + start;
        of(range.start)..of(range.end)
    }

    /// The chunks beyond ASCII, or all of them.
    fn as_they_are(&self, all: bool) -> impl Iterator<Item = usize> {
        let chunks = self.chunks.iter().enumerate();
        chunks.filter(move |(_, chunk)| all || !chunk.is_ascii).map(|(index, _)| index)
    }

    /// What of `ranges`, which ascend, lies in chunks, each with its passage.
    fn place(&self, ranges: &[Range<usize>]) -> Vec<(usize, Range<usize>)> {
        let mut placed = Vec::with_capacity(ranges.len());
        let mut chunks = self.stretches.iter().enumerate().peekable();
        for range in ranges {
            while chunks.next_if(|(_, chunk)| chunk.range.end <= range.start).is_some() {}
            // Folding leaves few ranges that go beyond their chunk: those of single letters before what divides passages.
            let Some((index, chunk)) = chunks.peek() else { break };
            let within = range.start.max(chunk.range.start)..range.end.min(chunk.range.end);
            if !within.is_empty() {
                placed.push((chunk.passage, self.of(*index, &within)));
            }
        }
        placed
    }
}

/// Passages being judged, all of the operator's or all of others'.
struct Judged<'a> {
    set: &'a RuleSet,
    indexes: &'a Indexes,
    passages: &'a [Passage<'a>],
    search: Search<'a>,
    batch: Batch,
    /// The passage whose runs were decoded last, and how far: a run may go on in chunks that follow.
    decoded: (usize, usize),
}

impl Judged<'_> {
    fn all(&mut self, is_operator: bool) {
        for (index, passage) in self.passages.iter().enumerate() {
            if (passage.speaker == Speaker::Operator) != is_operator {
                continue;
            }
            if self.indexes.folded.is_empty() {
                self.raw(index, 0, passage.text);
                continue;
            }
            for (start, chunk) in chunks(passage.text) {
                if self.batch.text.len() + chunk.len() > CHUNK {
                    self.look();
                }
                self.search.looked += chunk.len();
                self.batch.add(index, start, chunk);
            }
        }
        self.look();
    }

    /// Looks through the batch, and empties it.
    fn look(&mut self) {
        if self.batch.chunks.is_empty() {
            return;
        }
        let mut batch = std::mem::take(&mut self.batch);
        batch.fold();
        let of = |index: usize, range: &Range<usize>| batch.of(index, range);
        self.search.folded(&self.indexes.folded, &batch.folded, &batch.stretches, of);
        let mut as_they_are = self.search.triggered();
        as_they_are.extend(batch.as_they_are(!self.indexes.raw_shows));
        as_they_are.sort_unstable();
        as_they_are.dedup();
        for index in as_they_are {
            self.as_it_is(&batch, index);
        }
        self.search.looked += batch.suspects.look(&batch.folded, &self.set.words);
        self.reveal(&batch.place(&batch.suspects.words));
        self.decode(&batch.place(&batch.suspects.runs));
        batch.clear();
        self.batch = batch;
    }

    /// Judges a chunk without folding it, and what of it only texts beyond ASCII can hold.
    fn as_it_is(&mut self, batch: &Batch, index: usize) {
        let (Some(chunk), Some(stretch)) = (batch.chunks.get(index), batch.stretches.get(index))
        else {
            return;
        };
        let text = batch.text.get(chunk.range.clone()).unwrap_or_default();
        self.raw(stretch.passage, chunk.start, text);
        if chunk.is_ascii {
            return;
        }
        let folded = batch.folded.get(stretch.range.clone()).unwrap_or_default();
        let from = stretch.range.start;
        self.search.wide(&self.indexes.folded, folded, stretch.passage, |range| {
            batch.of(index, &(range.start + from..range.end + from))
        });
        if let Some((hidden, at)) = normalise::hidden(text) {
            let at = at.start + chunk.start..at.end + chunk.start;
            self.aside(stretch.passage, &hidden, &at);
        }
    }

    /// Judges a text, which begins at `start` in its passage, without folding it.
    fn raw(&mut self, passage: usize, start: usize, text: &str) {
        self.search.alone(&self.indexes.raw, text.as_bytes(), passage, |range| {
            range.start + start..range.end + start
        });
    }

    /// Judges the text around suspect words as it reads.
    fn reveal(&mut self, words: &[(usize, Range<usize>)]) {
        let mut words = words.iter().peekable();
        while let Some((passage, word)) = words.next() {
            let text = self.passages.get(*passage).map(|passage| passage.text).unwrap_or_default();
            let around = |word: &Range<usize>| {
                text.floor_char_boundary(word.start.saturating_sub(AROUND))
                    ..text.ceil_char_boundary(word.end.saturating_add(AROUND).min(text.len()))
            };
            let mut region = around(word);
            while let Some((_, next)) =
                words.next_if(|(of, next)| of == passage && around(next).start <= region.end)
            {
                region.end = region.end.max(around(next).end);
            }
            let revealed =
                Revealed::new(text.get(region.clone()).unwrap_or_default(), &self.set.words);
            self.search.looked += region.len();
            self.search.alone(&self.indexes.folded, &revealed.text, *passage, |range| {
                let range = revealed.of(range);
                range.start + region.start..range.end + region.start
            });
        }
    }

    /// Judges the texts that runs hold.
    fn decode(&mut self, runs: &[(usize, Range<usize>)]) {
        for (passage, run) in runs {
            if *passage == self.decoded.0 && run.end <= self.decoded.1 {
                continue;
            }
            let text = self.passages.get(*passage).map(|passage| passage.text).unwrap_or_default();
            let whole = encoded::whole(text, run);
            self.decoded = (*passage, whole.end);
            if let Some(hidden) = text.get(whole.clone()).and_then(encoded::decode) {
                self.aside(*passage, &hidden, &whole);
            }
        }
    }

    /// Judges a text that stands in the passage at `at` in another form.
    fn aside(&mut self, passage: usize, text: &str, at: &Range<usize>) {
        self.search.looked += at.len();
        self.search.alone(&self.indexes.raw, text.as_bytes(), passage, |_| at.clone());
        for (_, chunk) in chunks(text) {
            let (folded, _) = normalise::fold(chunk);
            self.search.alone(&self.indexes.folded, &folded, passage, |_| at.clone());
        }
    }
}

/// A text in chunks that overlap, each with where it begins; they begin and end between words, unless those are very long.
fn chunks(text: &str) -> impl Iterator<Item = (usize, &str)> {
    let starts = (0..text.len().max(1)).step_by(CHUNK);
    let word_end = |at: usize| {
        let rest = text.as_bytes().get(at..).unwrap_or_default();
        at + rest.iter().take(LONGEST_WORD).take_while(|byte| in_word(**byte)).count()
    };
    starts.map(move |start| {
        let from = text.floor_char_boundary(start.saturating_sub(OVERLAP));
        let from = if from > 0 { word_end(from) } else { 0 };
        let to = word_end(text.ceil_char_boundary((start + CHUNK).min(text.len())));
        (from, text.get(from..to).unwrap_or_default())
    })
}
