//! One pass that serves several: a reader's events, seen by another on their way.

use std::sync::Arc;

use super::facts::MessageFacts;
use super::{Event, JsonError, Reader};

/// Sees every event of a reader as it is read.
pub(crate) trait Watch<'a> {
    /// `reader` has just read `event`.
    fn event(&mut self, event: &Event<'a>, reader: &Reader<'a>);

    /// Whether the object that has just begun is known byte for byte, alone or with some that follow it, so that it need not be read again.
    fn known(&mut self, _reader: &Reader<'a>) -> Option<Known> {
        None
    }

    /// What a header tells of the message that has just ended.
    fn message(&mut self, _facts: MessageFacts) {}
}

/// An object that is known byte for byte, or a row of them with what stands between.
#[derive(Debug, Clone)]
pub(crate) struct Known {
    /// Where it ends, in bytes from the start of the document.
    pub(crate) end: usize,
    /// What a header tells of it.
    pub(crate) facts: KnownFacts,
}

/// What a header tells of messages that are known.
#[derive(Debug, Clone, Default)]
pub(crate) enum KnownFacts {
    /// It is not known.
    #[default]
    None,
    One(MessageFacts),
    Row(Arc<[MessageFacts]>),
}

impl KnownFacts {
    /// In the order of the messages.
    pub(super) fn all(&self) -> &[MessageFacts] {
        match self {
            Self::None => &[],
            Self::One(facts) => std::slice::from_ref(facts),
            Self::Row(facts) => facts,
        }
    }
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
    known: KnownFacts,
}

impl<'a, 'w, W: Watch<'a>> Watched<'a, 'w, W> {
    pub(crate) fn new(reader: Reader<'a>, watch: &'w mut W) -> Self {
        Self { reader, watch, known: KnownFacts::None }
    }

    /// As [`Reader::next_event`]; what is known to the watch is an object without members.
    pub(crate) fn next_event(&mut self) -> Result<Event<'a>, JsonError> {
        self.read_event()
    }

    /// As [`Watched::next_event`], for loops over many.
    #[inline(always)]
    fn read_event(&mut self) -> Result<Event<'a>, JsonError> {
        // Looked at where it stands: a processor waits before it moves what was written in parts.
        let next = self.reader.read_event();
        if let Ok(event) = &next {
            self.seen(event);
        }
        next
    }

    #[inline(always)]
    fn seen(&mut self, event: &Event<'a>) {
        self.watch.event(event, &self.reader);
        if matches!(event, Event::ObjectStart) {
            self.known = KnownFacts::None;
            if let Some(known) = self.watch.known(&self.reader) {
                self.known = known.facts;
                self.reader.leap(known.end);
            }
        }
    }

    /// What a header tells of the object that has just begun, and of those that are known with it.
    pub(super) fn known(&mut self) -> KnownFacts {
        std::mem::take(&mut self.known)
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
                self.read_event()?;
            }
        }
        Ok(())
    }

    /// Reads to the end of the document.
    pub(crate) fn finish(&mut self) -> Result<(), JsonError> {
        loop {
            match self.read_event() {
                Ok(Event::End) => return Ok(()),
                Ok(_) => {}
                Err(error) => return Err(error),
            }
        }
    }
}
