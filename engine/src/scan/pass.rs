//! The one pass over a payload: its events become passages, each with its place and its speaker.
//!
//! A passage is judged once its speaker is known, which may stand behind it, so that passages wait for the end of their document.

use std::ops::Range;

use super::items::{Hashed, KnownRow};
use super::names::{List, Names};
use super::nested;
use super::place::{self, Places, Step};
use super::structure::{self, Offence};
use super::verdict::Verdict;
use super::{Finding, Scanner, Screen, Speaker};
use crate::frame::Header;
use crate::json::{self, Event, JsonError, Known, MessageFacts, Reader, Text, Watch, Watched};

/// Passages that wait at most. What comes before more of them is judged as nobody's words.
const WAITING: usize = 1 << 16;

/// Bytes of a payload for each passage, commonly.
const COMMONLY: usize = 128;

/// Shorter strings, in bytes, cannot say anything.
const SHORTEST: usize = 6;

/// Shorter names of members, in bytes, cannot give orders.
const SHORTEST_NAME: usize = 16;

/// Items of one document that are remembered at most.
const REMEMBERED: usize = 1 << 12;

/// The item of a list with which its row begins.
const SECOND: usize = 2;

/// The verdict on a payload whose facts nobody needs.
pub(super) fn judge(screen: &Screen, scanner: &Scanner, payload: &[u8]) -> Verdict {
    let judge = |recall| {
        let mut pass = Pass::new(screen, scanner, payload, recall);
        let read = pass.read();
        pass.finish(read)
    };
    judge(Recall::Items).or_else(|Misread| judge(Recall::Nothing)).unwrap_or_default()
}

/// The verdict on a payload and its header, `None` where it is not JSON.
pub(super) fn screen<'a>(
    screen: &Screen,
    scanner: &Scanner,
    payload: &'a [u8],
    facts: &json::Facts,
) -> (Option<Header<'a>>, Verdict) {
    let judge = |recall| {
        let mut pass = Pass::new(screen, scanner, payload, recall);
        match facts.read_watched(payload, &mut pass) {
            Ok(header) => Ok((header, pass.finish(Ok(()))?)),
            Err(error) => Ok((None, pass.finish(Err(error))?)),
        }
    };
    judge(Recall::ItemsWithFacts).or_else(|Misread| judge(Recall::Nothing)).unwrap_or_default()
}

/// What of a payload need not be read again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Recall {
    Nothing,
    Items,
    ItemsWithFacts,
}

/// What was passed over as known turned out to stand in something else than a whole model call, where it may mean something else.
#[derive(Debug)]
pub(super) struct Misread;

/// An item of a list, as it may be remembered.
#[derive(Debug)]
struct Item {
    list: List,
    range: Range<usize>,
    facts: Option<MessageFacts>,
}

/// The items of a list from its second on, as they may be remembered together.
struct Row {
    list: List,
    /// From the first of them on, to the end of the last.
    range: Range<usize>,
    count: usize,
    /// Of each message so far, where they are read.
    facts: Vec<MessageFacts>,
    /// Whether one of them is known: the list has been sent before.
    is_known: bool,
    /// What of them is known as a row.
    hashed: Option<Hashed>,
}

/// Watches a payload being read, and judges it.
pub(super) struct Pass<'s, 'a> {
    screen: &'s Screen,
    scanner: &'s Scanner,
    payload: &'a [u8],
    open: Vec<Open<'a>>,
    waiting: Vec<Passage<'a>>,
    /// Of the document that is being read, once a container has been met.
    places: Option<Places<'a>>,
    /// Where the last event ended.
    read_to: usize,
    /// Whether a container has been met.
    is_json: bool,
    offences: Vec<Offence>,
    verdict: Verdict,
    recall: Recall,
    /// Bytes that may still be compared with items that are remembered, in vain.
    budget: usize,
    /// The same for rows: one that differs somewhere leaves its items to be compared.
    row_budget: usize,
    /// Whether something was passed over as known.
    recalled: bool,
    /// Whether something of this payload was found, allowed or not, or was judged before its end.
    found: bool,
    /// Whether the document that was read last is a model call through and through.
    is_call: bool,
    /// The items of that document that are not known.
    items: Vec<Item>,
    /// Those of the list that is being read.
    row: Option<Row>,
    /// Those of lists that have been read.
    rows: Vec<Row>,
}

