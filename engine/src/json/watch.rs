//! One pass that serves several: a reader's events, seen by another on their way.

use super::facts::MessageFacts;
use super::{Event, JsonError, Reader};

/// Sees every event of a reader as it is read.
pub(crate) trait Watch<'a> {
    /// `reader` has just read `event`.
    fn event(&mut self, event: &Event<'a>, reader: &Reader<'a>);

    /// Whether the object that has just begun is known byte for byte, so that it need not be read again.
    fn known(&mut self, _reader: &Reader<'a>) -> Option<Known> {
        None
    }

    /// What a header tells of the message that has just ended.
    fn message(&mut self, _facts: MessageFacts) {}
}

/// An object that is known byte for byte.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Known {
    /// Where it ends, in bytes from the start of the document.
    pub(crate) end: usize,
    /// What a header tells of it, if it is a message.
    pub(crate) facts: Option<MessageFacts>,
}

/// Nobody watches.
impl<'a> Watch<'a> for () {
    fn event(&mut self, _: &Event<'a>, _: &Reader<'a>) {}
}

/// A reader, and who watches it.
pub(crate) struct Watched<'a, 'w, W> {
    reader: Reader<'a>,
    watch: &'w mut W,
    /// Of the object that began last, if it is known.
    known: Option<MessageFacts>,
}

impl<'a, 'w, W: Watch<'a>> Watched<'a, 'w, W> {
    pub(crate) fn new(reader: Reader<'a>, watch: &'w mut W) -> Self {
        Self { reader, watch, known: None }
    }

    /// As [`Reader::next_event`]; what is known to the watch is an object without members.
    pub(crate) fn next_event(&mut self) -> Result<Event<'a>, JsonError> {
        // Looked at where it stands: a processor waits before it moves what was written in parts.
        let next = self.reader.next_event();
        if let Ok(event) = &next {
            self.seen(event);
        }
        next
    }

    #[inline]
    fn seen(&mut self, event: &Event<'a>) {
        self.watch.event(event, &self.reader);
        if matches!(event, Event::ObjectStart) {
            let known = self.watch.known(&self.reader);
            self.known = known.and_then(|known| known.facts);
            if let Some(known) = known {
                self.reader.leap(known.end);
            }
        }
    }

    /// What a header tells of the object that has just begun, if it is known.
    pub(super) fn known(&self) -> Option<MessageFacts> {
        self.known
    }

    /// Tells the watch what a header tells of the message that has just ended.
    pub(super) fn message(&mut self, facts: MessageFacts) {
        self.watch.message(facts);
    }

    /// Reads on to the end of the value that `first` began.
    pub(crate) fn skip(&mut self, first: &Event<'_>) -> Result<(), JsonError> {
        if matches!(first, Event::ObjectStart | Event::ArrayStart) {
            let outside = self.reader.depth().saturating_sub(1);
            while self.reader.depth() > outside {
                self.next_event()?;
            }
        }
        Ok(())
    }

    /// Reads to the end of the document.
    pub(crate) fn finish(&mut self) -> Result<(), JsonError> {
        loop {
            match self.next_event() {
                Ok(Event::End) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
