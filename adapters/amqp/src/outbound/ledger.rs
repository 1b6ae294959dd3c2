//! Who was confirmed, who was returned, who failed.
//!
//! With a confirmation lapin hands over a returned message, but whichever came first: when the broker returns one message and then
//! confirms it together with others, any of these may get it (lapin 4.12, `acknowledgement.rs`). So nobody is told to be
//! confirmed before all confirmations that came no later have been looked at, and the owner of each return is found by
//! what was sent. lapin completes a confirmation, waking its future, before it goes on to the next: when one is seen to be complete,
//! all earlier ones are among those that have moved.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use futures_util::future::BoxFuture;
use lapin::Confirmation;
use lapin::message::BasicReturnMessage;

use super::failure::{Failure, Tally};
use super::flight::{Message, Outcome};
use super::signal::{Moved, Signal};

struct Entry {
    /// Bytes of its payload.
    len: usize,
    /// The message, where the broker may return it.
    message: Option<Box<Message>>,
    signal: Arc<Signal>,
    returned: Option<Box<BasicReturnMessage>>,
    abandoned: bool,
    state: State,
}

enum State {
    Flying(BoxFuture<'static, lapin::Result<Confirmation>>),
    /// Looked at, and about to be settled.
    Landed,
    Settled(Outcome),
}

/// The messages of a channel that are in flight, or settled and not yet asked for.
pub(super) struct Ledger {
    next: u64,
    entries: BTreeMap<u64, Entry>,
    flying: usize,
    /// The channel has failed with several messages in flight.
    lost: bool,
    unclaimed: Vec<BasicReturnMessage>,
    tally: Arc<Tally>,
    /// Empty between calls, kept for their room.
    ids: Vec<u64>,
    done: Vec<(u64, lapin::Result<Confirmation>)>,
}

impl Ledger {
    pub(super) fn new(tally: Arc<Tally>) -> Self {
        Self {
            next: 0,
            entries: BTreeMap::new(),
            flying: 0,
            lost: false,
            unclaimed: Vec::new(),
            tally,
            ids: Vec::new(),
            done: Vec::new(),
        }
    }

    pub(super) fn next_id(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub(super) fn add(
        &mut self,
        id: u64,
        len: usize,
        message: Option<Box<Message>>,
        signal: Arc<Signal>,
        publish: BoxFuture<'static, lapin::Result<Confirmation>>,
    ) {
        let state = State::Flying(publish);
        let entry = Entry { len, message, signal, returned: None, abandoned: false, state };
        self.entries.insert(id, entry);
        self.flying += 1;
    }

    pub(super) fn flying(&self) -> usize {
        self.flying
    }

    /// Whether the message is written to the connection; false when it is settled without.
    pub(super) fn is_written(&self, id: u64) -> Option<bool> {
        let entry = self.entries.get(&id)?;
        let written = entry.signal.is_written();
        (written || matches!(entry.state, State::Settled(_))).then_some(written)
    }

    pub(super) fn take_outcome(&mut self, id: u64) -> Option<Outcome> {
        let settled = self.entries.get(&id).is_some_and(|e| matches!(e.state, State::Settled(_)));
        let entry = if settled { self.entries.remove(&id)? } else { return None };
        let State::Settled(outcome) = entry.state else { return None };
        Some(outcome)
    }

    pub(super) fn take_unclaimed(&mut self) -> Vec<BasicReturnMessage> {
        std::mem::take(&mut self.unclaimed)
    }

    /// Nobody will ask for this message.
    pub(super) fn abandon(&mut self, id: u64) {
        match self.take_outcome(id) {
            Some(outcome) => self.forget(outcome),
            None => {
                if let Some(entry) = self.entries.get_mut(&id) {
                    entry.abandoned = true;
                }
            }
        }
    }

    fn forget(&mut self, outcome: Outcome) {
        if let Err(Failure::Returned(message)) = outcome {
            self.unclaimed.push(*message);
        }
    }

    /// Looks at all futures that have moved, until none has, and settles those that are done.
    pub(super) fn settle_moved(&mut self, moved: &Moved) {
        let mut ids = std::mem::take(&mut self.ids);
        let mut done = std::mem::take(&mut self.done);
        loop {
            moved.take(&mut ids);
            if ids.is_empty() {
                break;
            }
            for id in ids.drain(..) {
                let Some(entry) = self.entries.get_mut(&id) else { continue };
                let State::Flying(future) = &mut entry.state else { continue };
                let waker = Waker::from(Arc::clone(&entry.signal));
                if let Poll::Ready(result) = Pin::new(future).poll(&mut Context::from_waker(&waker))
                {
                    entry.state = State::Landed;
                    done.push((id, result));
                }
            }
        }
        self.settle(&mut done);
        (self.ids, self.done) = (ids, done);
    }

    fn settle(&mut self, done: &mut Vec<(u64, lapin::Result<Confirmation>)>) {
        for (id, result) in done.iter_mut() {
            if let Ok(Confirmation::Ack(returned) | Confirmation::Nack(returned)) = result
                && let Some(message) = returned.take()
            {
                self.give_to_owner(message, *id);
            }
        }
        let failed = done.iter().filter(|(_, result)| result.is_err()).count();
        let alone = failed == 1 && self.flying == done.len() && !self.lost;
        self.lost |= failed > 0 && !alone;
        for (id, result) in done.drain(..) {
            self.flying -= 1;
            let Some(entry) = self.entries.get_mut(&id) else { continue };
            let outcome = match (entry.returned.take(), result) {
                (Some(message), _) => Err(Failure::Returned(message)),
                (None, Ok(Confirmation::Nack(_))) => Err(Failure::Nacked),
                (None, Ok(_)) => Ok(()),
                (None, Err(error)) => Err(Failure::of(error, entry.len, alone)),
            };
            if let Err(failure) = &outcome {
                self.tally.note(failure);
            }
            if entry.abandoned {
                self.entries.remove(&id);
                self.forget(outcome);
            } else {
                entry.state = State::Settled(outcome);
            }
        }
    }

    /// Notes the return with the message that it is about; with the one that lapin gave it to where none matches.
    fn give_to_owner(&mut self, returned: BasicReturnMessage, id: u64) {
        let alike = |entry: &Entry| {
            let back = &returned.delivery;
            !matches!(entry.state, State::Settled(_))
                && entry.returned.is_none()
                && entry.message.as_ref().is_some_and(|sent| {
                    sent.exchange == back.exchange
                        && sent.routing_key == back.routing_key
                        && sent.payload == back.data
                })
        };
        // Brokers may change properties (a reply address, say), so that equal ones are only the better match.
        let equal = |entry: &Entry| {
            let sent = entry.message.as_ref().map(|sent| &sent.properties);
            sent == Some(&returned.delivery.properties)
        };
        let mut owner = None;
        for (id, entry) in self.entries.iter().filter(|(_, entry)| alike(entry)) {
            if equal(entry) {
                owner = Some(*id);
                break;
            }
            owner = owner.or(Some(*id));
        }
        if let Some(entry) = self.entries.get_mut(&owner.unwrap_or(id)) {
            entry.returned = Some(Box::new(returned));
        }
    }
}
