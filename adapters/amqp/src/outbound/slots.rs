//! Where the messages of a channel are kept while they are in flight. What a slot is made of stays for the next message.

use std::sync::Arc;
use std::task::Waker;

use lapin::PublisherConfirm;
use lapin::message::BasicReturnMessage;
use tokio_util::sync::ReusableBoxFuture;

use super::flight::{Message, Outcome};
use super::signal::{Moved, Signal};

/// lapin's own publish, until the message is written to the connection.
pub(super) type Writing = ReusableBoxFuture<'static, lapin::Result<PublisherConfirm>>;

/// A message in flight, or settled and not yet asked for.
pub(super) struct Entry {
    /// Its place in the order of calls.
    pub(super) number: u64,
    /// Bytes of its payload.
    pub(super) len: usize,
    /// The message, where the broker may return it.
    pub(super) message: Option<Box<Message>>,
    pub(super) returned: Option<Box<BasicReturnMessage>>,
    /// Nobody will ask for it.
    pub(super) abandoned: bool,
    pub(super) written: bool,
    pub(super) state: State,
}

pub(super) enum State {
    Writing(Writing),
    Confirming(PublisherConfirm),
    /// Looked at, and about to be settled.
    Landed,
    Settled(Outcome),
}

pub(super) struct Slot {
    pub(super) signal: Arc<Signal>,
    /// Of the signal.
    pub(super) waker: Waker,
    pub(super) entry: Option<Entry>,
}

/// Slots, which are named by their index. One that is free may still be woken by what was in it before.
#[derive(Default)]
pub(super) struct Slots {
    slots: Vec<Slot>,
    free: Vec<usize>,
}

impl Slots {
    pub(super) fn add(&mut self, entry: Entry, moved: &Arc<Moved>) -> usize {
        let at = self.free.pop().unwrap_or_else(|| {
            let signal = Arc::new(Signal::new(self.slots.len(), Arc::clone(moved)));
            let waker = Waker::from(Arc::clone(&signal));
            self.slots.push(Slot { signal, waker, entry: None });
            self.slots.len() - 1
        });
        if let Some(slot) = self.slots.get_mut(at) {
            slot.entry = Some(entry);
        }
        at
    }

    pub(super) fn slot(&mut self, at: usize) -> Option<&mut Slot> {
        self.slots.get_mut(at)
    }

    pub(super) fn entry(&mut self, at: usize) -> Option<&mut Entry> {
        self.slots.get_mut(at)?.entry.as_mut()
    }

    pub(super) fn remove(&mut self, at: usize) -> Option<Entry> {
        let entry = self.slots.get_mut(at)?.entry.take()?;
        self.free.push(at);
        Some(entry)
    }

    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// All that are taken, in no order.
    pub(super) fn entries(&self) -> impl Iterator<Item = (usize, &Entry)> {
        self.slots.iter().enumerate().filter_map(|(at, slot)| Some((at, slot.entry.as_ref()?)))
    }
}
