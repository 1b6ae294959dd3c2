//! The messages of a channel that are in flight, and when each is looked at.
//!
//! Where no message can be returned and nobody waits for all of them, a confirmation is looked at only by who asks for it, which spares its
//! wake-up: the ledger is not watching. Once it has to, it looks at what is there, and watches from then on.

mod settle;

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use lapin::message::BasicReturnMessage;
use lapin::{Confirmation, PublisherConfirm};

use super::failure::{Failure, Tally};
use super::flight::{Message, Outcome};
use super::signal::Moved;
use super::slots::{Entry, Slots, State, Writing};
use settle::Landing;

/// So many futures that have written their message are kept for others: as many as publish at the same time, usually.
const KEPT: usize = 8;

/// The messages of a channel that are in flight, or settled and not yet asked for.
pub(super) struct Ledger {
    slots: Slots,
    moved: Arc<Moved>,
    published: u64,
    flying: usize,
    watching: bool,
    /// The channel has failed with several messages in flight.
    lost: bool,
    unclaimed: Vec<BasicReturnMessage>,
    tally: Arc<Tally>,
    /// Done with, kept for their room.
    writings: Vec<Writing>,
    /// Empty between calls, kept for their room.
    looked_at: Vec<usize>,
    done: Vec<(usize, Landing)>,
    /// What came with the confirmation of a slot; empty between calls.
    returned: Vec<(usize, Box<BasicReturnMessage>)>,
}

impl Ledger {
    pub(super) fn new(tally: Arc<Tally>, moved: Arc<Moved>) -> Self {
        Self {
            slots: Slots::default(),
            moved,
            published: 0,
            flying: 0,
            watching: false,
            lost: false,
            unclaimed: Vec::new(),
            tally,
            writings: Vec::new(),
            looked_at: Vec::new(),
            done: Vec::new(),
            returned: Vec::new(),
        }
    }

    /// Takes the message's place in the order of calls: the first look puts its frames in lapin's queue. `kept` is the message, where the
    /// broker may return it.
    pub(super) fn publish<F>(
        &mut self,
        len: usize,
        kept: Option<Box<Message>>,
        publish: impl FnOnce() -> F,
    ) -> usize
    where
        F: Future<Output = lapin::Result<PublisherConfirm>> + Send + 'static,
    {
        let writing = match self.writings.pop() {
            Some(mut writing) => {
                writing.set(publish());
                writing
            }
            None => Writing::new(publish()),
        };
        if kept.is_some() {
            self.watch();
        }
        self.published += 1;
        let entry = Entry {
            number: self.published,
            len,
            message: kept,
            returned: None,
            abandoned: false,
            written: false,
            state: State::Writing(writing),
        };
        let at = self.slots.add(entry, &self.moved);
        self.flying += 1;
        self.look(at, false);
        self.settle_moved();
        at
    }

    pub(super) fn flying(&self) -> usize {
        self.flying
    }

    /// What `look` finds; where that is nothing yet, who waits is woken when the message moves.
    pub(super) fn once<T>(
        &mut self,
        at: usize,
        waker: &Waker,
        look: impl Fn(&mut Self) -> Option<T>,
    ) -> Poll<T> {
        if let Some(found) = look(self) {
            return Poll::Ready(found);
        }
        if let Some(slot) = self.slots.slot(at) {
            slot.signal.owner.register(waker);
        }
        // It may have moved since.
        look(self).map_or(Poll::Pending, Poll::Ready)
    }

    pub(super) fn unregister(&mut self, at: usize) {
        if let Some(slot) = self.slots.slot(at) {
            slot.signal.owner.take();
        }
    }

    /// Whether the message is written to the connection; false when it is settled without.
    pub(super) fn is_written(&mut self, at: usize) -> Option<bool> {
        let entry = self.slots.entry(at)?;
        let settled = matches!(entry.state, State::Settled(_));
        (entry.written || settled).then_some(entry.written)
    }

    /// The outcome, once; whoever asks for it looks at the confirmation.
    pub(super) fn ask(&mut self, at: usize) -> Option<Outcome> {
        if !self.watching
            && let Some(result) = self.confirmed(at)
        {
            // As nothing can have come back, nobody else need be looked at.
            if let Ok(Confirmation::Ack(None)) = result {
                self.flying -= 1;
                self.unregister(at);
                self.slots.remove(at);
                return Some(Ok(()));
            }
            self.land(at, result);
        }
        self.look(at, true);
        self.settle_moved();
        self.take_outcome(at)
    }

    fn confirmed(&mut self, at: usize) -> Option<lapin::Result<Confirmation>> {
        let slot = self.slots.slot(at)?;
        let State::Confirming(confirm) = &mut slot.entry.as_mut()?.state else { return None };
        match Pin::new(confirm).poll(&mut Context::from_waker(&slot.waker)) {
            Poll::Ready(result) => Some(result),
            Poll::Pending => None,
        }
    }

    pub(super) fn take_outcome(&mut self, at: usize) -> Option<Outcome> {
        if !matches!(self.slots.entry(at)?.state, State::Settled(_)) {
            return None;
        }
        self.unregister(at);
        let State::Settled(outcome) = self.slots.remove(at)?.state else { return None };
        Some(outcome)
    }

    pub(super) fn take_unclaimed(&mut self) -> Vec<BasicReturnMessage> {
        std::mem::take(&mut self.unclaimed)
    }

    /// Nobody will ask for this message.
    pub(super) fn abandon(&mut self, at: usize) {
        self.unregister(at);
        if let Some(outcome) = self.take_outcome(at) {
            return self.forget(outcome);
        }
        if let Some(entry) = self.slots.entry(at) {
            entry.abandoned = true;
            self.look(at, false);
            self.settle_moved();
        }
    }

    fn forget(&mut self, outcome: Outcome) {
        if let Err(Failure::Returned(message)) = outcome {
            self.unclaimed.push(*message);
        }
    }

    /// From now on each confirmation is looked at when it comes, and those under way at once; they are settled next.
    pub(super) fn watch(&mut self) {
        if !std::mem::replace(&mut self.watching, true) {
            (0..self.slots.len()).for_each(|at| self.look(at, true));
        }
    }

    /// Looks at a message's future: at that of its confirmation if this is `asked` for, or the ledger watches, or else nobody ever would.
    fn look(&mut self, at: usize, asked: bool) {
        let Some(slot) = self.slots.slot(at) else { return };
        let Some(entry) = &mut slot.entry else { return };
        let mut cx = Context::from_waker(&slot.waker);
        if let State::Writing(writing) = &mut entry.state {
            let Poll::Ready(written) = writing.poll(&mut cx) else { return };
            let state = match written {
                Ok(confirm) => {
                    entry.written = true;
                    State::Confirming(confirm)
                }
                Err(error) => {
                    self.done.push((at, Landing::Failed(error)));
                    State::Landed
                }
            };
            if let State::Writing(writing) = std::mem::replace(&mut entry.state, state)
                && self.writings.len() < KEPT
            {
                self.writings.push(writing);
            }
        }
        if (asked || self.watching || entry.abandoned)
            && let Some(result) = self.confirmed(at)
        {
            self.land(at, result);
        }
    }
}