/// A container whose end has not been met.
#[derive(Debug)]
struct Open<'a> {
    start: usize,
    is_array: bool,
    /// How many items have begun.
    items: usize,
    /// The member whose value is being read.
    member: Option<Text<'a>>,
    name: Names,
    /// The names of all members so far.
    names: Names,
    /// Who speaks, by its place.
    placed: Speaker,
    /// Who speaks, by its role.
    role: Option<Speaker>,
    /// The first passage that stands in it.
    first: usize,
    /// Whether what stands in it is known, and not read.
    is_known: bool,
}

#[derive(Debug)]
struct Passage<'a> {
    text: Text<'a>,
    /// Where it begins in the payload.
    at: usize,
    speaker: Speaker,
}

impl<'s, 'a> Pass<'s, 'a> {
    fn new(screen: &'s Screen, scanner: &'s Scanner, payload: &'a [u8], recall: Recall) -> Self {
        // As many as there commonly are, so that the list need not be moved as it grows.
        let passages = (payload.len() / COMMONLY).min(WAITING);
        Self {
            screen,
            scanner,
            payload,
            open: Vec::with_capacity(json::COMMON_DEPTH),
            waiting: Vec::with_capacity(passages),
            places: None,
            read_to: 0,
            is_json: false,
            offences: Vec::new(),
            verdict: Verdict::clean(),
            recall,
            budget: payload.len(),
            row_budget: payload.len(),
            recalled: false,
            found: false,
            is_call: false,
            items: Vec::new(),
            row: None,
            rows: Vec::new(),
        }
    }

    /// Reads the payload itself, where nobody else needs its facts.
    fn read(&mut self) -> Result<(), JsonError> {
        Watched::new(Reader::new(self.payload, self.screen.max_depth)?, self).finish()
    }

    /// The verdict, when the document has been read to its end or as far as it is JSON.
    fn finish(mut self, mut read: Result<(), JsonError>) -> Result<Verdict, Misread> {
        if read.is_ok() {
            self.judge(true)?;
            return Ok(self.verdict);
        }
        let Ok(text) = simdutf8::basic::from_utf8(self.payload) else {
            self.not_utf8();
            return Ok(self.verdict);
        };
        // Documents may follow one another, as in JSON Lines.
        while read.is_err() && self.is_json && self.open.is_empty() && self.another_follows() {
            self.judge(true)?;
            let from = self.read_to;
            let reader = Reader::resume(text, from, self.screen.max_depth);
            read = Watched::new(reader, &mut self).finish();
            if self.read_to == from {
                // What divides them is no white space of JSON's, a form feed say.
                break;
            }
        }
        if read.is_ok() {
            self.judge(true)?;
            return Ok(self.verdict);
        }
        if self.is_json {
            self.judge(false)?;
        } else {
            (self.read_to, self.waiting) = (0, Vec::new());
        }
        self.rest(text);
        Ok(self.verdict)
    }

    fn another_follows(&self) -> bool {
        let rest = self.payload.get(self.read_to..).unwrap_or_default();
        matches!(rest.trim_ascii_start().first(), Some(b'{' | b'['))
    }

    /// Judges what is no JSON as one text.
    fn rest(&mut self, text: &'a str) {
        // JSON that is nested too deep is not read to its end.
        if !self.offences.contains(&Offence::Depth) && structure::claims_json(text) {
            self.offend(Offence::BrokenJson, 0..text.len(), 0);
        }
        let rest = text.get(self.read_to..).unwrap_or_default();
        if let Some(at) = memchr::memchr(0, rest.as_bytes())
            && structure::claims_text(self.payload)
        {
            self.offend(Offence::Nul, self.read_to + at..self.read_to + at + 1, 0);
        }
        let (at, speaker) = (self.read_to, Speaker::Unknown);
        self.passages(&[Passage { text: Text::plain(rest), at, speaker }], |_| String::new());
    }

