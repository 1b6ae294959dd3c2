//! What was sent, what has to arrive where, and what did.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::hash::{BuildHasher, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use crate::figures::Figures;
use crate::traffic::Message;

/// The header that names a message; its value is the number that the ledger gave it.
pub(crate) const ID: &str = "demo-id";

/// Shared by producers, consumers and the table.
#[derive(Debug)]
pub(crate) struct Ledger {
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    figures: Figures,
    entries: Vec<Entry>,
    /// How many messages were delivered, repeated ones included.
    deliveries: usize,
    fingerprints: RandomState,
}

#[derive(Debug)]
struct Entry {
    producer: usize,
    destination: usize,
    conversation: String,
    /// Bytes of the payload.
    len: usize,
    content: Content,
    /// Seen on the bus.
    seen: bool,
    /// Which delivery was the last one of this message: order is judged on last copies.
    delivered: Option<usize>,
}

/// The bytes of a message until they have been compared, then what is enough to recognise them when they come again.
#[derive(Debug)]
enum Content {
    Awaited(Bytes),
    Arrived { fingerprint: u64 },
}

impl Ledger {
    pub(crate) fn new(figures: Figures) -> Self {
        Self { book: Mutex::new(Book { figures, ..Book::default() }) }
    }

    pub(crate) fn figures(&self) -> Figures {
        self.lock().figures.clone()
    }

    /// Enters a message that is about to be sent, and gives it its number.
    pub(crate) fn enter(&self, producer: usize, destination: usize, message: &Message) -> usize {
        let mut book = self.lock();
        book.entries.push(Entry {
            producer,
            destination,
            conversation: message.conversation.clone(),
            len: message.payload.len(),
            content: Content::Awaited(message.payload.clone()),
            seen: false,
            delivered: None,
        });
        book.entries.len() - 1
    }

    /// The bus has taken it.
    pub(crate) fn sent(&self, producer: usize) {
        if let Some(producer) = self.lock().figures.producers.get_mut(producer) {
            producer.sent += 1;
        }
    }

    /// A scanner's policy refused it.
    pub(crate) fn blocked(&self, producer: usize) {
        if let Some(producer) = self.lock().figures.producers.get_mut(producer) {
            producer.blocked += 1;
        }
    }

    /// The engine refused it for its length.
    pub(crate) fn too_long(&self, producer: usize) {
        if let Some(producer) = self.lock().figures.producers.get_mut(producer) {
            producer.too_long += 1;
        }
    }

    /// It could not be sent.
    pub(crate) fn unsent(&self, error: &anyhow::Error) {
        let faults = &mut self.lock().figures.faults;
        faults.unsent += 1;
        faults.first_error.get_or_insert_with(|| format!("{error:#}"));
    }

    /// It was seen on the bus, as the bus carries it.
    pub(crate) fn seen(&self, id: Option<&str>, wire: usize, framed: bool, flagged: bool) {
        let Book { figures, entries, .. } = &mut *self.lock();
        let Some(entry) = entry(entries, id).filter(|entry| !entry.seen) else { return };
        entry.seen = true;
        if let Some(producer) = figures.producers.get_mut(entry.producer) {
            producer.seen += 1;
            producer.raw += entry.len;
            producer.wire += wire;
            producer.framed += usize::from(framed);
            producer.flagged += usize::from(flagged);
        }
        if let Some(destination) = figures.destinations.get_mut(entry.destination) {
            destination.wire += wire;
        }
    }

    /// A consumer at `destination` got it, and opened it.
    pub(crate) fn arrived(&self, destination: usize, id: Option<&str>, payload: &[u8]) {
        let Book { figures, entries, deliveries, fingerprints } = &mut *self.lock();
        let faults = &mut figures.faults;
        let (Some(entry), Some(arrived)) =
            (entry(entries, id), figures.destinations.get_mut(destination))
        else {
            faults.unknown += 1;
            return;
        };
        *deliveries += 1;
        entry.delivered = Some(*deliveries);
        let fingerprint = fingerprints.hash_one(payload);
        match &entry.content {
            // At least once: to come again is no fault, to come differently is.
            Content::Arrived { fingerprint: first } => {
                arrived.again += 1;
                faults.altered += usize::from(*first != fingerprint);
            }
            Content::Awaited(sent) => {
                let (whole, here) = (sent == payload, entry.destination == destination);
                arrived.arrived += 1;
                arrived.verified += usize::from(whole && here);
                faults.altered += usize::from(!whole);
                faults.misrouted += usize::from(!here);
            }
        }
        entry.content = Content::Arrived { fingerprint };
    }

    /// Something came that could not be opened.
    pub(crate) fn unreadable(&self) {
        self.lock().figures.faults.unknown += 1;
    }

    /// How many messages came to a destination after a later one of their conversation.
    pub(crate) fn reordered(&self) -> usize {
        let book = self.lock();
        let mut last: HashMap<(usize, &str), usize> = HashMap::new();
        let delivered = book.entries.iter().filter_map(|entry| Some((entry, entry.delivered?)));
        let late = delivered.filter(|(entry, delivered)| {
            let before = last.insert((entry.destination, &entry.conversation), *delivered);
            before.is_some_and(|before| before > *delivered)
        });
        late.count()
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry<'a>(entries: &'a mut [Entry], id: Option<&str>) -> Option<&'a mut Entry> {
    entries.get_mut(id?.parse::<usize>().ok()?)
}
