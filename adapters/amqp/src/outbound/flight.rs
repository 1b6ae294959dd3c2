//! The messages in flight on a channel, each with the future that lapin gave for it.
//!
//! Whoever waits for one of them looks after all that have moved: see [`super::ledger`] and its `settle.rs` for the reason.

use std::fmt;
use std::future::poll_fn;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use bytes::Bytes;
use lapin::BasicProperties;
use lapin::message::BasicReturnMessage;
use lapin::options::BasicPublishOptions;
use lapin::types::ShortString;

use super::failure::{Failure, Tally};
use super::ledger::Ledger;
use super::signal::Moved;

/// A message as it goes out.
#[derive(Debug, Clone)]
pub(crate) struct Message {
    pub(crate) exchange: ShortString,
    pub(crate) routing_key: ShortString,
    pub(crate) options: BasicPublishOptions,
    pub(crate) payload: Bytes,
    pub(crate) properties: BasicProperties,
}

/// Confirmed, or why not.
pub(crate) type Outcome = Result<(), Failure>;

/// Publishes on one channel in confirm mode, in the order of calls.
#[derive(Clone)]
pub(crate) struct Flights(Arc<Inner>);

struct Inner {
    channel: Arc<lapin::Channel>,
    ledger: Mutex<Ledger>,
    moved: Arc<Moved>,
}

impl Flights {
    pub(crate) fn new(channel: lapin::Channel, tally: Arc<Tally>) -> Self {
        let moved = Arc::<Moved>::default();
        let ledger = Mutex::new(Ledger::new(tally, Arc::clone(&moved)));
        Self(Arc::new(Inner { channel: Arc::new(channel), ledger, moved }))
    }

    /// Takes the message's place in the order of calls.
    pub(crate) fn publish(&self, message: Message) -> Ticket {
        let channel = Arc::clone(&self.0.channel);
        let len = message.payload.len();
        let returnable = message.options.mandatory || message.options.immediate;
        let kept = returnable.then(|| Box::new(message.clone()));
        let publish = || async move {
            // Not taken apart first, which would copy it once more.
            let (exchange, routing_key) = (message.exchange, message.routing_key);
            let (options, payload) = (message.options, &message.payload);
            channel.basic_publish(exchange, routing_key, options, payload, message.properties).await
        };
        let at = self.ledger().publish(len, kept, publish);
        Ticket { at, flights: self.clone(), asked: false }
    }

    /// Waits until fewer than `limit` messages are in flight.
    pub(crate) async fn below(&self, limit: usize) {
        poll_fn(|cx| {
            self.0.moved.watch(cx.waker());
            if self.flying() < limit { Poll::Ready(()) } else { Poll::Pending }
        })
        .await;
    }

    /// How many messages are in flight.
    pub(crate) fn flying(&self) -> usize {
        let mut ledger = self.ledger();
        ledger.watch();
        ledger.settle_moved();
        ledger.flying()
    }

    /// The returned messages whose outcome nobody waited for.
    pub(crate) fn take_unclaimed(&self) -> Vec<BasicReturnMessage> {
        self.ledger().take_unclaimed()
    }

    fn ledger(&self) -> MutexGuard<'_, Ledger> {
        self.0.ledger.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A message on its way. Dropped, the message goes on without it.
pub(crate) struct Ticket {
    at: usize,
    flights: Flights,
    /// The outcome was given, and the slot is no longer this message's.
    asked: bool,
}

impl Ticket {
    /// Waits until the message is written to the connection, which is true, or settled without.
    pub(crate) async fn written(&self) -> bool {
        poll_fn(|cx| {
            let mut ledger = self.flights.ledger();
            let written = ledger.once(self.at, cx.waker(), |ledger| {
                ledger.settle_moved();
                ledger.is_written(self.at)
            });
            if written.is_ready() {
                // Else the confirmation would wake who waits for something else by then.
                ledger.unregister(self.at);
            }
            written
        })
        .await
    }

    /// Ready, once, when the message is settled.
    pub(crate) fn poll_outcome(&mut self, cx: &mut Context<'_>) -> Poll<Outcome> {
        if self.asked {
            return Poll::Pending;
        }
        let at = self.at;
        let mut ledger = self.flights.ledger();
        let outcome = ledger.once(at, cx.waker(), |ledger| ledger.ask(at));
        self.asked = outcome.is_ready();
        outcome
    }

    /// The outcome, where there is one already.
    pub(crate) fn outcome(&mut self) -> Option<Outcome> {
        let outcome = self.flights.ledger().take_outcome(self.at);
        self.asked = outcome.is_some();
        outcome
    }
}

impl fmt::Debug for Ticket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Ticket").field(&self.at).finish()
    }
}

impl Drop for Ticket {
    fn drop(&mut self) {
        if !self.asked {
            self.flights.ledger().abandon(self.at);
        }
    }
}
