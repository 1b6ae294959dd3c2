//! Where a string stands, as a JSON pointer (RFC 6901): told only of those in which something was found, by reading on from the one before.

use crate::json::{Event, Reader, Text};

/// The step from a container to one of its values.
#[derive(Debug, Clone, Copy)]
pub(super) enum Step<'a> {
    Member(Text<'a>),
    Item(usize),
}

/// The longest pointer in bytes; the rest of a longer one is left out, so that a long name is not copied for each finding below it.
const LONGEST: usize = 1024;

/// The pointer that leads by these steps.
pub(super) fn pointer<'a>(steps: impl Iterator<Item = Step<'a>>) -> String {
    let mut pointer = String::new();
    for step in steps {
        pointer.push('/');
        match step {
            Step::Item(index) => pointer.push_str(&index.to_string()),
            Step::Member(name) => {
                for char in name.start(LONGEST).unescaped().chars() {
                    match char {
                        '~' => pointer.push_str("~0"),
                        '/' => pointer.push_str("~1"),
                        char => pointer.push(char),
                    }
                }
            }
        }
        if pointer.len() > LONGEST {
            pointer.truncate(pointer.floor_char_boundary(LONGEST));
            break;
        }
    }
    pointer
}

/// Tells the places of a document's strings, in the order of the document.
#[derive(Debug)]
pub(super) struct Places<'a> {
    reader: Reader<'a>,
    /// For each open container, the step to the value that is being read; none before its first.
    open: Vec<Option<Step<'a>>>,
}

impl<'a> Places<'a> {
    /// Of the document that `reader` is about to read.
    pub(super) fn new(reader: Reader<'a>) -> Self {
        Self { reader, open: Vec::new() }
    }

    /// The pointer of the string, or of the member with the name, that begins at byte `start`, which is no earlier than the one before.
    pub(super) fn pointer(&mut self, start: usize) -> String {
        while self.reader.range().start < start {
            if !self.read() {
                return String::new();
            }
        }
        pointer(self.open.iter().copied().flatten())
    }

    /// Reads on; `false` where there is nothing more to read.
    fn read(&mut self) -> bool {
        let Ok(event) = self.reader.next_event() else { return false };
        match (event, self.open.last_mut()) {
            (Event::Key(name), Some(step)) => *step = Some(Step::Member(name)),
            (Event::ObjectEnd | Event::ArrayEnd | Event::End, _) => {}
            (_, Some(step)) => {
                *step = match step {
                    Some(Step::Member(name)) => Some(Step::Member(*name)),
                    Some(Step::Item(index)) => Some(Step::Item(*index + 1)),
                    None => Some(Step::Item(0)),
                }
            }
            (_, None) => {}
        }
        match event {
            Event::ObjectStart | Event::ArrayStart => self.open.push(None),
            Event::ObjectEnd | Event::ArrayEnd => _ = self.open.pop(),
            _ => {}
        }
        event != Event::End
    }
}
