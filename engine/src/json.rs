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
    at: usize,
    /// The last event's first byte, and where it is a key, its end: the colon has been read by then.
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
        let end = if self.expect == Expect::Value { self.end } else { self.at };
        self.start..end.max(self.start)
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
        self.skip_space();
        self.start = self.at;
        match self.expect {
            Expect::Value => self.value(),
            Expect::FirstItemOrEnd => match self.peek() {
                Some(b']') => self.close(Event::ArrayEnd),
                _ => self.value(),
            },
            Expect::FirstKeyOrEnd => match self.peek() {
                Some(b'}') => self.close(Event::ObjectEnd),
                _ => self.key(),
            },
            Expect::CommaOrEnd => self.comma_or_end(),
            Expect::Nothing if self.at == self.text.len() => Ok(Event::End),
            Expect::Nothing => Err(self.syntax()),
        }
    }

    /// Goes to the end of the object that has just begun, whose bytes up to `end` have been read before, as such an object, elsewhere.
    pub(crate) fn leap(&mut self, end: usize) {
        debug_assert_eq!(self.text.as_bytes().get(end.wrapping_sub(1)), Some(&b'}'));
        (self.at, self.expect) = (end.saturating_sub(1), Expect::CommaOrEnd);
    }

    #[inline(always)]
    fn comma_or_end(&mut self) -> Result<Event<'a>, JsonError> {
        let object = self.open.last().copied().unwrap_or_default();
        match (self.peek(), object) {
            (Some(b','), _) => {
                self.at += 1;
                self.skip_space();
                self.start = self.at;
                if object { self.key() } else { self.value() }
            }
            (Some(b'}'), true) => self.close(Event::ObjectEnd),
            (Some(b']'), false) => self.close(Event::ArrayEnd),
            _ => Err(self.syntax()),
        }
    }

    #[inline(always)]
    fn value(&mut self) -> Result<Event<'a>, JsonError> {
        let event = match self.peek() {
            Some(b'"') => Event::String(self.string()?),
            Some(b'{') => return self.descend(true),
            Some(b'[') => return self.descend(false),
            Some(b'-' | b'0'..=b'9') => Event::Number(self.number()?),
            Some(b't') => self.word("true", Event::Bool(true))?,
            Some(b'f') => self.word("false", Event::Bool(false))?,
            Some(b'n') => self.word("null", Event::Null)?,
            _ => return Err(self.syntax()),
        };
        self.after_value();
        Ok(event)
    }

    #[inline(always)]
    fn key(&mut self) -> Result<Event<'a>, JsonError> {
        if self.peek() != Some(b'"') {
            return Err(self.syntax());
        }
        let key = self.string()?;
        self.end = self.at;
        self.skip_space();
        if self.peek() != Some(b':') {
            return Err(self.syntax());
        }
        self.at += 1;
        self.expect = Expect::Value;
        Ok(Event::Key(key))
    }

    #[inline(always)]
    fn descend(&mut self, object: bool) -> Result<Event<'a>, JsonError> {
        if self.open.len() >= self.max_depth {
            return Err(JsonError::Depth { at: self.at, limit: self.max_depth });
        }
        self.open.push(object);
        self.at += 1;
        if object {
            self.expect = Expect::FirstKeyOrEnd;
            Ok(Event::ObjectStart)
        } else {
            self.expect = Expect::FirstItemOrEnd;
            Ok(Event::ArrayStart)
        }
    }

    #[inline(always)]
    fn close(&mut self, event: Event<'a>) -> Result<Event<'a>, JsonError> {
        self.open.pop();
        self.at += 1;
        self.after_value();
        Ok(event)
    }

    fn after_value(&mut self) {
        self.expect = if self.open.is_empty() { Expect::Nothing } else { Expect::CommaOrEnd };
    }

    fn word(&mut self, word: &str, event: Event<'a>) -> Result<Event<'a>, JsonError> {
        if !self.rest().starts_with(word.as_bytes()) {
            return Err(self.syntax());
        }
        self.at += word.len();
        Ok(event)
    }

    #[inline(always)]
    fn string(&mut self) -> Result<Text<'a>, JsonError> {
        let text = strings::read(self.text, self.at, &mut self.specials)
            .map_err(|at| JsonError::Syntax { at })?;
        self.at += text.raw().len() + 2;
        Ok(text)
    }

    fn number(&mut self) -> Result<&'a str, JsonError> {
        let from = self.at;
        if self.peek() == Some(b'-') {
            self.at += 1;
        }
        match self.peek() {
            Some(b'0') => self.at += 1,
            _ => self.digits()?,
        }
        if self.peek() == Some(b'.') {
            self.at += 1;
            self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.at += 1;
            if let Some(b'+' | b'-') = self.peek() {
                self.at += 1;
            }
            self.digits()?;
        }
        Ok(self.text.get(from..self.at).unwrap_or_default())
    }

    fn digits(&mut self) -> Result<(), JsonError> {
        let count = self.rest().iter().take_while(|byte| byte.is_ascii_digit()).count();
        self.at += count;
        if count == 0 { Err(self.syntax()) } else { Ok(()) }
    }

    fn skip_space(&mut self) {
        while let Some(b' ' | b'\t' | b'\n' | b'\r') = self.peek() {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn rest(&self) -> &'a [u8] {
        self.text.as_bytes().get(self.at..).unwrap_or_default()
    }

    fn syntax(&self) -> JsonError {
        JsonError::Syntax { at: self.at }
    }
}
