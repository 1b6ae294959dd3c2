//! Who was confirmed, who was returned, who failed.
//!
//! With a confirmation lapin hands over a returned message, but whichever came first: when the broker returns one message and then
//! confirms it together with others, any of these may get it (lapin 4.12, `acknowledgement.rs`). So nobody is told to be
//! confirmed before all confirmations that came no later have been looked at, and the owner of each return is found by
//! what was sent. lapin completes a confirmation, waking its future, before it goes on to the next: when one is seen to be complete,
//! all earlier ones are among those that have moved.

use lapin::Confirmation;
use lapin::message::BasicReturnMessage;

use super::Ledger;
use crate::outbound::failure::Failure;
use crate::outbound::slots::{Entry, State};

/// What became of a message, without what came back.
pub(super) enum Landing {
    Confirmed,
    Nacked,
    Failed(lapin::Error),
}

impl Ledger {
    /// Notes what became of a message, to be settled next.
    pub(super) fn land(&mut self, at: usize, result: lapin::Result<Confirmation>) {
        if let Some(entry) = self.slots.entry(at) {
            entry.state = State::Landed;
        }
        let (landing, returned) = match result {
            Ok(Confirmation::Ack(returned)) => (Landing::Confirmed, returned),
            Ok(Confirmation::Nack(returned)) => (Landing::Nacked, returned),
            Ok(Confirmation::NotRequested) => (Landing::Confirmed, None),
            Err(error) => (Landing::Failed(error), None),
        };
        self.done.push((at, landing));
        if let Some(returned) = returned {
            self.returned.push((at, Box::new(returned)));
        }
    }

    /// Looks at all futures that have moved, until none has, and settles those that are done.
    pub(in crate::outbound) fn settle_moved(&mut self) {
        let mut slots = std::mem::take(&mut self.looked_at);
        loop {
            self.moved.take(&mut slots);
            if slots.is_empty() {
                break;
            }
            slots.drain(..).for_each(|at| self.look(at, false));
        }
        self.looked_at = slots;
        if self.done.is_empty() {
            return;
        }
        if self.done.iter().any(|(_, landing)| matches!(landing, Landing::Failed(_))) {
            // Whether it failed alone, the others tell.
            self.watch();
        }
        for (at, returned) in std::mem::take(&mut self.returned) {
            self.give_to_owner(returned, at);
        }
        let mut done = std::mem::take(&mut self.done);
        self.settle(&mut done);
        self.done = done;
    }

    fn settle(&mut self, done: &mut Vec<(usize, Landing)>) {
        let failures = done.iter().filter(|(_, landing)| matches!(landing, Landing::Failed(_)));
        let failed = failures.count();
        let alone = failed == 1 && self.flying == done.len() && !self.lost;
        self.lost |= failed > 0 && !alone;
        for (at, landing) in done.drain(..) {
            self.flying -= 1;
            let Some(entry) = self.slots.entry(at) else { continue };
            let outcome = match (entry.returned.take(), landing) {
                (Some(message), _) => Err(Failure::Returned(message)),
                (None, Landing::Confirmed) => Ok(()),
                (None, Landing::Nacked) => Err(Failure::Nacked),
                (None, Landing::Failed(error)) => Err(Failure::of(error, entry.len, alone)),
            };
            if let Err(failure) = &outcome {
                self.tally.note(failure);
            }
            if entry.abandoned {
                self.slots.remove(at);
                self.forget(outcome);
            } else {
                entry.state = State::Settled(outcome);
            }
        }
    }

    /// Notes the return with the message that it is about; with the one that lapin gave it to where none matches.
    fn give_to_owner(&mut self, returned: Box<BasicReturnMessage>, at: usize) {
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
        let differs = |entry: &Entry| {
            let sent = entry.message.as_ref().map(|sent| &sent.properties);
            sent != Some(&returned.delivery.properties)
        };
        let alike = self.slots.entries().filter(|(_, entry)| alike(entry));
        let owner = alike.min_by_key(|(_, entry)| (differs(entry), entry.number));
        let owner = owner.map_or(at, |(at, _)| at);
        if let Some(entry) = self.slots.entry(owner) {
            entry.returned = Some(returned);
        }
    }
}
