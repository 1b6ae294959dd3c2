//! One pass that serves several: a reader's events, seen by another on their way.

use super::{Event, JsonError, Reader};

/// Sees every event of a reader as it is read.
pub(crate) trait Watch<'a> {
    /// `reader` has just read `event`.
    fn event(&mut self, event: &Event<'a>, reader: &Reader<'a>);
}

/// Nobody watches.
impl<'a> Watch<'a> for () {
    fn event(&mut self, _: &Event<'a>, _: &Reader<'a>) {}
}

/// A reader, and who watches it.
pub(crate) struct Watched<'a, 'w, W> {
    reader: Reader<'a>,
    watch: &'w mut W,
}

impl<'a, 'w, W: Watch<'a>> Watched<'a, 'w, W> {
    pub(crate) fn new(reader: Reader<'a>, watch: &'w mut W) -> Self {
        Self { reader, watch }
    }

    /// As [`Reader::next_event`].
    pub(crate) fn next_event(&mut self) -> Result<Event<'a>, JsonError> {
        let event = self.reader.next_event()?;
        self.watch.event(&event, &self.reader);
        Ok(event)
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
        while self.next_event()? != Event::End {}
        Ok(())
    }
}
