//! A pull tokenizer over JSON: each call gives the next [`Event`] with its byte range; nothing is built, nothing is copied.
//!
//! It accepts exactly RFC 8259, checks UTF-8, surrogate escapes and the depth as it goes, and costs a constant amount of work per
//! byte. Header facts are collected over it ([`Facts`]); the scanner reads the same events.

mod facts;
mod strings;
mod text;
mod watch;

#[cfg(test)]
mod tests;

use std::ops::Range;

pub use facts::Facts;
pub(crate) use facts::MessageFacts;
pub use text::Text;
pub(crate) use watch::{Known, KnownFacts, Watch, Watched};

/// Why bytes are not JSON that can be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JsonError {
    /// Not UTF-8, or not JSON, at this byte.
    #[error("not JSON at byte {at}")]
    Syntax {
        /// Offset in bytes from the start.
        at: usize,
    },
    /// Nested deeper than allowed, at this byte.
    #[error("JSON nests deeper than {limit} at byte {at}")]
    Depth {
        /// Offset in bytes from the start.
        at: usize,
        /// The limit.
        limit: usize,
    },
}

/// What the tokenizer met.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Event<'a> {
    /// `{`
    ObjectStart,
    /// `}`
    ObjectEnd,
    /// `[`
    ArrayStart,
    /// `]`
    ArrayEnd,
    /// A member's name, within an object; its value is the next event.
    Key(Text<'a>),
    /// A string value.
    String(Text<'a>),
    /// A number, as it is written.
    Number(&'a str),
    /// `true` or `false`
    Bool(bool),
    /// `null`
    Null,
    /// The document is over, and nothing but white space follows it.
    End,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Expect {
    Value,
    FirstKeyOrEnd,
    FirstItemOrEnd,
    CommaOrEnd,
    Nothing,
}

/// Containers that are open at once, commonly: for so many there is room from the start.
pub(crate) const COMMON_DEPTH: usize = 12;

/// The tokenizer.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    text: &'a str,
    /// What is read next: behind a key, what follows its colon.
    at: usize,
    /// The last event's first byte, and its end.
    start: usize,
    end: usize,
    expect: Expect,
    /// For each open container, whether it is an object.
    open: Vec<bool>,
    max_depth: usize,
    specials: strings::Specials,
}

impl<'a> Reader<'a> {
    /// Reads `json`, with at most `max_depth` containers open at once.
    ///
    /// # Errors
    /// [`JsonError::Syntax`] when it is not UTF-8.
    pub fn new(json: &'a [u8], max_depth: usize) -> Result<Self, JsonError> {
        let text = simdutf8::compat::from_utf8(json)
            .map_err(|error| JsonError::Syntax { at: error.valid_up_to() })?;
        Ok(Self::resume(text, 0, max_depth))
    }

    /// Reads the document that begins at byte `from` of `text`, as others may stand before it.
    pub(crate) fn resume(text: &'a str, from: usize, max_depth: usize) -> Self {
        Self {
            text,
            at: from,
            start: from,
            end: from,
            expect: Expect::Value,
            open: Vec::with_capacity(COMMON_DEPTH),
            max_depth,
            specials: strings::Specials::default(),
        }
    }

    /// The bytes of the event that came last: a string's with its quotes.
    #[must_use]
    pub fn range(&self) -> Range<usize> {
        self.start..self.end
    }

    /// All that it reads from.
    pub(crate) fn text(&self) -> &'a str {
        self.text
    }

    /// How many containers are open.
    #[must_use]
    pub fn depth(&self) -> usize {
        self.open.len()
    }

    /// The next event.
    ///
    /// # Errors
    /// Where the text stops being JSON, or nests too deep. The reader is then of no more use.
    pub fn next_event(&mut self) -> Result<Event<'a>, JsonError> {
        self.read_event()
    }

    /// As [`Reader::next_event`], for loops over many: what it gives need not go by memory.
    #[inline(always)]
    pub(crate) fn read_event(&mut self) -> Result<Event<'a>, JsonError> {
        // Where it reads goes from step to step by value: by memory, each step would wait for the one before to write it.
        let at = self.behind_space(self.at);
        match self.expect {
            Expect::Value => self.value(at),
            Expect::FirstItemOrEnd => match self.peek(at) {
                Some(b']') => Ok(self.close(at, Event::ArrayEnd)),
                _ => self.value(at),
            },
            Expect::FirstKeyOrEnd => match self.peek(at) {
                Some(b'}') => Ok(self.close(at, Event::ObjectEnd)),
                _ => self.key(at),
            },
            Expect::CommaOrEnd => self.comma_or_end(at),
            Expect::Nothing if at == self.text.len() => {
                self.read_to(at, at);
                Ok(Event::End)
            }
            Expect::Nothing => Err(JsonError::Syntax { at }),
        }
    }

    /// Goes to the end of the object that has just begun, whose bytes up to `end` have been read before, as such an object, elsewhere.
    pub(crate) fn leap(&mut self, end: usize) {
        debug_assert_eq!(self.text.as_bytes().get(end.wrapping_sub(1)), Some(&b'}'));
        (self.at, self.expect) = (end.saturating_sub(1), Expect::CommaOrEnd);
    }

    #[inline(always)]
    fn comma_or_end(&mut self, at: usize) -> Result<Event<'a>, JsonError> {
        let object = self.open.last().copied().unwrap_or_default();
        match (self.peek(at), object) {
            (Some(b','), _) => {
                let next = self.behind_space(at + 1);
                if object { self.key(next) } else { self.value(next) }
            }
            (Some(b'}'), true) => Ok(self.close(at, Event::ObjectEnd)),
            (Some(b']'), false) => Ok(self.close(at, Event::ArrayEnd)),
            _ => Err(JsonError::Syntax { at }),
        }
    }

    #[inline(always)]
    fn value(&mut self, at: usize) -> Result<Event<'a>, JsonError> {
        let (event, end) = match self.peek(at) {
            Some(b'"') => {
                let text = self.string(at)?;
                (Event::String(text), end_of(at, &text))
            }
            Some(b'{') => return self.descend(at, true),
            Some(b'[') => return self.descend(at, false),
            Some(b'-' | b'0'..=b'9') => {
                let end = self.number(at)?;
                (Event::Number(self.text.get(at..end).unwrap_or_default()), end)
            }
            Some(b't') => (Event::Bool(true), self.word(at, "true")?),
            Some(b'f') => (Event::Bool(false), self.word(at, "false")?),
            Some(b'n') => (Event::Null, self.word(at, "null")?),
            _ => return Err(JsonError::Syntax { at }),
        };
        self.read_to(at, end);
        self.after_value();
        Ok(event)
    }

    #[inline(always)]
    fn key(&mut self, at: usize) -> Result<Event<'a>, JsonError> {
        if self.peek(at) != Some(b'"') {
            return Err(JsonError::Syntax { at });
        }
        let key = self.string(at)?;
        let end = end_of(at, &key);
        let colon = self.behind_space(end);
        if self.peek(colon) != Some(b':') {
            return Err(JsonError::Syntax { at: colon });
        }
        self.read_to(at, end);
        (self.at, self.expect) = (colon + 1, Expect::Value);
        Ok(Event::Key(key))
    }

    #[inline(always)]
    fn descend(&mut self, at: usize, object: bool) -> Result<Event<'a>, JsonError> {
        if self.open.len() >= self.max_depth {
            return Err(JsonError::Depth { at, limit: self.max_depth });
        }
        self.open.push(object);
        self.read_to(at, at + 1);
        if object {
            self.expect = Expect::FirstKeyOrEnd;
            Ok(Event::ObjectStart)
        } else {
            self.expect = Expect::FirstItemOrEnd;
            Ok(Event::ArrayStart)
        }
    }

    #[inline(always)]
    fn close(&mut self, at: usize, event: Event<'a>) -> Event<'a> {
        self.open.pop();
        self.read_to(at, at + 1);
        self.after_value();
        event
    }

    /// An event has been read that begins at `start`.
    #[inline(always)]
    fn read_to(&mut self, start: usize, end: usize) {
        (self.start, self.end, self.at) = (start, end, end);
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
    }

    /// Where this word ends, which stands at `at` if what stands there is JSON.
    fn word(&self, at: usize, word: &str) -> Result<usize, JsonError> {
        let is_there = self.rest(at).starts_with(word.as_bytes());
        if is_there { Ok(at + word.len()) } else { Err(JsonError::Syntax { at }) }
    }

    #[inline(always)]
    fn string(&mut self, at: usize) -> Result<Text<'a>, JsonError> {
        strings::read(self.text, at, &mut self.specials).map_err(|at| JsonError::Syntax { at })
    }

    /// Where the number that begins at `at` ends.
    fn number(&self, mut at: usize) -> Result<usize, JsonError> {
        if self.peek(at) == Some(b'-') {
            at += 1;
        }
        at = if self.peek(at) == Some(b'0') { at + 1 } else { self.digits(at)? };
        if self.peek(at) == Some(b'.') {
            at = self.digits(at + 1)?;
        }
        if let Some(b'e' | b'E') = self.peek(at) {
            at += 1;
            if let Some(b'+' | b'-') = self.peek(at) {
                at += 1;
            }
            at = self.digits(at)?;
        }
        Ok(at)
    }

    /// Where the digits that begin at `at` end; there is one at least.
    fn digits(&self, at: usize) -> Result<usize, JsonError> {
        let count = self.rest(at).iter().take_while(|byte| byte.is_ascii_digit()).count();
        if count == 0 { Err(JsonError::Syntax { at }) } else { Ok(at + count) }
    }

    /// The first place at `at` or behind it that is no white space.
    #[inline(always)]
    fn behind_space(&self, mut at: usize) -> usize {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek(at) {
            at += 1;
        }
        at
    }

    #[inline(always)]
    fn peek(&self, at: usize) -> Option<u8> {
        self.text.as_bytes().get(at).copied()
    }

    fn rest(&self, at: usize) -> &'a [u8] {
        self.text.as_bytes().get(at..).unwrap_or_default()
    }
}

/// Where a string ends whose first quote stands at `at`.
fn end_of(at: usize, text: &Text<'_>) -> usize {
    at + text.raw().len() + 2
}
