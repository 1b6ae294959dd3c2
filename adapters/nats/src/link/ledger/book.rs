//! Which deliveries are in work, which are done with, and which of those the server knows of.

use std::collections::{BTreeMap, BTreeSet};

use async_nats::Subject;

/// How many messages are remembered that were refused or dropped, and may never come again (a consumer can give them up).
const UNACKED: usize = 65_536;
/// How many messages are remembered whose acknowledgement was confirmed: a server that is killed forgets those of the last tenth of a
/// second.
const DONE: usize = 16_384;

/// One message, by its sequence in the stream.
#[derive(Debug, Clone)]
pub(super) struct Entry {
    /// Of its own, so that what is said about an earlier message with the same sequence (the stream was made anew) is not taken for this.
    pub(super) number: u64,
    /// When it was published, in nanoseconds.
    pub(super) published: i128,
    /// Where its latest delivery is to be acknowledged.
    pub(super) reply: Subject,
    /// Whether the server was told of its acknowledgement, and did not confirm it.
    tried: bool,
}

/// How an acknowledgement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// The server has confirmed it.
    Confirmed,
    /// The server was told, and did not confirm it; it will be told again.
    Unconfirmed,
    /// The server can be told now.
    Due,
    /// Something before it is still in work.
    Waiting,
}

/// A message is handed out once, and again only when it was refused or dropped.
#[derive(Debug, Default)]
pub(super) struct Book {
    next: u64,
    /// Handed out, not settled.
    working: BTreeMap<u64, Entry>,
    /// Acknowledged by the application, the server not told.
    given: BTreeMap<u64, Entry>,
    /// The server is being told.
    telling: BTreeMap<u64, Entry>,
    /// The server has confirmed it; when it was published.
    done: BTreeMap<u64, i128>,
    /// Delivered, and not known to the server as acknowledged; refused and dropped ones included.
    unacked: BTreeSet<u64>,
    /// The highest sequence that was delivered.
    last: Option<u64>,
}