    /// Judges the text in what is nearly text; in a binary payload there is none.
    fn not_utf8(&mut self) {
        if !structure::claims_text(self.payload) {
            return;
        }
        // Without the bytes that are none, as a lenient reader has it. For each gap: where it is in the text, and how much was left out.
        let (mut text, mut gaps, mut out) = (String::new(), Vec::new(), 0);
        for chunk in self.payload.utf8_chunks() {
            text.push_str(chunk.valid());
            let invalid = chunk.invalid().len();
            if invalid > 0 {
                let at = text.len() + out;
                self.offend(Offence::InvalidUtf8, at..at + invalid, 0);
                out += invalid;
                gaps.push((text.len(), out));
            }
        }
        let mut found = Vec::new();
        self.scanner.look([(Text::plain(&text), Speaker::Unknown)].into_iter(), &mut found);
        let mut found: Vec<Finding> = found.into_iter().map(|(_, finding)| finding).collect();
        for finding in &mut found {
            let left_out = |at: usize, edge: bool| {
                let before = gaps.partition_point(|(gap, _)| *gap < at || (edge && *gap == at));
                before.checked_sub(1).and_then(|last| gaps.get(last)).map_or(0, |(_, out)| *out)
            };
            finding.range.start += left_out(finding.range.start, true);
            finding.range.end += left_out(finding.range.end, false);
        }
        self.screen.weigh(&mut self.verdict, &mut found, "", || text.as_str().into());
    }

    /// Judges the passages that wait; `whole` when their document has ended well, so that all has been said of who speaks.
    fn judge(&mut self, whole: bool) -> Result<(), Misread> {
        if std::mem::take(&mut self.recalled) && !(whole && self.is_call) {
            return Err(Misread);
        }
        self.judge_waiting(whole);
        if whole && self.is_call && !self.found {
            // What follows a row that is known is remembered with it, and not by itself.
            self.rows.retain_mut(|Row { list, range, count, facts, hashed, .. }| {
                let is_known = hashed.is_some();
                let bytes = self.payload.get(range.clone()).unwrap_or_default();
                self.scanner.items.store_row(*list, bytes, *count, facts, hashed.take()) && is_known
            });
            let in_row =
                |item: &Item| self.rows.iter().any(|row| row.range.contains(&item.range.start));
            for Item { list, range, facts } in self.items.drain(..).filter(|item| !in_row(item)) {
                if let Some(bytes) = self.payload.get(range) {
                    self.scanner.items.store(list, bytes, facts);
                }
            }
        }
        self.items.clear();
        self.row = None;
        self.rows.clear();
        Ok(())
    }

    fn judge_waiting(&mut self, whole: bool) {
        let open = std::mem::take(&mut self.open);
        for (depth, container) in open.iter().enumerate().rev() {
            self.close(container, depth);
        }
        self.open = open;
        let mut waiting = std::mem::take(&mut self.waiting);
        for passage in waiting.iter_mut().filter(|_| !whole) {
            if passage.speaker == Speaker::Operator {
                passage.speaker = Speaker::Unknown;
            }
        }
        let mut places = self.places.take();
        // Before what a string says stands its quote.
        self.passages(&waiting, |passage| match &mut places {
            Some(places) => places.pointer(passage.at.saturating_sub(1)),
            None => String::new(),
        });
        self.places = places;
        waiting.clear();
        self.waiting = waiting;
        for container in &mut self.open {
            container.first = 0;
        }
    }