impl Book {
    /// A delivery came. Gives the number of its entry when it is to be handed out; `None` when the message is in work here already, or
    /// done with: it came again because the server did not hear of that, or has forgotten it.
    pub(super) fn enter(&mut self, sequence: u64, published: i128, reply: Subject) -> Option<u64> {
        if self.done.get(&sequence) == Some(&published) {
            self.done.remove(&sequence);
            let number = self.number();
            self.given.insert(sequence, Entry { number, published, reply, tried: false });
            return None;
        }
        for map in [&mut self.working, &mut self.given, &mut self.telling] {
            match map.get_mut(&sequence) {
                Some(entry) if entry.published == published => {
                    entry.reply = reply;
                    return None;
                }
                // Of a stream that is no more.
                Some(_) => drop(map.remove(&sequence)),
                None => {}
            }
        }
        let number = self.number();
        self.working.insert(sequence, Entry { number, published, reply, tried: false });
        self.unacked.insert(sequence);
        if self.unacked.len() > UNACKED {
            self.unacked.pop_first();
        }
        self.last = self.last.max(Some(sequence));
        Some(number)
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    /// The application is done with a message.
    pub(super) fn give(&mut self, sequence: u64, number: u64) {
        if let Some(entry) = take(&mut self.working, sequence, number) {
            self.given.insert(sequence, entry);
        }
    }

    /// The application refuses a message, or has dropped it; gives where to say so.
    pub(super) fn refuse(&mut self, sequence: u64, number: u64) -> Option<Subject> {
        take(&mut self.working, sequence, number).map(|entry| entry.reply)
    }

    /// What the server is to be told now, in the stream's order: up to the first message that is still in work where `in_order`, so that
    /// after a crash everything behind that one comes again, in order.
    pub(super) fn due(&mut self, in_order: bool) -> Vec<(u64, Entry)> {
        let kept = match self.working.first_key_value() {
            Some((first, _)) if in_order => self.given.split_off(first),
            _ => BTreeMap::new(),
        };
        let due: Vec<(u64, Entry)> = std::mem::replace(&mut self.given, kept).into_iter().collect();
        self.telling.extend(due.iter().cloned());
        due
    }

    /// How the acknowledgement of a message stands that was given.
    pub(super) fn standing(&self, sequence: u64, number: u64, in_order: bool) -> Standing {
        match self.given.get(&sequence).filter(|entry| entry.number == number) {
            None => Standing::Confirmed,
            Some(entry) if entry.tried => Standing::Unconfirmed,
            Some(_) => match self.working.first_key_value() {
                Some((first, _)) if in_order && *first < sequence => Standing::Waiting,
                _ => Standing::Due,
            },
        }
    }

    /// The server has confirmed an acknowledgement, or has not.
    pub(super) fn told(&mut self, sequence: u64, number: u64, confirmed: bool) {
        let Some(mut entry) = take(&mut self.telling, sequence, number) else { return };
        entry.tried = !confirmed;
        if confirmed {
            self.unacked.remove(&sequence);
            self.done.insert(sequence, entry.published);
            if self.done.len() > DONE {
                self.done.pop_first();
            }
        } else {
            self.given.insert(sequence, entry);
        }
    }

    /// Where to say that work goes on.
    pub(super) fn replies(&self) -> Vec<Subject> {
        let entries = self.working.values().chain(self.given.values());
        entries.map(|entry| entry.reply.clone()).collect()
    }

    /// A consumer was found that had delivered up to this sequence. A new one is to deliver again what was done with.
    pub(super) fn found(&mut self, delivered: u64, new: bool) {
        self.last.get_or_insert(delivered);
        if new {
            self.done.clear();
        }
    }

    /// The highest sequence that was delivered; `None` before a consumer was found.
    pub(super) fn reached(&self) -> Option<u64> {
        self.last
    }

    /// The first sequence that is not done with; `None` before a consumer was found.
    pub(super) fn resume(&self) -> Option<u64> {
        self.unacked.first().copied().or(self.last.map(|last| last.saturating_add(1)))
    }
}

fn take(map: &mut BTreeMap<u64, Entry>, sequence: u64, number: u64) -> Option<Entry> {
    map.get(&sequence).filter(|entry| entry.number == number)?;
    map.remove(&sequence)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "a failed test may panic")]
    use super::*;

    fn enter(book: &mut Book, sequence: u64, reply: &'static str) -> Option<u64> {
        book.enter(sequence, i128::from(sequence), Subject::from_static(reply))
    }

    fn due(book: &mut Book, in_order: bool) -> Vec<u64> {
        book.due(in_order).into_iter().map(|(sequence, _)| sequence).collect()
    }

    #[test]
    fn the_server_is_told_in_the_streams_order() {
        let mut book = Book::default();
        let numbers: Vec<u64> = (1..=4).map(|n| enter(&mut book, n, "r").unwrap()).collect();
        for sequence in [2, 4, 1] {
            assert!(due(&mut book, true).is_empty());
            book.give(sequence, numbers[usize::try_from(sequence).unwrap() - 1]);
        }
        let standing = |book: &Book, sequence: u64| {
            book.standing(sequence, numbers[usize::try_from(sequence).unwrap() - 1], true)
        };
        assert_eq!((standing(&book, 1), standing(&book, 4)), (Standing::Due, Standing::Waiting));
        assert_eq!(due(&mut book, true), [1, 2]);
        assert!(due(&mut book, true).is_empty(), "they are being told already");
        book.told(1, numbers[0], true);
        book.told(2, numbers[1], false);
        assert_eq!(standing(&book, 1), Standing::Confirmed);
        assert_eq!(standing(&book, 2), Standing::Unconfirmed);
        assert_eq!(due(&mut book, true), [2], "it was not confirmed");
        assert_eq!(due(&mut book, false), [4], "where the order does not matter");
        assert_eq!((book.replies().len(), book.resume()), (1, Some(2)));
    }

    #[test]
    fn what_is_refused_holds_nobody_up() {
        let mut book = Book::default();
        let first = enter(&mut book, 1, "first").unwrap();
        let second = enter(&mut book, 2, "second").unwrap();
        book.give(2, second);
        assert_eq!(book.refuse(1, first).as_deref(), Some("first"));
        assert_eq!(due(&mut book, true), [2]);
        book.told(2, second, true);
        assert_eq!(book.resume(), Some(1), "the first one is to come again");
        assert!(enter(&mut book, 1, "again").is_some());
    }

    #[test]
    fn what_comes_again_is_handed_out_once() {
        let mut book = Book::default();
        let number = enter(&mut book, 7, "first").unwrap();
        assert_eq!(enter(&mut book, 7, "second"), None, "in work");
        assert_eq!(book.replies(), [Subject::from_static("second")]);
        book.give(7, number);
        assert_eq!(enter(&mut book, 7, "third"), None, "done with");
        let told: Vec<_> = book.due(true).into_iter().map(|(_, entry)| entry.reply).collect();
        assert_eq!(told, [Subject::from_static("third")]);
        book.told(7, number, true);
        assert_eq!(enter(&mut book, 7, "fourth"), None, "the server has forgotten it");
        let told: Vec<_> = book.due(true).into_iter().map(|(_, entry)| entry.number).collect();
        book.told(7, *told.first().unwrap(), true);
        book.found(0, true);
        assert!(enter(&mut book, 7, "fifth").is_some(), "a new consumer is to deliver all again");
    }

    #[test]
    fn a_stream_made_anew_has_other_messages() {
        let mut book = Book::default();
        book.found(0, true);
        let old = enter(&mut book, 1, "old").unwrap();
        let new = book.enter(1, 99, Subject::from_static("new")).unwrap();
        book.give(1, old);
        assert!(due(&mut book, true).is_empty(), "said of the old one");
        assert_eq!(book.refuse(1, old), None);
        book.give(1, new);
        assert_eq!(due(&mut book, true), [1]);
    }
}