    /// Judges passages; `pointer` tells where one stands, in their order.
    fn passages(
        &mut self,
        passages: &[Passage<'_>],
        mut pointer: impl FnMut(&Passage<'_>) -> String,
    ) {
        let mut found = Vec::new();
        self.scanner.look(passages.iter().map(|one| (one.text, one.speaker)), &mut found);
        self.found |= !found.is_empty();
        let mut found = found.into_iter().peekable();
        while let Some((index, first)) = found.next() {
            let mut findings = vec![first];
            while let Some((_, next)) = found.next_if(|(next, _)| *next == index) {
                findings.push(next);
            }
            let Some(passage) = passages.get(index) else { continue };
            let Passage { text, at, .. } = passage;
            nested::to_raw(text, &mut findings);
            let pointer = pointer(passage);
            for finding in &mut findings {
                finding.range = finding.range.start + at..finding.range.end + at;
                finding.pointer.clone_from(&pointer);
            }
            let said = || text.unescaped();
            self.screen.weigh(&mut self.verdict, &mut findings, &pointer, said);
        }
    }

    /// Notes an offence at the value that is being read in the innermost of the first `depth` containers that are open.
    fn offend(&mut self, offence: Offence, range: Range<usize>, depth: usize) {
        self.found = true;
        if !self.offences.contains(&offence) {
            self.offences.push(offence);
            let pointer = place::pointer(self.open.iter().take(depth).map(Open::step));
            let finding = offence.finding(range, pointer);
            self.screen.weigh_offence(&mut self.verdict, finding, offence.is_limit());
        }
    }

    fn hear(&mut self, text: Text<'a>, at: usize, placed: Speaker) {
        if self.waiting.len() >= WAITING {
            self.judge_waiting(false);
            self.found = true;
        }
        self.waiting.push(Passage { text, at, speaker: placed });
    }

    // Where events are read, as what goes by memory takes longer.
    #[inline(always)]
    fn member(&mut self, key: Text<'a>, start: usize) {
        let name = Names::of(&key);
        let Some(object) = self.open.last_mut() else { return };
        let double = object.names.meets(name);
        (object.member, object.name) = (Some(key), name);
        object.names.add(name);
        if double {
            self.offend(
                Offence::DuplicateName,
                start..start + key.raw().len() + 2,
                self.open.len(),
            );
        }
        if key.raw().len() >= SHORTEST_NAME && !self.scanner.passes_name(&key) {
            self.hear(key, start + 1, Speaker::Unknown);
        }
    }

    /// A value begins.
    fn value(&mut self) {
        let limit = self.screen.limits.array;
        let Some(array) = self.open.last_mut().filter(|open| open.is_array) else { return };
        array.items += 1;
        let (items, start) = (array.items, array.start);
        if items == limit.saturating_add(1) {
            self.offend(Offence::LongArray, start..start + 1, self.open.len().saturating_sub(1));
        }
    }

    fn placed(&self) -> Speaker {
        Speaker::of_place(self.open.iter().map(|open| open.name))
    }

    #[inline(always)]
    fn string(&mut self, text: Text<'a>, start: usize) {
        let is_role = self.open.last().is_some_and(|object| object.name == Names::ROLE);
        let is_message = is_role && self.is_message();
        let placed = self.placed();
        if let Some(object) = self.open.last_mut() {
            match object.name {
                Names::ROLE => {
                    let mut role = Speaker::of_role(&text);
                    if role == Speaker::Operator && !is_message {
                        role = Speaker::Unknown;
                    }
                    object.role = Some(object.role.map_or(role, |first| first.or(role)));
                }
                Names::TYPE => object.placed = object.placed.quoting(Speaker::of_type(&text)),
                _ => {}
            }
        }
        let raw = text.raw();
        let range = start..start + raw.len() + 2;
        if raw.len() > self.screen.limits.string {
            self.offend(Offence::LongString, range.clone(), self.open.len());
        }
        if text.has_nul() && !self.offences.contains(&Offence::Nul) {
            self.offend(Offence::Nul, range, self.open.len());
        }
        if raw.len() >= SHORTEST && !self.scanner.passes(&text) {
            self.hear(text, start + 1, placed);
        }
    }

    /// The list of a model call whose item is the object being read.
    fn list(&self) -> Option<List> {
        match self.open.as_slice() {
            [top, list, item] if list.is_array && !item.is_array => top.name.list(),
            _ => None,
        }
    }

    /// Whether the object being read is an item of a model call's conversation, where operators speak.
    fn is_message(&self) -> bool {
        self.list().is_some_and(|list| list != List::Tools)
    }

    /// Notes that the container being read ends at `end`, if it is an item to be remembered, or a list of them.
    fn remember(&mut self, end: usize) {
        let Some(list) = self.list() else { return self.remember_row() };
        let Some((item, index)) = self.open.last().zip(self.item()) else { return };
        let (start, is_known) = (item.start, item.is_known);
        if index == SECOND && self.row.is_none() {
            let (range, facts) = (start..end, Vec::new());
            self.row = Some(Row { list, range, count: 0, facts, is_known, hashed: None });
        }
        if let Some(row) = &mut self.row {
            (row.range.end, row.count) = (end, row.count + 1);
            row.is_known |= is_known;
        }
        if !is_known && self.items.len() < REMEMBERED {
            self.items.push(Item { list, range: start..end, facts: None });
        }
    }

    /// Notes that the list being read is over, if it is one whose items are remembered together: objects, some of which are known.
    fn remember_row(&mut self) {
        if let [_, list] = self.open.as_slice()
            && let Some(row) = self.row.take()
            && row.is_known
            && row.count > 1
            && row.count + 1 == list.items
            && self.rows.len() < List::COUNT
        {
            self.rows.push(row);
        }
    }

    /// Which item of its list the object being read is, from 1 on.
    fn item(&self) -> Option<usize> {
        let list = self.open.len().checked_sub(2).and_then(|list| self.open.get(list));
        list.map(|list| list.items)
    }

    /// As [`Watch::known`], for a row that begins with the object that has just begun.
    fn known_row(&mut self, list: List, start: usize, wanted: bool) -> Option<Known> {
        let (items, budget) = (&self.scanner.items, &mut self.row_budget);
        let KnownRow { known, count, hashed } =
            items.find_row(list, self.payload, start, wanted, budget)?;
        let at = self.open.len().checked_sub(2)?;
        let items = &mut self.open.get_mut(at)?.items;
        let last = items.checked_add(count - 1)?;
        if last > self.screen.limits.array {
            return None;
        }
        *items = last;
        // Its last item ends with the object that is being read.
        let (range, count, hashed) = (start..known.end, count - 1, Some(hashed));
        self.row = Some(Row { list, range, count, facts: Vec::new(), is_known: true, hashed });
        Some(known)
    }

    #[inline(always)]
    fn open(&mut self, start: usize, is_array: bool) {
        let placed = self.placed();
        self.is_json = true;
        self.open.push(Open {
            start,
            is_array,
            items: 0,
            member: None,
            name: Names::default(),
            names: Names::default(),
            placed,
            role: None,
            first: self.waiting.len(),
            is_known: false,
        });
        if self.open.len() >= self.screen.limits.depth {
            self.offend(Offence::Depth, start..start + 1, self.open.len().saturating_sub(1));
        }
    }

    /// Says of the passages in a container, which lies in `depth` others, what is now known of their speaker.
    fn close(&mut self, container: &Open<'_>, depth: usize) {
        let speaker = container.placed.quoting(container.role.unwrap_or(Speaker::Unknown));
        let is_call = container.names.meets(Names::CONVERSATIONS);
        let is_top = depth == 0;
        if is_top {
            self.is_call = is_call && speaker == Speaker::Unknown;
        }
        if speaker == Speaker::Unknown && (!is_top || is_call) {
            return;
        }
        for passage in self.waiting.iter_mut().skip(container.first) {
            passage.speaker = speaker.quoting(passage.speaker);
            // What only looks like the operator's part of a call is nobody's.
            if is_top && !is_call && passage.speaker == Speaker::Operator {
                passage.speaker = Speaker::Unknown;
            }
        }
    }
}

impl<'a> Watch<'a> for Pass<'_, 'a> {
    #[inline(always)]
    fn event(&mut self, event: &Event<'a>, reader: &Reader<'a>) {
        let range = reader.range();
        if !matches!(event, Event::End) {
            self.read_to = range.end;
        }
        match event {
            Event::Key(key) => self.member(*key, range.start),
            Event::String(text) => {
                self.value();
                self.string(*text, range.start);
            }
            Event::ObjectStart | Event::ArrayStart => {
                if self.open.is_empty() {
                    let again = Reader::resume(reader.text(), range.start, self.screen.max_depth);
                    self.places = Some(Places::new(again));
                }
                self.value();
                self.open(range.start, matches!(event, Event::ArrayStart));
            }
            Event::ObjectEnd | Event::ArrayEnd => {
                self.remember(range.end);
                if let Some(container) = self.open.pop() {
                    self.close(&container, self.open.len());
                }
            }
            Event::Number(_) | Event::Bool(_) | Event::Null => self.value(),
            Event::End => {}
        }
    }

    fn known(&mut self, reader: &Reader<'a>) -> Option<Known> {
        let list = self.list().filter(|_| self.recall != Recall::Nothing)?;
        let wanted = list == List::Messages && self.recall == Recall::ItemsWithFacts;
        let start = reader.range().start;
        let is_second = self.item() == Some(SECOND);
        let row = is_second.then(|| self.known_row(list, start, wanted)).flatten();
        let alone = || self.scanner.items.find(list, self.payload, start, wanted, &mut self.budget);
        let known = row.or_else(alone)?;
        self.recalled = true;
        if let Some(item) = self.open.last_mut() {
            item.is_known = true;
        }
        Some(known)
    }

    fn message(&mut self, facts: MessageFacts) {
        if let Some(item) = self.items.last_mut().filter(|item| item.list == List::Messages) {
            item.facts.get_or_insert(facts);
        }
        // A list's row is taken when the list ends, so that this one is of the messages.
        if let Some(row) = self.row.as_mut().filter(|row| row.facts.len() < row.count) {
            row.facts.push(facts);
        }
    }
}

impl<'a> Open<'a> {
    fn step(&self) -> Step<'a> {
        match self.member {
            Some(member) => Step::Member(member),
            None => Step::Item(self.items.saturating_sub(1)),
        }
    }
}
